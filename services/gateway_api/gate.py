"""What every request passes before Litestar sees it: one ASGI application, as each layer costs more than its work.

In this order: the path's encoding, the size of the body, the page that a browser shows, who asks, how often. Every
answer gets the request's id.
"""

import re
from collections.abc import Collection
from typing import cast

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.utils import normalize_path

from services.gateway_api.addresses import counted_address
from services.gateway_api.authentication import Authenticator, missing
from services.gateway_api.bodies import answer, answer_and_linger, read_unsized, replay, too_large
from services.gateway_api.caller import Caller, current_caller
from services.gateway_api.errors import HttpError, of_exception
from services.gateway_api.paths import decoded_path
from services.gateway_api.proofs import proof_of
from services.gateway_api.rates import Rates
from shared.telemetry.trace import TraceContext, current_trace

#: Routes that need no identity, and those that no rate limit holds up: who watches the system asks them.
PUBLIC = frozenset({"/", "/health", "/ready", "/docs", "/redoc", "/openapi.json", "/asyncapi", "/asyncapi.json"})
ASSETS = "/docs/assets/"
_UNLIMITED = frozenset({"/health", "/ready"})

#: A HEAD request is answered as a GET, whose body the server leaves out; a stream would never end.
_NO_HEAD = frozenset({"/events"})

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_NOBODY = ("nobody", 0)
_LENGTH_DIGITS = 15
_TOO_LARGE = 413

Headers = dict[bytes, bytes]


class Gate:
    """Lets requests through to `app` that may pass, and answers the others itself."""

    def __init__(
        self,
        app: Litestar,
        authenticator: Authenticator,
        rates: Rates,
        body_limit: int,
        origins: Collection[str] = (),
    ) -> None:
        self._app: ASGIApp = app
        self._router = app.asgi_router
        self._authenticator = authenticator
        self._rates = rates
        self._body_limit = body_limit
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            raise RuntimeError(f"expected an HTTP request, was {scope['type']}")
        headers = dict(scope["headers"])
        given = headers.get(b"traceparent")
        trace = TraceContext.new() if given is None else TraceContext.parse(given.decode("latin-1"))
        current_trace.set(trace)
        request_id = _request_id(headers) or trace.trace_id.encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        if b"%" in scope["raw_path"]:
            scope["path"] = decoded_path(scope["raw_path"])
        if scope["method"] == "HEAD" and _plain(scope["path"]) not in _NO_HEAD:
            # A copy: the server reads its own, and leaves the body out.
            scope = cast("HTTPScope", {**scope, "method": "GET"})
        try:
            self._check_length(headers)
            if scope["method"] not in _SAFE:
                self._check_page(headers)
            await self._check_caller(scope, headers)
            if b"transfer-encoding" in headers:
                receive = replay(await read_unsized(receive, self._body_limit), receive)
        except Exception as exception:  # whatever happens here is answered in the form of all errors
            error = of_exception(exception)
            if error.status == _TOO_LARGE:
                await answer_and_linger(error, receive, send_with_id)
            else:
                await answer(error, send_with_id)
            return
        await self._app(scope, receive, send_with_id)

    def _check_length(self, headers: Headers) -> None:
        length = headers.get(b"content-length", b"0")
        if len(length) > _LENGTH_DIGITS or int(length) > self._body_limit:
            raise too_large(self._body_limit)

    def _check_page(self, headers: Headers) -> None:
        """Refuse a change that a page of another origin has a browser make, which may know the password by itself."""
        if headers.get(b"sec-fetch-site") != b"cross-site" or "*" in self._origins:
            return
        if headers.get(b"origin", b"").decode("latin-1") not in self._origins:
            raise HttpError(403, "Pages of other origins may change nothing; see CORS_ORIGINS")

    async def _check_caller(self, scope: HTTPScope, headers: Headers) -> None:
        """Find out who asks, unless the route is public, and take one of their requests from their rate.

        Raises:
            HttpError: 401, 404, 405 or 429.
        """
        path = scope["path"]
        if path in PUBLIC or _plain(path) in PUBLIC or path.startswith(ASSETS):
            if self._rates.limited and _plain(path) not in _UNLIMITED:
                self._take(_address(scope))
            return
        caller = await self._caller(scope, headers)
        current_caller.set(caller)
        if self._rates.limited:
            self._take((caller.username, caller.key_id))

    async def _caller(self, scope: HTTPScope, headers: Headers) -> Caller:
        proof = proof_of(headers)
        address = _address(scope)
        if proof is not None and (caller := self._authenticator.recall(proof, address)) is not None:
            return caller
        # Only now that somebody is asked for a password: a path that does not exist needs none, and a browser that
        # looks for an icon must not open a dialog.
        self._check_route(scope)
        if proof is None:
            if self._rates.limited:
                self._take(address)
            raise missing()
        return await self._authenticator.authenticate(proof, address)

    def _check_route(self, scope: HTTPScope) -> None:
        """Raise what Litestar raises for a route or method that does not exist."""
        try:
            self._router.handle_routing(path=normalize_path(scope["path"]), method=scope["method"])
        except HTTPException:
            if self._rates.limited:
                self._take(_address(scope))
            raise

    def _take(self, who: object) -> None:
        if wait := self._rates.take(who):
            raise HttpError(429, "Too many requests", (("retry-after", str(wait)),))


def _plain(path: str) -> str:
    return path if path == "/" else path.rstrip("/")


def _address(scope: HTTPScope) -> str:
    return counted_address((scope["client"] or _NOBODY)[0])


def _request_id(headers: Headers) -> bytes | None:
    """Return the id that the client gave its request, if it is one; from now on the log has it too."""
    given = headers.get(b"x-request-id")
    if given is None or not _REQUEST_ID.fullmatch(given):
        return None
    structlog.contextvars.bind_contextvars(request_id=given.decode())
    return given
