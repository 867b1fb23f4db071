"""uvicorn's WebSocket protocol with a way past ASGI for frames that are made already.

ASGI takes text and frames it again for each socket. What all readers get is framed once instead (`websocket_frames`)
and handed to the transport as it is, without waiting: how much a slow reader may be behind is for the caller to see.
"""

from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.server import ServerProtocol

#: Under this name of its `extensions` a WebSocket's scope has its `Line`.
EXTENSION = "hummingbus.line"
#: Bytes of a message that comes in: a subscription to a thousand streams has some 30,000.
_LONGEST_MESSAGE = 256 * 1024


class Line(Protocol):
    """A socket as its connection sees it, beside ASGI."""

    #: Is called at each ping or pong that comes in.
    on_control: Callable[[], object]

    def write(self, frame: bytes) -> None:
        """Send a whole frame; nothing happens if the socket is closing."""

    @property
    def waiting(self) -> int:
        """The bytes that were written but not yet taken by the network."""
        ...

    @property
    def asked(self) -> bool:
        """Whether a message has come that the application has not taken yet."""
        ...

    def keep_alive(self, interval: float, timeout: float) -> None:
        """Ping every `interval` seconds and close without a pong in `timeout`; before the socket is accepted."""

    def finish(self, code: int, reason: str) -> None:
        """Send a close frame behind what waits, take no more frames, and cut the connection if that takes too long."""

    def abort(self) -> None:
        """Cut the connection without a word."""


def _ignore() -> None:
    """Do nothing."""


class LineProtocol(WebSocketsSansIOProtocol):
    """What uvicorn is to use as `ws`; it is the `Line` of its socket."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Without extensions: compressing each message for each socket costs more than all the rest.
        self.conn = ServerProtocol(max_size=_LONGEST_MESSAGE, logger=self.logger)
        self.on_control: Callable[[], object] = _ignore

    async def run_asgi(self) -> None:
        """Run the application with this in its scope."""
        self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that can't be read (its path may be too long) is refused, which uvicorn leaves out."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer a ping, and count it."""
        super().handle_ping()
        self.on_control()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong, and count it, unless it answers our own ping."""
        if self.pending_ping_payload is None or bytes(event.data) != self.pending_ping_payload:
            self.on_control()
        super().handle_pong(event)

    def write(self, frame: bytes) -> None:
        """See `Line`."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    @property
    def waiting(self) -> int:
        """See `Line`."""
        return self.transport.get_write_buffer_size()

    @property
    def asked(self) -> bool:
        """See `Line`."""
        return not self.queue.empty()

    def keep_alive(self, interval: float, timeout: float) -> None:
        """See `Line`."""
        self.ping_interval, self.ping_timeout = interval, timeout

    def finish(self, code: int, reason: str) -> None:
        """See `Line`."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def abort(self) -> None:
        """See `Line`."""
        self.transport.abort()
