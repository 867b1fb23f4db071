"""What one replica has all others do: a command reaches one of them, and the feeds that it is about are anywhere."""

import secrets
from collections.abc import Callable
from enum import StrEnum

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.bus.connection import Client, close, connect
from shared.bus.subjects import Subjects
from shared.settings import Settings
from shared.telemetry.logs import logger

_log = logger("marketdata")


class Deed(StrEnum):
    """What is to be done."""

    #: End the feed of a pair's book.
    FORGET_BOOK = "forget_book"
    #: Open the streams of a connector's books anew.
    RESTART_BOOKS = "restart_books"


class Call(msgspec.Struct, frozen=True):
    """A deed, for a connector or for a pair of it; `sender` is the replica that says so."""

    deed: Deed
    connector_name: str
    trading_pair: str | None = None
    sender: str = ""


class Neighbours:
    """Tells other replicas, and has `heard` take what they say."""

    def __init__(self, settings: Settings, user: str, heard: Callable[[Call], None]) -> None:
        self._settings = settings
        self._user = user
        self._heard = heard
        self._name = secrets.token_hex(8)
        self._subject = Subjects(settings.namespace).neighbours(user)
        self._connection: Client | None = None

    async def start(self) -> None:
        """Connect, waiting for the server, and listen."""
        self._connection = await connect(self._settings, self._user)
        await self._connection.subscribe_directly(self._subject, self._take)
        await self._connection.flush()

    async def stop(self) -> None:
        """Close the connection."""
        await close(self._connection)

    async def tell(self, call: Call) -> None:
        """Have all other replicas do something; one that is cut off from the bus does not hear it."""
        assert self._connection is not None, "expected to be called after the start"
        try:
            await self._connection.publish(
                self._subject, msgspec.json.encode(msgspec.structs.replace(call, sender=self._name))
            )
        except (NatsError, OSError) as error:
            _log.warning("other replicas not told", deed=call.deed, error=type(error).__name__)

    async def _take(self, message: Msg) -> None:
        call = msgspec.json.decode(message.data, type=Call)
        if call.sender != self._name:
            self._heard(call)
