"""A command's effect, its events and its stored reply, all in one transaction or not at all."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import asyncpg
import msgspec

from shared.backoff import Backoff
from shared.bus.messages import KEY_MAX_LENGTH, Call, Reply
from shared.bus.subjects import event_tail
from shared.contracts.declaration import AnyEvent, Command, Event
from shared.database.failures import CONFLICTS_TO_REPEAT, Connection, outcome_unknown
from shared.database.pool import QUERY_TIMEOUT, Database
from shared.errors import CommandError, ErrorCode
from shared.telemetry.logs import logger
from shared.telemetry.trace import TraceContext, current_trace

Req = TypeVar("Req")
Res = TypeVar("Res")
P = TypeVar("P")
T = TypeVar("T")

#: A quarter of what NATS takes: one event that could not be published would hold up all behind it.
EVENT_MAX_BYTES = 256 * 1024
#: A transaction that lost a deadlock or a serialization race is run again this often: the winner is done by then.
_ATTEMPTS = 4

_encode = msgspec.json.Encoder().encode

_OUTCOME = "SELECT request_hash, reply, events FROM idempotency WHERE actor = $1 AND command = $2 AND key = $3"
_INSERT_EVENTS = """
INSERT INTO outbox (subject, kind, actor, account, bot, trace, data)
SELECT e.subject, e.kind, $3, e.account, e.bot, $4, e.data
FROM unnest($1::text[], $2::text[], $5::text[], $6::text[], $7::bytea[])
  WITH ORDINALITY AS e (subject, kind, account, bot, data, place)
ORDER BY e.place
RETURNING id
"""


class Wakeable(Protocol):
    """What is told after a commit that there are events to publish."""

    def wake(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Emitted:
    subject: str
    kind: str
    account: str | None
    bot: str | None
    data: bytes


class Work:
    """What an effect works with inside its transaction: the connection, and the events it adds."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._emitted: list[_Emitted] = []

    def emit(self, event: Event[P], payload: P) -> None:
        """Add an event; it exists if and only if the transaction commits. Lock the row of what changed first.

        Events are in the order of a row's changes only because each change locked the row before it wrote.

        Raises:
            ValueError: if `payload` takes more than `EVENT_MAX_BYTES` as JSON.
        """
        data = _encode(payload)
        if len(data) > EVENT_MAX_BYTES:
            raise ValueError(f"expected at most {EVENT_MAX_BYTES} bytes for {event.kind}, was {len(data)}")
        tail = event_tail(event, event.key_values(payload))
        self._emitted.append(_Emitted(tail, event.kind, event.account_of(payload), event.bot_of(payload), data))

    async def store_events(self, actor: str, trace: TraceContext | None) -> tuple[int, ...]:
        """Write the events to the outbox as caused by `actor` and return their ids; for whoever made this `Work`."""
        if not self._emitted:
            return ()
        rows = await self.connection.fetch(
            _INSERT_EVENTS,
            [e.subject for e in self._emitted],
            [e.kind for e in self._emitted],
            actor,
            None if trace is None else str(trace),
            [e.account for e in self._emitted],
            [e.bot for e in self._emitted],
            [e.data for e in self._emitted],
        )
        return tuple(row["id"] for row in rows)


