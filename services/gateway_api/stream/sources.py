"""Where the ring's events come from: one reader a service follows its stream; older events are read when asked for."""

import asyncio
from collections.abc import Callable, Sequence

from services.gateway_api.stream.ring import EventRing
from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.contracts.declaration import EDGE
from shared.errors import CommandError, ErrorCode
from shared.events.envelope import Envelope
from shared.events.range import EventRange, read_range
from shared.events.reader import Gap, StreamReader
from shared.settings import Settings

#: Reads of old events at the same time; each makes a consumer on the server.
_READS_AT_ONCE = 8


class EventSources:
    """Feeds `ring`, and whoever else has to know of events.

    Args:
        services: the services that publish events.
        on_event: told of every event.
        on_gap: told that events of a service were missed.
    """

    def __init__(
        self,
        settings: Settings,
        services: Sequence[str],
        ring: EventRing,
        on_event: Callable[[Envelope], None],
        on_gap: Callable[[Gap], None],
    ) -> None:
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._ring = ring
        self._on_event = on_event
        self._readers = {
            service: StreamReader(settings, EDGE, service, None, self._received, on_gap=on_gap) for service in services
        }
        self._connecting: asyncio.Task[Client] | None = None
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)

    async def start(self) -> None:
        """Begin to follow; returns at once and waits for no server."""
        self._connecting = asyncio.create_task(connect(self._settings, EDGE), name="connect for old events")
        for reader in self._readers.values():
            await reader.start()

    async def stop(self) -> None:
        """Stop following."""
        for reader in self._readers.values():
            await reader.stop()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
            if not self._connecting.cancelled() and self._connecting.exception() is None:
                await close(self._connecting.result())

    def missing(self) -> list[str]:
        """Return the services of which it is not known where their events stand."""
        for service, reader in self._readers.items():
            if reader.placed and service not in self._ring.head:
                self._ring.begin(service, reader.position)
        return [service for service in self._readers if service not in self._ring.head]

    async def kept(self, service: str, after: int, most: int) -> EventRange:
        """Read events from before what the ring holds.

        Raises:
            CommandError: UNAVAILABLE if they cannot be read now.
        """
        connecting = self._connecting
        if connecting is None or not connecting.done():
            raise CommandError(ErrorCode.UNAVAILABLE, f"the events of {service} cannot be read at the moment")
        async with self._reading:
            return await read_range(connecting.result(), self._subjects, service, after, most)

    def _received(self, event: Envelope) -> None:
        if event.service not in self._ring.head:
            self._ring.begin(event.service, event.seq - 1)
        self._ring.append(event)
        self._on_event(event)
