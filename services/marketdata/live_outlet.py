"""Where live data leave: the latest state of each subject is sent as soon as the bus takes it, older ones never.

Whoever follows a market is not held up by the bus: `offer` returns at once, and a state that a newer one has overtaken
before it was sent is not sent at all. Nothing is kept for a bus that is away.
"""

import asyncio

import msgspec
from nats.errors import Error as NatsError

from shared.bus.broker import Broker
from shared.bus.subjects import Subjects
from shared.contracts.declaration import Live, P
from shared.settings import Settings
from shared.tasks import end_task
from shared.telemetry.logs import logger

_encode = msgspec.json.Encoder().encode
_log = logger("live")


class LiveOutlet:
    """Sends what `user` has to say live. There is at most one state a subject to be sent."""

    def __init__(self, settings: Settings, user: str) -> None:
        self._subjects = Subjects(settings.namespace)
        self._broker = Broker(settings, user)
        self._names: dict[tuple[str, ...], str] = {}
        self._offered: dict[tuple[str, float | None], msgspec.Struct | msgspec.Raw] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        self.lost = 0
        self.overtaken = 0

    @property
    def connected(self) -> bool:
        """Whether the bus can be reached now."""
        return self._broker.connected

    async def start(self) -> None:
        """Connect, waiting for the server."""
        await self._broker.start()
        self._task = asyncio.create_task(self._send_all(), name="live")

    async def stop(self) -> None:
        """Stop sending; what was offered last may not be sent."""
        await end_task(self._task)
        await self._broker.stop()

    def offer(
        self, live: Live[P], connector: str, pair: str, state: P | msgspec.Raw, *keys: str, once: float | None = None
    ) -> None:
        """Have `state` sent as the latest of `live` for a pair, with the values of its further keys.

        A state that is JSON already is sent as it is. One with a number `once` of its own is overtaken by none but that
        with the same number.
        """
        key = (live.kind, connector, pair, *keys)
        subject = self._names.get(key)
        if subject is None:
            subject = self._names[key] = self._subjects.live(live, connector, pair, *keys)
        # It goes to the end: else it would be sent before what was offered of its subject since.
        if self._offered.pop((subject, once), None) is not None:
            self.overtaken += 1
        assert isinstance(state, msgspec.Struct | msgspec.Raw)
        self._offered[subject, once] = state
        self._something.set()

    def forget(self, live: Live[P], connector: str, pair: str, *keys: str) -> None:
        """Let go of what is kept for a subject that nothing is offered for any more."""
        self._names.pop((live.kind, connector, pair, *keys), None)

    async def _send_all(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            offered, self._offered = self._offered, {}
            for (subject, _), state in offered.items():
                if await self._send(subject, state):
                    self.sent += 1
                else:
                    self.lost += 1

    async def _send(self, subject: str, state: msgspec.Struct | msgspec.Raw) -> bool:
        if not self._broker.connected:
            return False  # the connection has logged it
        try:
            await self._broker.publish(_encode(state), subject)
        except (NatsError, OSError) as error:
            _log.warning("live data lost", subject=subject, error=str(error) or type(error).__name__)
            return False
        return True
