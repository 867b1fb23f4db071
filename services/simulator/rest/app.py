"""The REST API as an ASGI application: find the route, check what must hold, ask its handler, answer like Binance."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals, signing
from services.simulator.rest.catalogue import ROUTES
from services.simulator.rest.parameters import Parameters, pairs
from services.simulator.rest.ports import Account, Exchange, Faults, ListenKeys, RequestFault
from services.simulator.rest.routing import Answer, Call, Method, Route, Security
from services.simulator.rest.weights import BINANCE, Meter, RateLimits
from services.simulator.venue import Venue
from shared.http.protocol import HANG_UP

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: Bytes of a body; a batch of orders has some thousands.
BODY_LIMIT = 256 * 1024
_SIGNED_NAMES = frozenset({"timestamp", "recvWindow", "signature"})
_JSON = (b"content-type", b"application/json;charset=UTF-8")

_log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder()


class _Interrupted(Exception):
    """The client left before its request was complete."""


class RestApp:
    """Serves the HTTP requests of all of Binance's paths."""

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        listen_keys: ListenKeys,
        limits: RateLimits = BINANCE,
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._listen_keys = listen_keys
        self._routes = {(route.method, route.path): route for route in ROUTES}
        self._meters: dict[Venue, Meter] = {"spot": Meter(limits.spot), "usdm": Meter(limits.usdm)}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Headers = [_JSON]
        try:
            body = await _read(receive)
            status, answer, fault = await self._answer(scope, body, headers)
        except _Interrupted:
            return
        except Refusal as refused:
            status, answer, fault = _refused(refused, headers), _text(refused), None
        if fault is not None and fault.lost:
            await _hang_up(scope, receive)
            return
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def meter(self, venue: Venue) -> Meter:
        """Return what counts the requests to a venue, whichever way they come."""
        return self._meters[venue]

    async def serve(
        self,
        method: Method,
        path: str,
        parameters: Parameters,
        *,
        sender: Callable[[], Account | None],
        address: str,
        offset: int = 0,
    ) -> Answer:
        """Answer a request that came another way; it has its usual weight.

        `sender` says who has signed it (None of a public one); it is asked once the weight is counted. A fault may have
        the clock `offset` ms wrong to it.

        Raises:
            Refusal: as the route's, and the sender's.
        """
        route, now = self._routes[method, path], self._exchange.now_ms()
        meter = self._meters[route.venue]
        meter.spend(address, _asked(route.weight, parameters, 1), now)
        account = sender()
        _check_names(route, parameters)
        if account is not None and (orders := _asked(route.orders, parameters, 0)):
            meter.count_orders(account.name, orders, now)
        return await route.handler(self._call(meter, parameters, account, now + offset))

    async def _answer(
        self, scope: Mapping[str, Any], body: bytes, headers: Headers
    ) -> tuple[int, bytes, RequestFault | None]:
        path: str = scope["path"]
        api_key = _api_key(scope["headers"])
        fault = await self._faults.before_request(path, api_key, scope["method"])
        if fault is not None and fault.status:
            if fault.retry_after is not None:
                headers.append((b"retry-after", str(fault.retry_after).encode()))
            return fault.status, fault.body, fault
        try:
            offset = 0 if fault is None else fault.offset
            return 200, _encoded(await self._serve(scope, body, api_key, headers, offset)), fault
        except Refusal as refused:
            return _refused(refused, headers), _text(refused), fault
        except Exception:
            _log.exception("simulator.request_failed", method=scope["method"], path=path)
            return 500, _text(refusals.unexpected()), fault

    async def _serve(
        self, scope: Mapping[str, Any], body: bytes, api_key: str | None, headers: Headers, offset: int
    ) -> Answer:
        route = self._routes.get((scope["method"], scope["path"]))
        now = self._exchange.now_ms()
        address = _address(scope)
        if route is None:
            self._meters["spot"].spend(address, 1, now)
            raise refusals.no_such_path(scope["method"], scope["path"])
        meter = self._meters[route.venue]
        query: bytes = scope["query_string"]
        parameters, trouble = _taken_apart(query, body)
        used = str(meter.spend(address, _asked(route.weight, parameters, 1), now)).encode()
        headers += ((b"x-mbx-used-weight", used), (b"x-mbx-used-weight-1m", used))
        if trouble is not None:
            raise trouble
        account = self._sender(route, parameters, api_key, now + offset)
        if account is not None and route.security is Security.SIGNED:
            signing.check_signature(parameters, query, body, account.api_secret)
        _check_names(route, parameters)
        if account is not None and (orders := _asked(route.orders, parameters, 0)):
            self._count_orders(meter, account, orders, now, headers)
        return await route.handler(self._call(meter, parameters, account, now + offset))

    def _call(self, meter: Meter, parameters: Parameters, account: Account | None, now: int) -> Call:
        return Call(self._exchange, self._listen_keys, meter=meter, parameters=parameters, account=account, now=now)

    def _sender(self, route: Route, parameters: Parameters, api_key: str | None, now: int) -> Account | None:
        """Return who asks, by the key and at a time that is not yet proven; None of a public route."""
        if route.security is Security.PUBLIC:
            return None
        if api_key is None or not signing.is_key(api_key):
            raise refusals.malformed_key()
        if route.security is Security.SIGNED:
            signing.check_time(parameters, now)
            parameters.needed("signature")
        account = self._exchange.accounts.by_api_key(api_key)
        if account is None:
            raise refusals.unknown_key()
        return account

    @staticmethod
    def _count_orders(meter: Meter, account: Account, orders: int, now: int, headers: Headers) -> None:
        try:
            meter.count_orders(account.name, orders, now)
        finally:
            for limit, count in meter.orders(account.name, now).items():
                headers.append((f"x-mbx-order-count-{limit.letter}".encode(), str(count).encode()))


