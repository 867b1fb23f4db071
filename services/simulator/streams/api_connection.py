"""One socket of the WebSocket API: requests with an id, their answers, and the events of accounts subscribed to.

Source: `web-socket-api.md` of Binance's spot documentation. Sessions can't be logged on to: Binance takes Ed25519 keys
for that, and accounts here have HMAC keys. What trades and asks is passed to the REST API's handlers (`api_methods`),
after the signature over the sorted parameters was checked here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
import structlog

from services.simulator.engine.refusal import Refusal
from services.simulator.rest import refusals, signing
from services.simulator.rest.parameters import Parameters
from services.simulator.rest.ports import Account
from services.simulator.rest.routing import Answer
from services.simulator.rest.routing import Method as Verb
from services.simulator.streams.api_methods import METHODS, Method
from services.simulator.streams.frames import text_frame
from services.simulator.streams.outlet import Outlet
from services.simulator.streams.ports import Exchange
from services.simulator.streams.user_streams import USER_DATA, Told, UserStreams
from services.simulator.venue import Venue

#: Under this name faults know the answers to requests.
ANSWER = "answer"
#: Requests of one socket that may be under way at a time; further ones wait in the socket.
_AT_ONCE = 64

_log = structlog.get_logger(__name__)


class Api(Protocol):
    """The REST API, for requests whose sender is known already."""

    async def serve(
        self, method: Verb, path: str, parameters: Parameters, account: Account | None, address: str
    ) -> Answer:
        """Answer a request as its route does, with its weight.

        Raises:
            Refusal: as the route's.
        """


class RequestFault(Protocol):
    """What is to go wrong with a request; see `faults.RequestFault`."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def lost(self) -> bool: ...


class RequestFaults(Protocol):
    """The faults, as far as they meet requests; see `faults.Faults`."""

    async def before_request(self, path: str, api_key: str | None, method: str = "") -> RequestFault | None: ...


