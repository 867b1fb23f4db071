"""Binance's market streams, many over one socket: hundreds of pairs are a few connections.

Source: "WebSocket Streams" of Binance's spot and USD-M futures documentation: a socket may have 1,024 streams,
last 24 hours, and send five messages a second; an address may open 300 sockets in five minutes.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from itertools import count
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.exchanges.clients import tls
from shared.exchanges.errors import ExchangeDown, ExchangeError
from shared.tasks import end_task

#: Streams of one socket: what one that dies takes with it for a moment.
MOST_STREAMS = 400
#: Seconds between two messages to a socket; who joins meanwhile goes with the next one.
PAUSE = 0.3
#: Seconds that a socket which nobody needs any more stays open: often somebody comes in a moment.
LINGER = 2.0
#: Streams that one message asks for.
MOST_ASKED = 100
#: Seconds that opening a socket, and the answer to a subscription, may take.
PATIENCE = 10.0
#: Messages that may lie unread before a follower is given up: it is too slow, and has to begin anew.
MOST_UNREAD = 10_000
#: Messages that are read in one turn of the loop.
AT_ONCE = 20
#: Seconds between two pings, and until a missing answer is the end.
PING = 10.0


class _Envelope(msgspec.Struct):
    """A message of the exchange: of a stream, or the answer to a request."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    id: int | None = None
    error: msgspec.Raw | None = None


#: Messages as the exchange sent them, JSON.
Messages = list[msgspec.Raw]

_decode = msgspec.json.Decoder(_Envelope).decode


class Inbox:
    """What came on the streams of one follower and was not read yet."""

    __slots__ = ("failure", "messages", "missing", "wake")

    def __init__(self, streams: Iterable[str]) -> None:
        self.messages: Messages = []
        #: The streams that the exchange has not confirmed yet.
        self.missing = set(streams)
        self.failure: ExchangeError | None = None
        self.wake = asyncio.Event()

    def fail(self, failure: ExchangeError) -> None:
        """End with this failure, the first one counts."""
        self.failure = self.failure or failure
        self.wake.set()


