"""The WebSockets of the exchange as an ASGI application, to be served with `shared.http.websocket.LineProtocol`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from services.simulator.engine.events import Outcome
from services.simulator.faults import Fault
from services.simulator.rest.ports import Faults as RequestFaults
from services.simulator.rest.refusals import TooManyRequests
from services.simulator.streams.api_connection import Api, ApiConnection
from services.simulator.streams.hub import Hub
from services.simulator.streams.listen_keys import ListenKeys
from services.simulator.streams.market_connection import MarketConnection
from services.simulator.streams.outlet import POLICY, MessageFaults, Outlet
from services.simulator.streams.pace import Pace
from services.simulator.streams.paths import Target, target
from services.simulator.streams.ports import Exchange
from services.simulator.streams.rates import MessageRate
from services.simulator.streams.socket_limits import SocketLimits
from services.simulator.streams.user_streams import UserStreams
from services.simulator.streams.watched import Watched
from services.simulator.venue import VENUES, Venue
from shared.http.websocket import EXTENSION, Line

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: How often it is looked for listen keys that have run out, in ms.
_EXPIRY_PERIOD = 1000
#: What it costs to open a socket of the WebSocket API.
_OPENING_WEIGHT = 2

Connection = MarketConnection | ApiConnection


class Faults(MessageFaults, RequestFaults, Protocol):
    """The faults, as far as they meet sockets and requests; see `faults.Faults`."""

    def listen(self, listener: Callable[[Fault], None]) -> None: ...
    def refuses_socket(self, path: str, api_key: str | None = None) -> bool: ...
    def closes_socket(self, fault: Fault, path: str, api_key: str | None = None) -> bool: ...


class StreamsApp:
    """Serves all WebSockets of both exchanges.

    Args:
        exchange: what they tell of.
        faults: what is to go wrong.
        listen_keys: shared with the REST API, which gives them out.
        api: the REST API, for what the WebSocket API has in common with it, and for weights.
        limits: what a socket may do.
    """

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        listen_keys: ListenKeys,
        api: Api,
        limits: SocketLimits,
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._listen_keys = listen_keys
        self._api = api
        self._limits = limits
        self._pace = Pace(exchange.market_ms)
        self._hubs = {venue: Hub(venue, exchange, self._pace) for venue in VENUES}
        self._users = UserStreams(exchange, listen_keys)
        self._connections: dict[Outlet, Connection] = {}
        exchange.listen(self._heard)
        faults.listen(self._fault_began)

    @property
    def sockets(self) -> int:
        """The number of open sockets."""
        return len(self._connections)

    def watched(self) -> Watched:
        """Return what is told to whom."""
        return Watched(
            self.sockets,
            {venue: hub.streams for venue, hub in self._hubs.items()},
            {venue: self._users.accounts(venue) for venue in VENUES},
            self._exchange.quoting.awake,
        )

    def stop(self) -> None:
        """Make no more updates."""
        self._pace.stop()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one socket until it is closed."""
        await receive()  # that it wants to connect
        path: str = scope["path"]
        wanted = target(path, scope["query_string"])
        address = scope["client"][0] if scope.get("client") else ""
        refused = 404 if wanted is None else self._refused(wanted, path, address)
        if wanted is None or refused:
            await _reject(send, refused)
            return
        line: Line = scope["extensions"][EXTENSION]
        line.keep_alive(self._limits.ping_interval, self._limits.ping_timeout)
        await send({"type": "websocket.accept"})
        outlet = Outlet(line, path, self._faults, self._limits)
        connection = self._connections[outlet] = self._connection(wanted, address, outlet)
        self._pace.add(_EXPIRY_PERIOD, self._expire_keys)
        lifetime = asyncio.get_running_loop().call_later(
            self._limits.seconds, outlet.close, 1001, "a connection lasts no longer"
        )
        try:
            await self._serve(connection, self._most_messages(wanted), line, outlet, receive)
        finally:
            connection.end()
            lifetime.cancel()
            del self._connections[outlet]

    def _refused(self, wanted: Target, path: str, address: str) -> int:
        """Return the HTTP status that a socket is refused with, 0 if it may be opened."""
        if self._faults:
            api_keys = (None, *(self._users.api_key(wanted.venue, name) for name in wanted.names))
            if any(self._faults.refuses_socket(path, api_key) for api_key in api_keys):
                return 503
        if wanted.api:
            try:
                self._api.meter(wanted.venue).spend(address, _OPENING_WEIGHT, self._exchange.now_ms())
            except TooManyRequests as refused:
                return refused.status
        return 0

    async def _serve(self, connection: Connection, most: int, line: Line, outlet: Outlet, receive: Receive) -> None:
        """Take what comes in, at most so many messages a second."""
        rate = MessageRate(most)
        now = asyncio.get_running_loop().time

        def count() -> bool:
            allowed = rate.allows(now())
            if not allowed:
                outlet.close(POLICY, "Too many requests")
            return allowed

        line.on_control = count
        while (message := await receive())["type"] == "websocket.receive":
            if count():
                text = message.get("text")
                connection.take(message["bytes"] if text is None else text)
            if isinstance(connection, ApiConnection) and connection.busy is not None:
                await connection.busy

    def _connection(self, wanted: Target, address: str, outlet: Outlet) -> Connection:
        if wanted.api:
            return ApiConnection(
                wanted.venue,
                self._exchange,
                self._users,
                api=self._api,
                faults=self._faults,
                outlet=outlet,
                address=address,
                tells_limits=wanted.rate_limits,
            )
        hub = self._hubs[wanted.venue]
        connection = MarketConnection(hub, self._users, outlet, self._limits.streams, combined=wanted.combined)
        if not connection.subscribe(wanted.names):
            outlet.close(POLICY, "Too many streams")
        return connection

    def _most_messages(self, wanted: Target) -> int:
        if wanted.api:
            return self._limits.api_messages
        return self._limits.spot_messages if wanted.venue == "spot" else self._limits.usdm_messages

    # What happens.

    def _heard(self, venue: Venue, outcome: Outcome) -> None:
        self._users.take(venue, outcome)
        self._hubs[venue].take(outcome)

    def _fault_began(self, fault: Fault) -> None:
        for outlet, connection in tuple(self._connections.items()):
            if any(self._faults.closes_socket(fault, name, api_key) for name, api_key in connection.known_as()):
                outlet.drop()

    def _expire_keys(self, now: int) -> None:
        """End the keys that have run out, for as long as there are sockets."""
        self._listen_keys.expire()
        if not self._connections:
            self._pace.remove(_EXPIRY_PERIOD, self._expire_keys)


async def _reject(send: Send, status: int) -> None:
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
