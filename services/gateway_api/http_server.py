"""uvicorn inside the loop that runs already, with the signals left to whoever runs the service."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from litestar.types import ASGIApp

from services.gateway_api.http_protocol import HttpProtocol
from services.gateway_api.settings import EdgeSettings

#: Longer than common clients keep an idle connection, so that it is never we who close one as a request sets out.
_KEEP_ALIVE = 75
_BACKLOG = 2048


class PortError(Exception):
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


class HttpServer:
    """Serves `app` at the address that the settings give."""

    def __init__(self, app: ASGIApp, settings: EdgeSettings) -> None:
        self._settings = settings
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=settings.drain_timeout,
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
        self._socket = _listen(self._settings.host, self._settings.port)
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


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(
            address[:2],  # what create_server takes of either family
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=family == socket.AF_INET6 and host in ("::", "") and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} on {host} is in use by another program; set API_PORT") from error
        raise PortError(f"cannot listen on {host} port {port}: {error.strerror}; set API_HOST and API_PORT") from error