async def _hang_up(scope: Mapping[str, Any], receive: Receive) -> None:
    """Close the connection without an answer, and wait until that is so."""
    scope["extensions"][HANG_UP]["call"]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(body) > BODY_LIMIT:
            break
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _Interrupted
    if len(body) > BODY_LIMIT:
        raise refusals.body_too_large()
    return body


def _taken_apart(query: bytes, body: bytes) -> tuple[Parameters, Refusal | None]:
    """Return the parameters, or none and why; of one that is in both, that of the query counts."""
    try:
        values = pairs(query)
        return Parameters(pairs(body) | values if body else values), None
    except Refusal as refused:
        return Parameters({}), refused


def _asked(amount: int | Callable[[Parameters], int], parameters: Parameters, otherwise: int) -> int:
    """Return how much a request counts, `otherwise` if that can't be read."""
    if isinstance(amount, int):
        return amount
    try:
        return amount(parameters)
    except Refusal:  # the handler reads the same parameter, and says so
        return otherwise


def _check_names(route: Route, parameters: Parameters) -> None:
    known = route.names
    if known is None:
        return
    if route.security is Security.PUBLIC:
        if not known.issuperset(parameters.names()):
            raise refusals.too_many_parameters(len(known), len(parameters))
        return
    unread = set(parameters.names()) - known - _SIGNED_NAMES
    if unread:
        raise refusals.unread(len(parameters) - len(unread), len(parameters))


def _api_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == b"x-mbx-apikey":
            return value.decode("latin-1")
    return None


def _address(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _encoded(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else _encoder.encode(answer)


def _refused(refused: Refusal, headers: Headers) -> int:
    if isinstance(refused, refusals.TooManyRequests):
        headers.append((b"retry-after", str(refused.retry_after).encode()))
        return refused.status
    if isinstance(refused, refusals.WithStatus):
        return refused.status
    return refusals.STATUSES.get(refused.code, 400)


def _text(refused: Refusal) -> bytes:
    fields: dict[str, object] = {"code": refused.code, "msg": refused.message}
    if isinstance(refused, refusals.WithStatus) and refused.detail is not None:
        fields["data"] = refused.detail
    return _encoder.encode(fields)
