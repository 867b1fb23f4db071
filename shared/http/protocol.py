"""HTTP/1.1 as uvicorn speaks it, with a bound on the head of a request and our form of errors.

The parser itself takes headers of any size, a header at a time, before anybody is asked about them.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

#: Bytes of the request line and all headers; as much as common proxies take.
HEAD_LIMIT = 64 * 1024

#: An extension of the ASGI scope: its `call` closes the connection, whatever was asked on it, when the client has taken
#: what was written; its `abort` does not wait for that.
HANG_UP = "hummingbus.hang_up"

_TOO_LARGE = b'{"detail":"The request header is larger than %d bytes"}' % HEAD_LIMIT
_INVALID = b'{"detail":"Not a valid HTTP request"}'


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._refuse(431, _TOO_LARGE)

    def on_message_begin(self) -> None:
        """Take note that a request begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take note that the head of a request has come, and let the application hang up instead of answering."""
        self._in_head = False
        self.scope["extensions"] = {HANG_UP: {"call": self.transport.close, "abort": self.transport.abort}}
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(400, _INVALID)

    def _refuse(self, status: int, body: bytes) -> None:
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
