"""The answer of a route, as bytes that are JSON already: what a service replied passes through undecoded."""

import asyncio
import gzip

from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from services.gateway_api.errors import Headers

#: Smaller bodies gain less from gzip than it costs.
COMPRESS_FROM = 16 * 1024
#: Larger ones would hold up the event loop for milliseconds.
_COMPRESS_IN_THREAD_FROM = 256 * 1024
_LEVEL = 5


class Answer(ASGIResponse):
    """A complete body with its type. Litestar's own response costs twice as much, its compression as much again."""

    def __init__(
        self, body: bytes, status: int = 200, headers: Headers = (), media_type: str = "application/json"
    ) -> None:
        self.body = body
        self.status_code = status
        self._more = headers
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, compressed if it is large and the client takes that."""
        body = self.body
        headers = [(b"content-type", self._media_type.encode())]
        headers += [(name.encode(), value.encode("latin-1")) for name, value in self._more]
        if len(body) >= COMPRESS_FROM:
            headers.append((b"vary", b"Accept-Encoding"))
            if accepts_gzip(dict(scope["headers"]).get(b"accept-encoding", b"")):
                body = await _compress(body)
                headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(body)))
        start: HTTPResponseStartEvent = {"type": "http.response.start", "status": self.status_code, "headers": headers}
        await send(start)
        end: HTTPResponseBodyEvent = {"type": "http.response.body", "body": body, "more_body": False}
        await send(end)


def accepts_gzip(header: bytes) -> bool:
    """Return whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3)."""
    for part in header.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() in (b"gzip", b"x-gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


async def _compress(body: bytes) -> bytes:
    if len(body) < _COMPRESS_IN_THREAD_FROM:
        return gzip.compress(body, _LEVEL)
    return await asyncio.to_thread(gzip.compress, body, _LEVEL)
