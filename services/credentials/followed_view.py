"""Keeps the view in memory true: filled from the database, then by own commits and by the stream of all replicas."""

import asyncio
from collections.abc import Iterable

import msgspec

from services.credentials.accounts_view import VIEWED, AccountsView
from services.credentials.changes import Told
from services.credentials.repository import Repository
from shared.bus.messages import Call
from shared.contracts.credentials import KEYRING_ROTATED, SERVICE
from shared.database.pool import Database
from shared.events.applied import AppliedEvents
from shared.events.envelope import Envelope
from shared.events.position import current_position
from shared.events.reader import Gap, StreamReader
from shared.settings import Settings

#: Seconds that a read waits for the stream to bring what its caller knows of; then it asks the database itself. The
#: stream needs a few milliseconds, but 250 more where another replica than the one that relays has made the change.
STREAM_PATIENCE = 0.02


class FollowedView:
    """The view, and how far it has come."""

    def __init__(self, settings: Settings, database: Database, attention: asyncio.Event) -> None:
        """`attention` is set when there is something to look at: a rotated keyring, or a view that needs `repair`."""
        self.view = AccountsView()
        self._settings = settings
        self._database = database
        self._attention = attention
        self._applied = AppliedEvents()
        self._decoders = {kind: msgspec.json.Decoder(event.payload) for kind, event in VIEWED.items()}
        self._reader: StreamReader | None = None
        self._has_gap = False

    @property
    def position(self) -> int:
        """The last event of the stream that was seen, by its `seq`."""
        return 0 if self._reader is None else self._reader.position

    async def start(self) -> None:
        """Fill the view from the database and follow the stream from there."""
        seq = await self.reload()
        self._reader = StreamReader(self._settings, SERVICE, SERVICE, seq, self._seen, on_gap=self._missed)
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
            rows = await Repository(connection).accounts()
        self.view.load(rows)
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

    def committed(self, told: Told, event_ids: Iterable[int]) -> None:
        """Take in what this replica has just committed; nothing if it was told nothing."""
        if told:
            for event, payload in told:
                self.view.apply(event, payload)
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
        # Each event holds the whole state of its account, so those that are missing are enough.
        for stored in await Repository(self._database).events(call.after):
            self._take(stored.kind, stored.data)
            self._applied.mark(stored.event_id)

    def _seen(self, envelope: Envelope) -> None:
        self._take(envelope.kind, envelope.data)
        self._applied.mark(envelope.event_id)

    def _take(self, kind: str, data: bytes | msgspec.Raw) -> None:
        event = VIEWED.get(kind)
        if event is not None:
            self.view.apply(event, self._decoders[kind].decode(data))
        elif kind == KEYRING_ROTATED.kind:
            self._attention.set()

    def _missed(self, _: Gap) -> None:
        self._has_gap = True
        self._attention.set()
