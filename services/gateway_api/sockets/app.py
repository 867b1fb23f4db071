"""`/ws/market-data` as an ASGI application: every handshake is accepted, then it is asked who it is."""

import secrets
from collections.abc import Callable, Collection
from typing import Any

from services.gateway_api.addresses import counted_address
from services.gateway_api.authentication import Authenticator, missing
from services.gateway_api.caller import Caller
from services.gateway_api.errors import HttpError, of_exception
from services.gateway_api.rates import Rates
from services.gateway_api.sockets import frames
from services.gateway_api.sockets.channels import Channels
from services.gateway_api.sockets.connection import TRY_AGAIN_LATER, Connection
from services.gateway_api.sockets.pace import Pace
from services.gateway_api.sockets.proofs import socket_proof_of
from shared.http.websocket import EXTENSION, Line

PATH = "/ws/market-data"
NOT_AUTHENTICATED = 4001
_RESTART = 1012
#: Seconds after which it is found out that a client has vanished without a word, beside what it does not take. A ping
#: with its pong costs as much as ten pushes: at the usual 20 s they were a fifth of what many readers cost.
_PING_EVERY = 60.0
_PONG_WITHIN = 30.0
_REFUSED = frozenset({401, 429})


class SocketApp:
    """Serves all sockets.

    Args:
        most: connections at the same time.
        origins: whose pages may use what the browser knows of the user; `*`: all.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        rates: Rates,
        channels: Channels,
        pace: Pace,
        *,
        most: int,
        origins: Collection[str] = (),
    ) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._channels = channels
        self._pace = pace
        self._most = most
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        self._connections: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._connections)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket until it is closed."""
        await receive()  # websocket.connect
        if scope["path"].rstrip("/") != PATH:
            await _not_found(send)
            return
        line: Line = scope["extensions"][EXTENSION]
        line.keep_alive(_PING_EVERY, _PONG_WITHIN)
        await send({"type": "websocket.accept"})
        try:
            caller = await self._caller(scope)
        except Exception as exception:  # whatever happens here is told, in the form of this protocol
            error = of_exception(exception)
            line.write(frames.error(str(error.detail)))
            # What passes must not look like a wrong password, after which clients give up.
            line.finish(NOT_AUTHENTICATED if error.status in _REFUSED else TRY_AGAIN_LATER, "")
            return
        connection = Connection(line, caller, self._channels, self._pace, secrets.token_hex(4))
        self._connections.add(connection)
        try:
            await connection.serve(receive)
        finally:
            self._connections.discard(connection)

    def end(self, concerned: Callable[[Caller], bool]) -> None:
        """Close the connections of callers who may no longer be let in."""
        for connection in list(self._connections):
            if concerned(connection.caller):
                connection.end(NOT_AUTHENTICATED, "The API key or password is no longer good")

    def close(self) -> None:
        """Close all connections; their clients come back."""
        for connection in list(self._connections):
            connection.end(_RESTART, "gateway_api is about to stop")

    async def _caller(self, scope: Any) -> Caller:
        headers = dict(scope["headers"])
        proof = socket_proof_of(headers, scope["query_string"], from_other_page=self._is_other_page(headers))
        address = counted_address((scope["client"] or ("nobody", 0))[0])
        if proof is None:
            self._take(address)
            raise missing()
        caller = await self._authenticator.authenticate(proof, address)
        self._take((caller.username, caller.key_id))
        if len(self._connections) >= self._most:
            raise HttpError(503, f"gateway_api serves {self._most} WebSockets and takes no more")
        return caller

    def _take(self, who: object) -> None:
        if self._rates.limited and self._rates.take(who):
            raise HttpError(503, "Too many requests")

    def _is_other_page(self, headers: dict[bytes, bytes]) -> bool:
        """Return whether a page of another origin, that is not an allowed one, opened the socket."""
        origin = headers.get(b"origin")
        if origin is None or "*" in self._origins or origin.decode("latin-1") in self._origins:
            return False
        return origin.partition(b"://")[2] != headers.get(b"host")


async def _not_found(send: Any) -> None:
    body = b'{"detail":"Not Found"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
