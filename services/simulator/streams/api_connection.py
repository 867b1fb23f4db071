"""One socket of the WebSocket API: requests with an id, their answers, and the events of accounts subscribed to.

Source: `web-socket-api.md` of Binance's spot documentation. Sessions can't be logged on to: Binance takes Ed25519 keys
for that, and accounts here have HMAC keys. What trades and asks is passed to the REST API's handlers (`api_methods`),
after the signature over the sorted parameters was checked here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals, signing
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.ports import Account, Faults, RequestFault
from services.simulator.rest.routing import Answer
from services.simulator.rest.routing import Method as Verb
from services.simulator.rest.weights import Meter
from services.simulator.streams import api_requests
from services.simulator.streams.api_limits import RetryAfter, rate_limits, retry_after
from services.simulator.streams.api_methods import METHODS, OWN_WEIGHTS, Method
from services.simulator.streams.api_subscriptions import Subscriptions
from services.simulator.streams.outlet import Outlet
from services.simulator.streams.ports import Exchange
from services.simulator.streams.user_streams import USER_DATA, UserStreams
from services.simulator.venue import Venue
from shared.http.websocket_frames import text_frame

#: Under this name faults know the answers to requests.
ANSWER = "answer"
#: Requests of one socket that may be under way at a time; further ones wait in the socket.
_AT_ONCE = 64
#: Parameters that are the WebSocket API's alone; those of signing have been dealt with.
_OURS = frozenset({"apiKey", "signature", "timestamp", "recvWindow", api_requests.RATE_LIMITS})

_log = structlog.get_logger(__name__)


class Api(Protocol):
    """The REST API, for requests that come another way."""

    def meter(self, venue: Venue) -> Meter:
        """Return what counts the requests to a venue."""

    async def serve(
        self,
        method: Verb,
        path: str,
        parameters: Parameters,
        *,
        sender: Callable[[], Account | None],
        address: str,
        offset: int = 0,
    ) -> Answer:
        """Answer a request as its route does, with its weight; `sender` says who has signed it. A fault may have the
        clock `offset` ms wrong to it.

        Raises:
            Refusal: as the route's, and the sender's.
        """


@dataclass(slots=True)
class _Reply:
    """What an answer says besides what was asked: its id and, if it is to, the limits that the request counts towards.

    `orders_of` is the account whose orders they are, of a request that places some and is known to be the account's.
    """

    tells_limits: bool
    id: object = None
    orders_of: str | None = None


class ApiConnection:
    """A client of the WebSocket API of one venue; `tells_limits` is whether answers have `rateLimits` by default."""

    def __init__(
        self,
        venue: Venue,
        exchange: Exchange,
        users: UserStreams,
        *,
        api: Api,
        faults: Faults,
        outlet: Outlet,
        address: str,
        tells_limits: bool,
    ) -> None:
        self._venue = venue
        self._exchange = exchange
        self._api = api
        self._meter = api.meter(venue)
        self._faults = faults
        self._outlet = outlet
        self._address = address
        self._tells_limits = tells_limits
        self._signers: dict[str, None] = {}  # API keys that have signed something here
        self._subscriptions = Subscriptions(venue, users, outlet, exchange.now_ms)
        self._tasks: set[asyncio.Task[None]] = set()
        self._own: dict[str, Callable[[Mapping[str, object]], object]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self._exchange.now_ms()},
            "session.status": lambda _: self._status(),
            "session.logon": self._logon,
            "session.logout": lambda _: self._status(),
            "session.subscriptions": lambda _: [{"subscriptionId": number} for number in self._subscriptions.numbers],
            "userDataStream.subscribe": self._logged_on_only,
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    @property
    def busy(self) -> Awaitable[object] | None:
        """What to wait for before the next request is read; None if it may come at once."""
        return asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED) if len(self._tasks) >= _AT_ONCE else None

    def end(self) -> None:
        """Leave all streams; requests under way go on, as the exchange's do."""
        self._subscriptions.end()
        self._outlet.end()

    def known_as(self) -> Iterator[tuple[str, str | None]]:
        """Yield what faults know the socket by: its path, alone and with each key that has signed something here, and
        its user streams.
        """
        yield self._outlet.path, None
        for api_key in self._signers:
            yield self._outlet.path, api_key
        for api_key in self._subscriptions.api_keys:
            yield USER_DATA, api_key

    def take(self, message: str | bytes) -> None:
        """Do what a message asks for, and answer it."""
        reply = _Reply(self._tells_limits)
        try:
            request = api_requests.decoded(message)
            reply.id = api_requests.request_id(request)
            name, sent = api_requests.method(request), api_requests.sent(request)
            wanted = api_requests.wants_rate_limits(sent)
            reply.tells_limits = self._tells_limits if wanted is None else wanted
            passed_on = METHODS[self._venue].get(name)
            if passed_on is None:
                self._answer(reply, 200, {"result": self._result(name, sent)})
            else:
                task = asyncio.get_running_loop().create_task(self._pass_on(passed_on, reply, sent))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except Refusal as refused:
            self._refuse(reply, refused)

    def _result(self, name: str, sent: Mapping[str, object]) -> object:
        """Return the answer to what needs no route."""
        self._meter.spend(self._address, OWN_WEIGHTS.get(name, 1), self._exchange.now_ms())
        own = self._own.get(name)
        if own is None:
            raise refusals.WithStatus(400, -1000, f"Unknown method '{name[:64]}'.")
        return own(sent)

    async def _pass_on(self, method: Method, reply: _Reply, sent: Mapping[str, object]) -> None:
        offset = 0

        def sender() -> Account | None:
            if not method.signed:
                return None
            account = self._sender(sent, offset)
            reply.orders_of = account.name if method.places else None
            return account

        try:
            fault = await self._faults.before_request(method.path, _claimed_key(method, sent), method.verb)
            if fault is not None and fault.status:
                self._answer_fault(reply, fault)
                return
            offset = 0 if fault is None else fault.offset
            parameters = Parameters(
                {name: api_requests.text(value) for name, value in sent.items() if name not in _OURS}
            )
            answer = await self._api.serve(
                method.verb, method.path, parameters, sender=sender, address=self._address, offset=offset
            )
            if fault is not None and fault.lost:
                self._outlet.drop()
                return
            result = msgspec.Raw(answer) if isinstance(answer, bytes) else answer
            self._answer(reply, 200, {"result": result})
        except Refusal as refused:
            self._refuse(reply, refused)
        except Exception:
            _log.exception("simulator.request_failed", method=method.verb, path=method.path)
            self._refuse(reply, refusals.unexpected())

    # Who asks.

    def _sender(self, sent: Mapping[str, object], offset: int = 0) -> Account:
        """Return the account whose key signed the request; a fault may have the clock `offset` ms wrong to it.

        Raises:
            Refusal: -1102, -1021, -1022, -2014, -2015.
        """
        values = {name: api_requests.text(value) for name, value in sent.items()}
        parameters = Parameters(values)
        api_key = parameters.needed("apiKey")
        if not signing.is_key(api_key):
            raise refusals.malformed_key()
        signing.check_time(parameters, self._exchange.now_ms() + offset)
        parameters.needed("signature")
        account = self._exchange.accounts.by_api_key(api_key)
        if account is None:
            raise refusals.unknown_key()
        text = "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature")
        signing.check_signature(parameters, text.encode(), b"", account.api_secret)
        self._signers[api_key] = None
        return account

    # Sessions and user streams.

    def _status(self) -> dict[str, object]:
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": None,
            "returnRateLimits": self._tells_limits,
            "serverTime": self._exchange.now_ms(),
            "userDataStream": bool(self._subscriptions.numbers),
        }

    def _logon(self, sent: Mapping[str, object]) -> object:
        self._sender(sent)
        raise Refusal(-4056, "HMAC_SHA256 API key is not supported.")

    def _logged_on_only(self, sent: Mapping[str, object]) -> object:
        raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.")

    def _subscribe(self, sent: Mapping[str, object]) -> object:
        return {"subscriptionId": self._subscriptions.add(self._sender(sent))}

    def _unsubscribe(self, sent: Mapping[str, object]) -> object:
        number = sent.get("subscriptionId")
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise refusals.illegal("subscriptionId", "^[0-9]{1,20}$")
        self._subscriptions.remove(number)
        return {}

    # Answers.

    def _answer(self, reply: _Reply, status: int, said: Mapping[str, object]) -> None:
        answer: dict[str, object] = {"id": reply.id, "status": status, **said}
        if reply.tells_limits:
            answer["rateLimits"] = rate_limits(self._meter, self._address, reply.orders_of, self._exchange.now_ms())
        self._outlet.send(ANSWER, text_frame(msgspec.json.encode(answer)))

    def _refuse(self, reply: _Reply, refused: Refusal) -> None:
        error: dict[str, object] = {"code": refused.code, "msg": refused.message}
        detail = retry_after(refused, self._meter, reply.orders_of, self._exchange.now_ms())
        if detail is not None:
            error["data"] = detail
        status = refusals.STATUSES.get(refused.code, 400)
        if isinstance(refused, refusals.TooManyRequests):
            status = refused.status
        elif isinstance(refused, refusals.WithStatus):
            status = refused.status
            if refused.detail is not None:
                error["data"] = refused.detail
        self._answer(reply, status, {"error": error})

    def _answer_fault(self, reply: _Reply, fault: RequestFault) -> None:
        error: dict[str, object] = msgspec.json.decode(fault.body)
        if fault.retry_after is not None:
            now = self._exchange.now_ms()
            error["data"] = RetryAfter(now, now + fault.retry_after * 1000)
        self._answer(reply, fault.status, {"error": error})


def _claimed_key(method: Method, sent: Mapping[str, object]) -> str | None:
    """Return the key that a signed request says it is of, which is not proven yet."""
    claimed = sent.get("apiKey")
    return claimed if method.signed and isinstance(claimed, str) else None