class BinanceStreams:
    """The sockets of one venue. `url` gives the address of one, without streams in it."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._url = url
        self._sockets: list[Socket] = []

    @property
    def sockets(self) -> int:
        """How many sockets there are."""
        return len(self._sockets)

    async def follow(self, streams: Sequence[str]) -> AsyncGenerator[Messages, None]:
        """Yield the messages of `streams`, all that have come since the last time; nothing when they stand.

        Raises:
            ExchangeError: when the socket breaks.
        """
        inbox = Inbox(streams)
        socket = self._socket_for(len(inbox.missing))
        socket.add(streams, inbox)
        try:
            async with asyncio.timeout(PATIENCE * 2):
                while inbox.missing and inbox.failure is None:
                    await inbox.wake.wait()
                    inbox.wake.clear()
            yield []
            while True:
                if inbox.failure is not None:
                    raise inbox.failure
                if inbox.messages:
                    messages, inbox.messages = inbox.messages, []
                    yield messages
                else:
                    inbox.wake.clear()
                    await inbox.wake.wait()
        except TimeoutError:
            raise ExchangeDown(f"{self._name} does not confirm the subscription") from None
        finally:
            socket.remove(streams, inbox)

    async def close(self) -> None:
        """Close all sockets; who follows is told."""
        sockets, self._sockets = self._sockets, []
        await asyncio.gather(*(socket.close() for socket in sockets))

    def _socket_for(self, count: int) -> "Socket":
        socket = next((one for one in self._sockets if one.streams + count <= MOST_STREAMS), None)
        if socket is None:
            socket = Socket(self._name, self._url, self._ended)
            self._sockets.append(socket)
        return socket

    def _ended(self, socket: "Socket") -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)


class Socket:
    """One connection. It opens by itself, and ends when it breaks or nobody follows anything on it any more."""

    def __init__(self, name: str, url: str, ended: Callable[["Socket"], None]) -> None:
        self._name = name
        self._url = url
        self._ended = ended
        self._listeners: dict[str, list[Inbox]] = {}
        self._subscribed: set[str] = set()
        self._confirmed: set[str] = set()
        self._asked: dict[int, list[str]] = {}
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"socket of {name}")

    @property
    def streams(self) -> int:
        """How many streams are followed."""
        return len(self._listeners)

    def add(self, streams: Iterable[str], inbox: Inbox) -> None:
        """Have what comes on `streams` put into `inbox`."""
        for stream in streams:
            self._listeners.setdefault(stream, []).append(inbox)
            if stream in self._confirmed:
                inbox.missing.discard(stream)
        inbox.wake.set()
        self._changed.set()

    def remove(self, streams: Iterable[str], inbox: Inbox) -> None:
        """Put nothing into `inbox` any more."""
        for stream in streams:
            listeners = self._listeners.get(stream, [])
            if inbox in listeners:
                listeners.remove(inbox)
            if not listeners:
                self._listeners.pop(stream, None)
        self._changed.set()

    async def close(self) -> None:
        """Close the connection."""
        await end_task(self._task)

    async def _run(self) -> None:
        failure: ExchangeError = ExchangeDown(f"the stream of {self._name} was closed")
        try:
            failure = await self._serve()
        except (OSError, TimeoutError, WebSocketException) as error:
            failure = ExchangeDown(f"the stream of {self._name} broke ({type(error).__name__})")
        except msgspec.DecodeError:
            failure = ExchangeDown(f"{self._name} sent what cannot be read")
        finally:
            self._ended(self)
            for inboxes in self._listeners.values():
                for inbox in inboxes:
                    inbox.fail(failure)

    async def _serve(self) -> ExchangeError:
        """Open the connection and use it until it breaks; return why it ended in good order."""
        secure: dict[str, Any] = {"ssl": tls()} if self._url.startswith("wss:") else {}
        async with connect(
            self._url,
            compression=None,
            open_timeout=PATIENCE,
            ping_interval=PING,
            ping_timeout=PING * 2,
            close_timeout=1.0,
            max_size=16 * 1024 * 1024,
            max_queue=1024,
            **secure,
        ) as connection:
            asking = asyncio.create_task(self._ask(connection), name=f"subscriptions of {self._name}")
            reading = asyncio.create_task(self._read(connection), name=f"reading {self._name}")
            try:
                await asyncio.wait({asking, reading}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (asking, reading):
                    await end_task(task)
            # Both are looked at: a failure that nobody has seen would be told by asyncio.
            failures = [task.exception() for task in (reading, asking) if not task.cancelled()]
            for failure in failures:
                if failure is not None:
                    raise failure
        return ExchangeDown(f"the stream of {self._name} ended")

    async def _ask(self, connection: ClientConnection) -> None:
        """Tell the exchange what is wanted; return when that is nothing any more."""
        number = 0
        while True:
            await self._changed.wait()
            self._changed.clear()
            while change := self._next_change():
                method, streams = change
                number += 1
                self._asked[number] = streams if method == "SUBSCRIBE" else []
                await connection.send(msgspec.json.encode({"method": method, "params": streams, "id": number}).decode())
                await asyncio.sleep(PAUSE)
            if not self._listeners:
                await asyncio.sleep(LINGER)
                if not self._listeners:
                    # From here on nobody else may join.
                    self._ended(self)
                    return

    def _next_change(self) -> tuple[str, list[str]] | None:
        missing = [stream for stream in self._listeners if stream not in self._subscribed][:MOST_ASKED]
        if missing:
            self._subscribed.update(missing)
            return "SUBSCRIBE", missing
        unwanted = [stream for stream in self._subscribed if stream not in self._listeners][:MOST_ASKED]
        if unwanted and self._listeners:
            self._subscribed.difference_update(unwanted)
            self._confirmed.difference_update(unwanted)
            return "UNSUBSCRIBE", unwanted
        return None

    async def _read(self, connection: ClientConnection) -> None:
        listeners = self._listeners
        for number in count(1):
            if not number % AT_ONCE:
                # Of a hundred that came together the first is to be told before the last is read.
                await asyncio.sleep(0)
            message = _decode(await connection.recv(decode=False))
            if message.stream:
                for inbox in listeners.get(message.stream, ()):
                    inbox.messages.append(message.data)
                    inbox.wake.set()
                    if len(inbox.messages) > MOST_UNREAD:
                        inbox.fail(ExchangeDown(f"the stream of {self._name} was not followed fast enough"))
            elif message.id is not None:
                self._answered(message)

    def _answered(self, message: _Envelope) -> None:
        assert message.id is not None
        for stream in self._asked.pop(message.id, ()):
            self._confirmed.add(stream)
            for inbox in self._listeners.get(stream, ()):
                inbox.missing.discard(stream)
                if message.error is not None:
                    inbox.fail(ExchangeDown(f"{self._name} refuses a subscription"))
                inbox.wake.set()
