"""Requests and WebSockets of one port, each to the application that serves them."""

from collections.abc import Awaitable, Callable
from typing import Any

App = Callable[[Any, Any, Any], Awaitable[None]]


class Protocols:
    """An ASGI application of two."""

    def __init__(self, http: App, websockets: App) -> None:
        self._http = http
        self._websockets = websockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or one WebSocket until it is closed."""
        await (self._websockets if scope["type"] == "websocket" else self._http)(scope, receive, send)
