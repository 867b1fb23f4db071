"""Keeps a view in memory true: filled from the database, then by own commits and by the stream of all replicas."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from shared.bus.messages import Call
from shared.contracts.declaration import AnyEvent
from shared.database.failures import Connection
from shared.database.pool import Database
from shared.events.applied import AppliedEvents
from shared.events.envelope import Envelope
from shared.events.position import current_position
from shared.events.reader import Gap, StreamReader
from shared.events.stored import stored_events
from shared.settings import Settings

#: Seconds that a read waits for the stream to bring what its caller knows of; then it asks the database itself. The
#: stream needs a few milliseconds, but 250 more where another replica than the one that relays has made the change.
STREAM_PATIENCE = 0.02


class View(Protocol):
    """What is kept true. It must not mind in which order, and how often, it is told something: each thing it holds has
    a version, and what is older than that changes nothing."""

    @property
    def events(self) -> Iterable[AnyEvent]:
        """The events that concern the view."""
        ...

    async def load(self, connection: Connection) -> None:
        """Take in what the tables hold; what the view knows of later versions stays."""
        ...

    def apply(self, event: AnyEvent, payload: Any) -> None:
        """Take in one event; one that does not concern the view, or is older than it, changes nothing."""
        ...


class FollowedView:
    """A view of a service's own tables, and how far it has come."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        database: Database,
        view: View,
        *,
        on_gap: Callable[[], None],
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        """`on_gap` is called when the stream has left something out, so that the view needs `repair`.

        `on_event` is told the kinds of those events of the stream that the view does not want.
        """
        self._settings = settings
        self._service = service
        self._database = database
        self._view = view
        self._on_gap = on_gap
        self._on_event = on_event
        self._applied = AppliedEvents()
        self._events = {event.kind: (event, msgspec.json.Decoder(event.payload)) for event in view.events}
        self._reader: StreamReader | None = None
        self._has_gap = False

    @property
    def position(self) -> int:
        """The last event of the stream that was seen, by its `seq`."""
        return 0 if self._reader is None else self._reader.position

    async def start(self) -> None:
        """Fill the view from the database and follow the stream from there.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        seq = await self.reload()
        self._reader = StreamReader(self._settings, self._service, self._service, seq, self._seen, on_gap=self._missed)
        await self._reader.start()

    async def stop(self) -> None:
        """Stop following."""
        if self._reader is not None:
            await self._reader.stop()

    async def reload(self) -> int:
        """Take in what the database holds; return the `seq` up to which that is certain.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        async with self._database.transaction() as connection:
            # In this order: then the tables hold at least the events of the position.
            position = await current_position(connection)
            await self._view.load(connection)
        self._applied.load(position.event_ids)
        return position.seq

    async def repair(self) -> None:
        """Take in what the database holds if the stream has left something out.

        Raises:
            CommandError: UNAVAILABLE if the database cannot be asked.
        """
        if self._has_gap:
            self._has_gap = False
            try:
                await self.reload()
            except BaseException:
                self._has_gap = True
                raise

    def committed(self, told: Sequence[tuple[AnyEvent, Any]], event_ids: Iterable[int]) -> None:
        """Take in what this replica has just committed: events with their payloads, and their ids.

        Nothing is taken in, and nothing noted, if it was told nothing: then the events come by the stream.
        """
        if told:
            for event, payload in told:
                self._view.apply(event, payload)
            for event_id in event_ids:
                self._applied.mark(event_id)

    def holds(self, event_ids: Iterable[int]) -> bool:
        """Return whether the view holds these events."""
        return self._applied.holds(event_ids)

    async def catch_up(self, call: Call) -> None:
        """Return when the view holds the events that the caller knows of, as far as there are such events.

        Raises:
            CommandError: UNAVAILABLE if the stream has not brought them and the database cannot be asked.
        """
        if await self._applied.wait(call.after, min(STREAM_PATIENCE, call.seconds_left() / 2)):
            return
        # Each event holds the whole state of what it is about, so those that are missing are enough.
        for stored in await stored_events(self._database, call.after):
            self._take(stored.kind, stored.data)
            self._applied.mark(stored.event_id)

    def _seen(self, envelope: Envelope) -> None:
        wanted = self._take(envelope.kind, envelope.data)
        self._applied.mark(envelope.event_id)
        if not wanted and self._on_event is not None:
            self._on_event(envelope.kind)

    def _take(self, kind: str, data: bytes | msgspec.Raw) -> bool:
        known = self._events.get(kind)
        if known is None:
            return False
        event, decoder = known
        self._view.apply(event, decoder.decode(data))
        return True

    def _missed(self, _: Gap) -> None:
        self._has_gap = True
        self._on_gap()
