"""Read-your-writes for answers from memory: wait until a replica's memory holds the events that a caller knows of."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable


class AppliedEvents:
    """The events that a view in memory has applied, by their `event_id`.

    The last `capacity` ids are remembered one by one. All below the ones that were forgotten count as applied: at
    5,000 events a second the default spans 13 seconds, longer than any transaction lives that could fill a hole there.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._floor = 0
        self._applied: OrderedDict[int, None] = OrderedDict()
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}

    def load(self, ids: Iterable[int]) -> None:
        """Note what the snapshot holds that a view was filled from: `ids`, of `current_position`, and all below."""
        ids = tuple(ids)
        for event_id in ids:
            self.mark(event_id)
        if ids:
            self._raise_floor(min(ids))

    def mark(self, event_id: int) -> None:
        """Note that the event has been applied, and wake who waits for it."""
        if event_id <= self._floor:
            return
        self._applied[event_id] = None
        self._wake(event_id)
        if len(self._applied) > self._capacity:
            forgotten, _ = self._applied.popitem(last=False)
            self._raise_floor(forgotten)

    def holds(self, ids: Iterable[int]) -> bool:
        """Return whether all of `ids` have been applied."""
        return all(event_id <= self._floor or event_id in self._applied for event_id in ids)

    async def wait(self, ids: Iterable[int], timeout: float) -> bool:
        """Wait until all of `ids` have been applied; return False when that takes longer than `timeout` seconds."""
        missing = [event_id for event_id in ids if not self.holds((event_id,))]
        if not missing:
            return True
        if timeout <= 0:
            return False
        loop = asyncio.get_running_loop()
        futures = [(event_id, loop.create_future()) for event_id in missing]
        for event_id, future in futures:
            self._waiting.setdefault(event_id, []).append(future)
        try:
            _, pending = await asyncio.wait([future for _, future in futures], timeout=timeout)
            return not pending
        finally:
            for event_id, future in futures:
                self._stop_waiting(event_id, future)

    def _raise_floor(self, event_id: int) -> None:
        self._floor = max(self._floor, event_id)
        for waited in [waited for waited in self._waiting if waited <= self._floor]:
            self._wake(waited)

    def _wake(self, event_id: int) -> None:
        for future in self._waiting.pop(event_id, ()):
            if not future.done():
                future.set_result(None)

    def _stop_waiting(self, event_id: int, future: "asyncio.Future[None]") -> None:
        future.cancel()
        waiting = self._waiting.get(event_id)
        if waiting is not None and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[event_id]
