"""Cross-origin requests of browsers (Fetch standard), for the origins that the operator names; others stay closed.

Identities travel in a header that a page must set by itself, so no cookies or stored passwords are allowed in.
"""

from collections.abc import Collection

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Traceparent, X-API-KEY, X-Request-ID"
_EXPOSED = b"Idempotency-Key, Retry-After, X-Request-ID"
#: Seconds that a browser need not ask again.
_MAX_AGE = b"600"


class Cors:
    """Answers preflights and marks the answers of `app` as readable for pages of `origins` (`*`: of every origin)."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = [(b"vary", b"Origin")]
        if self._any or origin in self._origins:
            allowed.append((b"access-control-allow-origin", b"*" if self._any else origin))
        if scope.get("method") == "OPTIONS" and b"access-control-request-method" in headers:
            await _preflight(allowed, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *allowed, (b"access-control-expose-headers", _EXPOSED)]
            await send(message)

        await self._app(scope, receive, send_marked)


async def _preflight(allowed: list[tuple[bytes, bytes]], send: Send) -> None:
    headers = [
        *allowed,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _HEADERS),
        (b"access-control-max-age", _MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
