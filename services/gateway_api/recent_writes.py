"""What a caller has changed a moment ago, so that the next question sees it whichever replica answers."""

import time
from collections import deque
from collections.abc import Callable

from services.gateway_api.room import make_room

#: Seconds after which every replica that is ready has applied an event.
REMEMBERED = 5.0
#: Ids that go with one question; of a flood of changes, the latest.
MAX_IDS = 64
_MAX_CALLERS = 10_000


class RecentWrites:
    """The ids of the events that each caller's commands caused, by service, for a few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ids: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def note(self, actor: str, service: str, ids: tuple[int, ...]) -> None:
        """Remember that a command of `actor` to `service` caused the events `ids`."""
        if not ids:
            return
        now = self._clock()
        recent = self._ids.get((actor, service))
        if recent is None:
            make_room(self._ids, _MAX_CALLERS, lambda old: old[-1][0] <= now)
            recent = self._ids[actor, service] = deque(maxlen=MAX_IDS)
        recent.extend((now + REMEMBERED, number) for number in ids)

    def after(self, actor: str, service: str) -> tuple[int, ...]:
        """Return the ids that an answer of `service` to `actor` must already reflect."""
        recent = self._ids.get((actor, service))
        if recent is None:
            return ()
        now = self._clock()
        while recent and recent[0][0] <= now:
            recent.popleft()
        if not recent:
            del self._ids[actor, service]
        return tuple(number for _, number in recent)
