"""What replicas have each other do, and ask each other: a command reaches one of them, its feeds are anywhere.

Each says every second that it is there. So one who asks knows whose answers to wait for. One that is silent (stopped,
or cut off) is waited for half a second each time, until it counts as gone.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.settings import Settings
from shared.tasks import end_task
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

R = TypeVar("R", bound=msgspec.Struct)

#: Seconds between two words of a replica that it is there, and after which a silent one counts as gone.
PRESENT_EVERY = 1.0
GONE_AFTER = 2.5
#: Seconds that answers are waited for.
PATIENCE = 0.5
#: Rows of one message: some 100 kB.
ROWS = 500

_log = logger("marketdata")


class Deed(StrEnum):
    """What is to be done or told."""

    #: End the feed of a pair's book; tell whether there was one (a `Done`).
    FORGET_BOOK = "forget_book"
    #: Open the streams of a connector's books anew; tell of which pairs (a `Done` each).
    RESTART_BOOKS = "restart_books"
    #: Tell of the books of a connector (a `BookReport` each).
    REPORT_BOOKS = "report_books"
    #: Tell which feeds run (a `RunningFeed` each).
    LIST_FEEDS = "list_feeds"


class Call(msgspec.Struct, frozen=True, tag="call"):
    """A deed, for all, for a connector, or for a pair of it; `sender` is the replica that says so."""

    deed: Deed
    connector_name: str = ""
    trading_pair: str = ""
    sender: str = ""


class Here(msgspec.Struct, frozen=True, tag="here"):
    """That a replica is there."""

    sender: str


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """That a replica ends."""

    sender: str


class Done(msgspec.Struct, frozen=True):
    """That something was done to a pair's book."""

    trading_pair: str


class _Part(msgspec.Struct, frozen=True):
    """Some rows of an answer; after the last there is no other."""

    sender: str
    rows: msgspec.Raw
    is_last: bool


#: Does what a replica is called for; returns what there is to tell of it.
Heard = Callable[[Call], Sequence[msgspec.Struct]]

_message = msgspec.json.Decoder(Call | Here | Gone).decode
_part = msgspec.json.Decoder(_Part).decode
_encode = msgspec.json.Encoder().encode


class _Asked:
    """A question under way: the rows that have come, and who has not told all of its own."""

    def __init__(self, awaited: set[str]) -> None:
        self.awaited = awaited
        self.rows: list[msgspec.Raw] = []
        self.answered = asyncio.Event()

    def take(self, part: _Part) -> None:
        self.rows.append(part.rows)
        if part.is_last:
            self.awaited.discard(part.sender)
            if not self.awaited:
                self.answered.set()


class Neighbours:
    """Calls other replicas, and has `heard` do what they call for."""

    def __init__(self, settings: Settings, user: str, heard: Heard) -> None:
        self._settings = settings
        self._user = user
        self._heard = heard
        self._name = secrets.token_hex(8)
        self._subject = Subjects(settings.namespace).neighbours(user)
        self._inbox = f"{self._subject}.{self._name}."
        self._outage = Outage(_log, "other replicas not told", "other replicas told again")
        self._connection: Client | None = None
        self._present: dict[str, float] = {}
        self._asked: dict[str, _Asked] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def present(self) -> set[str]:
        """The other replicas that are there, as far as is known."""
        since = time.monotonic() - GONE_AFTER
        return {name for name, heard_at in self._present.items() if heard_at >= since}

    async def start(self) -> None:
        """Connect, waiting for the server, and listen."""
        self._connection = await connect(self._settings, self._user)
        await self._connection.subscribe_directly(self._inbox + "*", self._take_part)
        await self._connection.subscribe_directly(self._subject, self._take)
        await self._connection.flush()
        self._task = asyncio.create_task(self._keep_present(), name="presence among replicas")

    async def stop(self) -> None:
        """Tell the others, and close the connection."""
        await end_task(self._task)
        await self._send(Gone(self._name), self._subject)
        await close(self._connection)

    async def ask(self, call: Call, rows: type[R]) -> list[R]:
        """Have all other replicas do something; return what they tell, each as `rows`.

        One that does not answer within `PATIENCE` is left out. One that is cut off from the bus does not hear it.
        """
        token = secrets.token_hex(8)
        asked = self._asked[token] = _Asked(self.present)
        try:
            sent = await self._send(
                msgspec.structs.replace(call, sender=self._name), self._subject, self._inbox + token
            )
            if sent and asked.awaited:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await asked.answered.wait()
                if asked.awaited:
                    _log.info("replicas have not answered", deed=call.deed, replicas=len(asked.awaited))
        finally:
            del self._asked[token]
        return [row for some in asked.rows for row in msgspec.json.decode(some, type=list[rows])]  # type: ignore[valid-type]

    async def _keep_present(self) -> None:
        while True:
            await self._send(Here(self._name), self._subject)
            await asyncio.sleep(PRESENT_EVERY)
            self._present = {name: self._present[name] for name in self.present}

    async def _take(self, message: Msg) -> None:
        try:
            told = _message(message.data)
        except msgspec.DecodeError as error:  # of another version, which is on its way out or in
            _log.warning("another replica is not understood", error=str(error))
            return
        if told.sender == self._name:
            return
        if isinstance(told, Gone):
            self._present.pop(told.sender, None)
            return
        is_new = told.sender not in self._present
        self._present[told.sender] = time.monotonic()
        if isinstance(told, Call):
            await self._answer(told, message.reply)
        elif is_new:
            await self._send(Here(self._name), self._subject)

    async def _answer(self, call: Call, inbox: str) -> None:
        rows = self._heard(call)
        for begin in range(0, max(1, len(rows)), ROWS):
            some = msgspec.Raw(_encode(rows[begin : begin + ROWS]))
            await self._send(_Part(self._name, some, begin + ROWS >= len(rows)), inbox)

    async def _take_part(self, message: Msg) -> None:
        asked = self._asked.get(message.subject[len(self._inbox) :])
        if asked is not None:  # else it comes too late
            asked.take(_part(message.data))

    async def _send(self, told: msgspec.Struct, subject: str, reply: str = "") -> bool:
        """Publish `told`; return whether it has left."""
        assert self._connection is not None, "expected to be called after the start"
        try:
            await self._connection.publish(subject, _encode(told), reply=reply)
        except (NatsError, OSError) as error:
            self._outage.away(error=type(error).__name__)
            return False
        self._outage.back()
        return True
