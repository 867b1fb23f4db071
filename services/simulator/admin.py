"""The admin API: accounts with play money, and faults on demand. JSON over HTTP, on a port of its own.

    POST   /accounts                     {"balances": {"USDT": "1000"}, "futures_balances": {…}}
                                         → {"api_key", "api_secret"}
    PUT    /accounts/{api_key}/balances  the same body: what is named is set, the rest stays
    DELETE /accounts/{api_key}
    POST   /faults                       see `faults.NewFault` → the fault with its id
    GET    /faults
    DELETE /faults, /faults/{id}
    GET    /watched                      see `streams.watched.Watched`

Every request has the token in `X-Admin-Token`. What is wrong is said in `{"detail": …}`.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import msgspec

from services.simulator.accounts import Accounts, UnknownAccountError
from services.simulator.engine.refusal import Refusal
from services.simulator.faults import Fault, Faults, NewFault
from services.simulator.streams.watched import Watched

_BODY_LIMIT = 64 * 1024
_HEADERS = [(b"content-type", b"application/json")]
_encoder = msgspec.json.Encoder()

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Exchange(Protocol):
    """What is administered."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def faults(self) -> Faults: ...


class Balances(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Balances by asset, on the spot and on the futures exchange."""

    balances: dict[str, Decimal] = {}
    futures_balances: dict[str, Decimal] = {}


class Keys(msgspec.Struct, frozen=True):
    """The keys of a new account. They are in this one answer and nowhere else."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "Keys()"


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class AdminApp:
    """The admin API as an ASGI application."""

    def __init__(self, exchange: Exchange, watched: Callable[[], Watched], token: str) -> None:
        self._exchange = exchange
        self._watched = watched
        self._token = token.encode()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, answer = await self._answer(scope, receive)
        except _Refused as refused:
            status, answer = refused.status, _encoder.encode({"detail": refused.detail})
        except Refusal as refused:
            status, answer = 503, _encoder.encode({"detail": refused.message})
        headers = [*_HEADERS, (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> tuple[int, bytes]:
        body = await _body(receive)
        given = dict(scope["headers"]).get(b"x-admin-token", b"")
        if not hmac.compare_digest(given, self._token):
            raise _Refused(401, "X-Admin-Token is missing or wrong")
        match scope["method"], *scope["path"].strip("/").split("/"):
            case "POST", "accounts":
                return 201, _encoder.encode(await self._make_account(_decode(body, Balances)))
            case "PUT", "accounts", api_key, "balances":
                return await self._set_balances(api_key, _decode(body, Balances))
            case "DELETE", "accounts", api_key:
                return await self._delete_account(api_key)
            case method, "faults", *fault_id:
                return self._faults(method, fault_id, body)
            case "GET", "watched":
                return 200, _encoder.encode(self._watched())
            case _:
                raise _unknown()

    def _faults(self, method: str, fault_id: list[str], body: bytes) -> tuple[int, bytes]:
        faults = self._exchange.faults
        match method, *fault_id:
            case ("POST",):
                return 201, _encoder.encode(_shown(faults.add(_decode(body, NewFault))))
            case ("GET",):
                return 200, _encoder.encode([_shown(fault) for fault in faults.all()])
            case ("DELETE",):
                return 200, _encoder.encode({"removed": faults.remove()})
            case "DELETE", number:
                if not number.isascii() or not number.isdigit() or not faults.remove(int(number)):
                    raise _Refused(404, "there is no such fault")
                return 200, _encoder.encode({"removed": 1})
            case _:
                raise _unknown()

    async def _make_account(self, asked: Balances) -> Keys:
        try:
            account = await self._exchange.accounts.make(asked.balances, asked.futures_balances)
        except ValueError as error:
            raise _Refused(400, str(error)) from None
        return Keys(account.api_key, account.api_secret)

    async def _set_balances(self, api_key: str, asked: Balances) -> tuple[int, bytes]:
        try:
            await self._exchange.accounts.set_balances(api_key, asked.balances, asked.futures_balances)
        except UnknownAccountError as error:
            raise _Refused(404, str(error)) from None
        except ValueError as error:
            raise _Refused(400, str(error)) from None
        return 200, b"{}"

    async def _delete_account(self, api_key: str) -> tuple[int, bytes]:
        try:
            await self._exchange.accounts.delete(api_key)
        except UnknownAccountError as error:
            raise _Refused(404, str(error)) from None
        return 200, b"{}"


def _unknown() -> _Refused:
    return _Refused(404, "there is no such path, or not with this method")


def _shown(fault: Fault) -> dict[str, object]:
    return {"id": fault.id, **msgspec.structs.asdict(fault.asked), "left": fault.left, "met": fault.met}


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(400, str(error)) from None


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Refused(400, "the request was broken off")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > _BODY_LIMIT:
            raise _Refused(413, f"the body is larger than {_BODY_LIMIT} bytes")
        if not message.get("more_body"):
            return body