class ApiConnection:
    """A client of the WebSocket API of one venue."""

    def __init__(
        self,
        venue: Venue,
        exchange: Exchange,
        users: UserStreams,
        *,
        api: Api | None,
        faults: RequestFaults,
        outlet: Outlet,
        address: str,
    ) -> None:
        self._venue = venue
        self._exchange = exchange
        self._users = users
        self._api = api
        self._faults = faults
        self._outlet = outlet
        self._address = address
        self._subscriptions: dict[int, tuple[str, Told]] = {}
        self._next_subscription = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._own: dict[str, Callable[[Mapping[str, object]], object]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self._exchange.now_ms()},
            "session.status": lambda _: self._status(),
            "session.logon": self._logon,
            "session.logout": lambda _: self._status(),
            "session.subscriptions": lambda _: [{"subscriptionId": number} for number in self._subscriptions],
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
        for account, told in self._subscriptions.values():
            self._users.remove(self._venue, account, told)
        self._subscriptions.clear()
        self._outlet.end()

    def take(self, message: str | bytes) -> None:
        """Do what a message asks for, and answer it."""
        request_id: object = None
        try:
            request = _decoded(message)
            request_id = _request_id(request)
            name, sent = _method(request), _sent(request)
            own, passed_on = self._own.get(name), METHODS[self._venue].get(name)
            if own is not None:
                self._answer(request_id, 200, {"result": own(sent)})
            elif passed_on is not None and self._api is not None:
                task = asyncio.get_running_loop().create_task(self._pass_on(self._api, passed_on, request_id, sent))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                self._refuse(request_id, Refusal(-1000, f"Unknown method '{name[:64]}'."), 400)
        except Refusal as refused:
            self._refuse(request_id, refused, refusals.STATUSES.get(refused.code, 400))

    async def _pass_on(self, api: Api, method: Method, request_id: object, sent: Mapping[str, object]) -> None:
        try:
            account = self._sender(sent) if method.signed else None
            api_key = account.api_key if account else None
            fault = await self._faults.before_request(method.path, api_key, method.verb)
            if fault is not None and fault.status:
                self._answer(request_id, fault.status, {"error": msgspec.Raw(fault.body)})
                return
            parameters = Parameters({name: _text(value) for name, value in sent.items() if name not in _OURS})
            answer = await api.serve(method.verb, method.path, parameters, account, self._address)
            if fault is not None and fault.lost:
                self._outlet.drop()
                return
            result = msgspec.Raw(answer) if isinstance(answer, bytes) else answer
            self._answer(request_id, 200, {"result": result})
        except Refusal as refused:
            self._refuse(request_id, refused, getattr(refused, "status", refusals.STATUSES.get(refused.code, 400)))
        except Exception:
            _log.exception("simulator.request_failed", method=method.verb, path=method.path)
            self._refuse(request_id, refusals.unexpected(), 500)

    # Who asks.

    def _sender(self, sent: Mapping[str, object]) -> Account:
        """Return the account whose key signed the request.

        Raises:
            Refusal: -1102, -1021, -1022, -2014, -2015.
        """
        values = {name: _text(value) for name, value in sent.items()}
        parameters = Parameters(values)
        api_key = parameters.needed("apiKey")
        if not signing.is_key(api_key):
            raise refusals.malformed_key()
        signing.check_time(parameters, self._exchange.now_ms())
        parameters.needed("signature")
        account = self._exchange.accounts.by_api_key(api_key)
        if account is None:
            raise refusals.unknown_key()
        text = "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature")
        signing.check_signature(parameters, text.encode(), b"", account.api_secret)
        return account

    # Sessions and user streams.

    def _status(self) -> dict[str, object]:
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": None,
            "returnRateLimits": False,
            "serverTime": self._exchange.now_ms(),
            "userDataStream": bool(self._subscriptions),
        }

    def _logon(self, sent: Mapping[str, object]) -> object:
        self._sender(sent)
        raise Refusal(-4056, "HMAC_SHA256 API key is not supported.")

    def _logged_on_only(self, sent: Mapping[str, object]) -> object:
        raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.")

    def _subscribe(self, sent: Mapping[str, object]) -> object:
        account = self._sender(sent)
        if any(name == account.name for name, _ in self._subscriptions.values()):
            raise Refusal(-2035, "User Data Stream subscription already active.")
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1
        head = f'{{"subscriptionId":{number},"event":'.encode()

        def told(payload: bytes | None) -> None:
            if payload is None:
                del self._subscriptions[number]
                payload = msgspec.json.encode({"e": "eventStreamTerminated", "E": self._exchange.now_ms()})
            self._outlet.send(USER_DATA, text_frame(b"%b%b}" % (head, payload)), account.api_key)

        self._subscriptions[number] = (account.name, told)
        self._users.add(self._venue, account.name, told)
        return {"subscriptionId": number}

    def _unsubscribe(self, sent: Mapping[str, object]) -> object:
        number = sent.get("subscriptionId")
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise refusals.illegal("subscriptionId", "^[0-9]{1,20}$")
        chosen = list(self._subscriptions) if number is None else [number]
        if not chosen or any(each not in self._subscriptions for each in chosen):
            raise Refusal(-2036, "User Data Stream subscription not active.")
        for each in chosen:
            account, told = self._subscriptions.pop(each)
            self._users.remove(self._venue, account, told)
        return {}

    # Answers.

    def _answer(self, request_id: object, status: int, said: Mapping[str, object]) -> None:
        answer = msgspec.json.encode({"id": request_id, "status": status, **said})
        self._outlet.send(ANSWER, text_frame(answer))

    def _refuse(self, request_id: object, refused: Refusal, status: int) -> None:
        error: dict[str, object] = {"code": refused.code, "msg": refused.message}
        detail = getattr(refused, "detail", None)
        if detail is not None:
            error["data"] = detail
        self._answer(request_id, status, {"error": error})


#: Parameters that are the WebSocket API's alone; those of signing have been dealt with.
_OURS = frozenset({"apiKey", "signature", "timestamp", "recvWindow", "returnRateLimits"})


def _decoded(message: str | bytes) -> dict[str, object]:
    try:
        request = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusals.invalid_json("request") from error
    if not isinstance(request, dict):
        raise refusals.invalid_json("request")
    return request


def _request_id(request: dict[str, object]) -> object:
    request_id = request.get("id")
    if request_id is not None and not isinstance(request_id, str | int):
        raise refusals.illegal("id", "^[a-zA-Z0-9-_]{1,36}$")
    return request_id


def _method(request: dict[str, object]) -> str:
    method = request.get("method")
    if not isinstance(method, str):
        raise refusals.empty("method")
    return method.removeprefix("v3/")


def _sent(request: dict[str, object]) -> dict[str, object]:
    sent = request.get("params", {})
    if not isinstance(sent, dict):
        raise refusals.invalid_json("params")
    return sent


def _text(value: object) -> str:
    """Return a parameter as the text that is signed: JSON's own but for texts, which go as they are."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