class UnitOfWork:
    """Runs effects in transactions.

    An effect may be run again when its transaction lost a deadlock, so it may do nothing but work in the database;
    what else must happen, happens after `run` has returned.

    `hash_key` (up to 64 bytes) keys the stored hashes of requests, which may hold secrets that a bare hash would let
    somebody guess.
    """

    def __init__(self, database: Database, relay: Wakeable | None, hash_key: bytes = b"") -> None:
        self._database = database
        self._relay = relay
        self._hash_key = hash_key
        self._log = logger("unit_of_work")

    async def run(self, command: Command[Req, Res], call: Call, effect: Callable[[Work], Awaitable[Res]]) -> Reply:
        """Do `command` once, and answer with its first reply however often it comes with the same key.

        A duplicate that comes while the first one runs waits for its end. An effect that raises leaves nothing
        behind, not even the key.

        Raises:
            CommandError: what `effect` raised; `INVALID` for a key where none is accepted; `EXPIRED` when the deadline
                has passed before the work began; `CONFLICT` when the key came with another request before;
                `UNAVAILABLE` when nothing was done because PostgreSQL is gone; `OUTCOME_UNKNOWN`, with the key, when
                it was lost during the commit or the first one with this key did not end in time.
        """
        self._check(command, call)

        async def once() -> tuple[Reply, bool]:
            async with self._database.transaction() as connection:
                if call.key is not None:
                    stored = await self._claim(connection, call, call.key)
                    if stored is not None:
                        return stored, False
                work = Work(connection)
                body = _encode(await effect(work))
                events = await work.store_events(call.actor, call.trace)
                if call.key is not None:
                    await connection.execute(
                        "UPDATE idempotency SET reply = $4, events = $5 WHERE actor = $1 AND command = $2 AND key = $3",
                        call.actor, call.command, call.key, body, events,
                    )  # fmt: skip
            return Reply(body, events), bool(events)

        try:
            reply, woken = await self._repeat(once)
        except CommandError as error:
            if error.code is ErrorCode.OUTCOME_UNKNOWN and error.key is None:
                raise outcome_unknown(self._database.schema, call.key) from error
            raise
        if woken:
            self._wake()
        return reply

    async def outcome(self, command: Command[Req, Res], call: Call) -> Reply | None:
        """Return the reply to an earlier call with the key of this one, None if there is none so far.

        For a command that asks others before its transaction: its repetition need not ask them again. `run` decides.

        Raises:
            CommandError: as `run`, as far as it concerns the key, the deadline and the reading.
        """
        self._check(command, call)
        if call.key is None:
            return None
        row = await self._database.fetchrow(_OUTCOME, call.actor, call.command, call.key)
        return None if row is None else self._stored(row, call, call.key)

    async def change(self, actor: str, effect: Callable[[Work], Awaitable[T]]) -> tuple[T, tuple[int, ...]]:
        """Make a change that no command asked for; return what `effect` returned and the ids of its events.

        Raises:
            CommandError: as `run`, without those about keys and deadlines.
        """

        async def once() -> tuple[T, tuple[int, ...]]:
            async with self._database.transaction() as connection:
                work = Work(connection)
                result = await effect(work)
                return result, await work.store_events(actor, current_trace.get())

        result, events = await self._repeat(once)
        if events:
            self._wake()
        return result, events

    async def tell(self, actor: str, *events: tuple[AnyEvent, Any]) -> tuple[int, ...]:
        """Publish `events` (each with its payload) that no command caused; return their ids.

        Raises:
            CommandError: as `change`.
        """

        async def emit(work: Work) -> None:
            for event, payload in events:
                work.emit(event, payload)

        _, ids = await self.change(actor, emit)
        return ids

    def _check(self, command: Command[Req, Res], call: Call) -> None:
        if call.key is not None:
            if not command.accepts_key:
                raise CommandError(ErrorCode.INVALID, f"{command.key} takes no idempotency key.")
            if not 0 < len(call.key) <= KEY_MAX_LENGTH or "\0" in call.key:
                raise CommandError(
                    ErrorCode.INVALID, f"expected an idempotency key of 1 to {KEY_MAX_LENGTH} characters."
                )
        if call.seconds_left() <= 0:
            raise CommandError(ErrorCode.EXPIRED, "The deadline had passed before the work began; nothing was changed.")

    async def _claim(self, connection: Connection, call: Call, key: str) -> Reply | None:
        """Take the key for this transaction, or return the reply that was stored under it."""
        patience = min(QUERY_TIMEOUT, max(call.seconds_left(), 0.001))
        try:
            # Where another transaction has the key, PostgreSQL waits here for its end.
            claimed = await connection.fetchval(
                "INSERT INTO idempotency (actor, command, key, request_hash) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT DO NOTHING RETURNING true",
                call.actor, call.command, key, self._digest(call),
                timeout=patience,
            )  # fmt: skip
        except TimeoutError as error:
            raise CommandError(
                ErrorCode.OUTCOME_UNKNOWN, "An earlier request with this key is still being worked on.", key=key
            ) from error
        if claimed:
            return None
        row = await connection.fetchrow(_OUTCOME, call.actor, call.command, key)
        if row is None:
            # Its retention ended between the two statements.
            raise CommandError(ErrorCode.OUTCOME_UNKNOWN, "The outcome of this key is no longer kept.", key=key)
        return self._stored(row, call, key)

    def _digest(self, call: Call) -> bytes:
        return blake2b(call.body, key=self._hash_key, digest_size=32).digest()

    def _stored(self, row: asyncpg.Record, call: Call, key: str) -> Reply:
        if not hmac.compare_digest(row["request_hash"], self._digest(call)):
            raise CommandError(
                ErrorCode.CONFLICT, "This idempotency key was used before with another request.", key=key
            )
        return Reply(row["reply"], tuple(row["events"]))

    async def _repeat(self, once: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff(0.01, 0.1)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await once()
            except CONFLICTS_TO_REPEAT as error:
                reason = type(error).__name__
                self._log.info("transaction lost a race", schema=self._database.schema, attempt=attempt, reason=reason)
                if attempt < _ATTEMPTS:
                    await backoff.wait()
        raise CommandError(
            ErrorCode.BUSY, f"{self._database.schema} is busy with other changes to the same; nothing was changed."
        )

    def _wake(self) -> None:
        if self._relay is not None:
            self._relay.wake()
