"""uvicorn inside the loop that runs already, with the signals left to whoever runs the service."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from shared.http.protocol import HttpProtocol
from shared.service import ServiceStartError

#: Longer than common clients keep an idle connection, so that it is never we who close one as a request sets out.
_KEEP_ALIVE = 75
_BACKLOG = 2048


class PortError(ServiceStartError):
    """The address cannot be listened on; the text says why and how to change it."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen (port 0: a free one), and the names of the settings that say so, for whoever must change them."""

    host: str
    port: int
    host_setting: str
    port_setting: str


#: An ASGI application; libraries have types of their own for its three arguments.
App = Callable[[Any, Any, Any], Awaitable[None]]


class HttpServer:
    """Serves an ASGI application.

    Args:
        app: what answers.
        listen: where.
        trusted_proxies: addresses or networks of proxies whose X-Forwarded-For is believed.
        drain_timeout: seconds that requests under way have when the server stops.
        websockets: uvicorn's protocol for WebSockets; without one they are refused.
    """

    def __init__(
        self,
        app: App,
        listen: Listen,
        *,
        trusted_proxies: Sequence[str] = (),
        drain_timeout: int = 10,
        websockets: type[asyncio.Protocol] | None = None,
    ) -> None:
        self._listen = listen
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws=websockets or "none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=drain_timeout,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; known once the server was started."""
        assert self._socket is not None, "expected a server that was started"
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def serving(self) -> bool:
        """Whether connections are accepted."""
        return self._serving is not None and not self._serving.done() and not self._server.should_exit

    async def start(self) -> None:
        """Listen; return when connections are accepted.

        Raises:
            PortError: if the address is taken or not ours.
        """
        self._socket = _open(self._listen)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http server")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait((self._serving, listening), return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            listening.cancel()
            self._serving.result()

    async def drain(self) -> None:
        """Accept no more connections, finish the requests under way within the time that they have, and stop."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


def _open(listen: Listen) -> socket.socket:
    host, port = listen.host, listen.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(
            address[:2],  # what create_server takes of either family
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=family == socket.AF_INET6 and host in ("::", "") and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} on {host} is in use by another program; set {listen.port_setting}") from error
        raise PortError(
            f"cannot listen on {host} port {port}: {error.strerror};"
            f" set {listen.host_setting} and {listen.port_setting}"
        ) from error
    # Connections inherit it. asyncio's own loop sets it only on sockets that name their protocol, which these do not,
    # and an answer in two parts would wait 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
