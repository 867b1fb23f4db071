"""uvicorn's WebSocket protocol with a way past ASGI for frames that are made already.

ASGI takes text and frames it again for each socket. What all readers get is framed once instead (`websocket_frames`)
and handed to the transport as it is, without waiting: how much a slow reader may be behind is for the caller to see.
"""

import socket
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn._types import ASGISendEvent
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
    #: Whether `send_directly` may be used now: the socket is open, nothing of before waits, and no message waits for
    #: its answer. It is looked at for each reader of each push, and so it is kept, not asked for.
    direct: bool
    #: Hands a frame to the network past the transport, whose part is a quarter of the cost; only while `direct`.
    #: Returns how many bytes were taken, and raises OSError if none was: what is left is to be given to `write`.
    send_directly: Callable[[bytes], int]
    #: Since when it is known that too much waits, as `time.monotonic()`; whoever looks notes it, and it is None again
    #: when nothing waits.
    behind_since: float | None

    def write(self, frame: bytes) -> None:
        """Send a whole frame; nothing happens if the socket is closing."""

    def allow_direct(self) -> None:
        """Be `direct` from the first `answered` on, whenever it may be; once the socket is accepted."""

    def answered(self) -> None:
        """Take note that the messages that were taken are answered."""

    @property
    def waiting(self) -> int:
        """The bytes that were written but not yet taken by the network."""
        ...

    @property
    def asked(self) -> bool:
        """Whether a message has come that is not `answered`."""
        ...

    def keep_alive(self, interval: float, timeout: float) -> None:
        """Ping every `interval` seconds and close without a pong in `timeout`; before the socket is accepted."""

    def finish(self, code: int, reason: str) -> None:
        """Send a close frame behind what waits, take no more frames, and cut the connection if that takes too long."""

    def abort(self) -> None:
        """Cut the connection without a word."""


def _ignore() -> None:
    """Do nothing."""


def _not_direct(frame: bytes) -> int:
    raise RuntimeError("expected a socket that is direct, was one that is not")


class LineProtocol(WebSocketsSansIOProtocol):
    """What uvicorn is to use as `ws`; it is the `Line` of its socket."""

    # Beside the many attributes of the base, which a push to many would fetch from memory each.
    __slots__ = ("direct", "send_directly")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Without extensions: compressing each message for each socket costs more than all the rest.
        self.conn = ServerProtocol(max_size=_LONGEST_MESSAGE, logger=self.logger)
        self.on_control: Callable[[], object] = _ignore
        self.direct = False
        self.send_directly: Callable[[bytes], int] = _not_direct
        self.behind_since: float | None = None
        self._socket: socket.socket | None = None
        #: From the first message, which is that it wants to connect, until each that came is answered.
        self._asked = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that there is nobody any more."""
        self.direct = False
        if self._socket is not None:
            self._socket.detach()  # the transport is about to close it; the number may be another socket's then
            self._socket = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Take note that something waits."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """Take note that nothing waits any more."""
        super().resume_writing()
        self.behind_since = None
        self._look()

    def shutdown(self) -> None:
        """Close, as the server stops."""
        super().shutdown()
        self._look()

    def keepalive_timeout(self) -> None:
        """Close, as no pong has come."""
        super().keepalive_timeout()
        self._look()

    def send_receive_event_to_app(self) -> None:
        """Hand on a message, which is to be answered before anything else is sent."""
        self._asked = True
        super().send_receive_event_to_app()

    async def run_asgi(self) -> None:
        """Run the application with this in its scope."""
        self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]
        await super().run_asgi()
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that can't be read (its path may be too long) is refused, which uvicorn leaves out."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        self._look()

    def handle_ping(self) -> None:
        """Answer a ping, and count it."""
        super().handle_ping()
        self.on_control()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong, and count it, unless it answers our own ping."""
        if self.pending_ping_payload is None or bytes(event.data) != self.pending_ping_payload:
            self.on_control()
        super().handle_pong(event)

    async def send(self, message: ASGISendEvent) -> None:
        """Take what the application sends; an HTTP answer ends the handshake, which uvicorn takes for never ended."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def write(self, frame: bytes) -> None:
        """See `Line`."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    def allow_direct(self) -> None:
        """See `Line`."""
        under = self.transport.get_extra_info("socket")
        if under is None or self.transport.is_closing() or self.transport.get_extra_info("sslcontext") is not None:
            return
        # Anything that waits in the transport is told by `pause_writing`, the end of it by `resume_writing`.
        self.transport.set_write_buffer_limits(0)
        self._socket = socket.socket(fileno=under.fileno())
        self.send_directly = self._socket.send

    @property
    def waiting(self) -> int:
        """See `Line`."""
        return self.transport.get_write_buffer_size()

    @property
    def asked(self) -> bool:
        """See `Line`."""
        return self._asked

    def answered(self) -> None:
        """See `Line`."""
        self._asked = not self.queue.empty()
        self._look()

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
        self._look()

    def abort(self) -> None:
        """See `Line`."""
        self.transport.abort()
        self._look()

    def _look(self) -> None:
        """Say whether the socket is direct, after anything that may have changed it."""
        there = self._socket is not None and not self.close_sent and not self.transport.is_closing()
        self.direct = there and not self._asked and self.writable.is_set()
