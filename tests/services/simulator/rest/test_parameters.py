"""How parameters are read, and what is said of those that are not as they must be."""

from collections.abc import Callable

import pytest

from services.simulator.engine.refusal import Refusal
from services.simulator.engine.terms import Side
from services.simulator.rest.parameters import Parameters, pairs
from tests.services.simulator.rest.venue_server import Client


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"&&a=1&", {"a": "1"}),
        (b"a=%C3%A9+%2B", {"a": "é +"}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%zz", {"a": "%zz"}),
    ],
)
def test_pairs_are_taken_apart(encoded: bytes, expected: dict[str, str]) -> None:
    assert pairs(encoded) == expected


@pytest.mark.parametrize(
    ("encoded", "code"),
    [(b"a=1&a=1", -1101), (b"a=%ff", -1100), (b"\xff=1", -1100), (b"&".join(b"a%d=1" % n for n in range(99)), -1101)],
)
def test_pairs_that_cannot_be_are_refused(encoded: bytes, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        pairs(encoded)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("read", "sent", "code"),
    [
        (lambda p: p.symbol(), None, -1102),
        (lambda p: p.symbol(), "", -1102),
        (lambda p: p.symbol(), "btc", -1100),
        (lambda p: p.symbol(), "B" * 21, -1100),
        (lambda p: p.symbol(), "BTC\n", -1100),
        (lambda p: p.optional_symbol(), "", -1105),
        (lambda p: p.integer("symbol"), "", -1105),
        (lambda p: p.integer("symbol"), "1.0", -1100),
        (lambda p: p.integer("symbol"), "-1", -1100),
        (lambda p: p.integer("symbol"), "\uff11", -1100),
        (lambda p: p.integer("symbol"), "1_0", -1100),
        (lambda p: p.integer("symbol"), " 1", -1100),
        (lambda p: p.integer("symbol"), "9" * 19 + "9", -1108),
        (lambda p: p.integer("symbol"), "9" * 5000, -1100),
        (lambda p: p.decimal("symbol"), "1e400", -1100),
        (lambda p: p.decimal("symbol"), "NaN", -1100),
        (lambda p: p.decimal("symbol"), "Infinity", -1100),
        (lambda p: p.decimal("symbol"), "-0.1", -1100),
        (lambda p: p.decimal("symbol"), "+1", -1100),
        (lambda p: p.decimal("symbol"), ".5", -1100),
        (lambda p: p.decimal("symbol"), "1.", -1100),
        (lambda p: p.decimal("symbol"), "\u0661", -1100),
        (lambda p: p.decimal("symbol"), "1" * 21, -1100),
        (lambda p: p.limit(5, 10, name="symbol"), "0", -1130),
        (lambda p: p.flag("symbol"), "1", -1130),
        (lambda p: p.choice("symbol", Side), "buy", -1130),
        (lambda p: p.texts("symbol"), "[", -1100),
        (lambda p: p.texts("symbol"), "[1]", -1100),
        (lambda p: p.texts("symbol"), "[" * 50_000, -1100),
    ],
)
def test_what_has_not_the_form_of_its_kind_is_refused(
    read: Callable[[Parameters], object], sent: str | None, code: int
) -> None:
    with pytest.raises(Refusal) as refused:
        read(Parameters({} if sent is None else {"symbol": sent}))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("path", "query", "code", "text"),
    [
        ("/api/v3/depth", "", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("/api/v3/depth", "symbol=NONE", -1121, "Invalid symbol."),
        ("/api/v3/depth", "symbol=BTCUSDT&limit=0", -1130, "Data sent for parameter 'limit' is not valid."),
        ("/api/v3/depth", "symbol=BTCUSDT&symbol=BTCUSDT", -1101, "Duplicate values for a parameter detected."),
        ("/api/v3/depth", "symbol=BTCUSDT&x=1", -1101, "Too many parameters; expected '2' and received '2'."),
        ("/api/v3/klines", "symbol=BTCUSDT&interval=2m", -1120, "Invalid interval."),
        ("/api/v3/klines", "symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023, None),
        ("/api/v3/ticker", "symbol=BTCUSDT&windowSize=60m", -1130, None),
        ("/api/v3/ticker", "", -1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"),
        ("/api/v3/ticker/24hr", "symbol=BTCUSDT&type=BIG", -1139, "Invalid ticker type."),
        ("/api/v3/ticker/24hr", "symbols=%5B%22A%22,%22A%22%5D", -1151, None),
        ("/api/v3/ticker/24hr", "symbol=BTCUSDT&symbols=%5B%22ETHUSDT%22%5D", -1128, None),
        ("/api/v3/exchangeInfo", "permissions=NONSENSE", -1130, None),
        ("/api/v3/aggTrades", "symbol=BTCUSDT&fromId=1&startTime=1", -1128, None),
        ("/fapi/v1/depth", "symbol=BTCUSDT&limit=7", -4021, "7 is not valid depth limit"),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1s", -1120, "Invalid interval."),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=1501", -1130, None),
    ],
)
def test_public_requests_are_refused_in_binances_words(
    anonymous: Client, path: str, query: str, code: int, text: str | None
) -> None:
    answer = anonymous.http.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert text is None or answer.json()["msg"] == text


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


@pytest.mark.parametrize(
    ("path", "changed", "code"),
    [
        ("/api/v3/order", {"side": "HOLD"}, -1117),
        ("/api/v3/order", {"side": None}, -1102),
        ("/api/v3/order", {"type": "LIMITED"}, -1116),
        ("/api/v3/order", {"timeInForce": "GTD"}, -1115),
        ("/api/v3/order", {"timeInForce": None}, -1102),
        ("/api/v3/order", {"quantity": "0.000000001"}, -1111),
        ("/api/v3/order", {"quantity": "0"}, -1013),
        ("/api/v3/order", {"quantity": "-1"}, -1100),
        ("/api/v3/order", {"price": "50000.001"}, -1013),
        ("/api/v3/order", {"stopPrice": "1"}, -1106),
        ("/api/v3/order", {"newOrderRespType": "ALL"}, -1130),
        ("/api/v3/order", {"newClientOrderId": "a b"}, -1100),
        ("/api/v3/order", {"newClientOrderId": ""}, -1105),
        ("/api/v3/order", {"strange": "1"}, -1104),
        ("/api/v3/order", {"icebergQty": "1"}, -1013),
        ("/api/v3/order", {"strategyType": "1"}, -1134),
        ("/api/v3/order", {"symbol": "NONE"}, -1121),
        ("/fapi/v1/order", {"side": "HOLD"}, -1117),
        ("/fapi/v1/order", {"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ("/fapi/v1/order", {"type": "LIMIT_MAKER"}, -1116),
        ("/fapi/v1/order", {"quantity": "0.0001"}, -1111),
        ("/fapi/v1/order", {"quantity": "0"}, -4003),
        ("/fapi/v1/order", {"positionSide": "LONG"}, -4061),
        ("/fapi/v1/order", {"price": "50000.01"}, -4014),
    ],
)
def test_orders_are_refused_in_binances_codes(
    trader: Client, path: str, changed: dict[str, str | None], code: int
) -> None:
    assert trader.refused("POST", path, **{**LIMIT, **changed})[:2] == (400, code)


@pytest.mark.parametrize(
    ("method", "path", "parameters", "code"),
    [
        ("GET", "/api/v3/order", {"symbol": "BTCUSDT"}, -1102),
        ("GET", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": "1"}, -2013),
        ("DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": "1"}, -2011),
        ("DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": "1", "cancelRestrictions": "X"}, -1145),
        ("DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"}, -2011),
        ("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT", "startTime": "0", "endTime": "86400001"}, -1127),
        ("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT", "startTime": "0", "fromId": "1"}, -1128),
        ("PUT", "/api/v3/userDataStream", {}, -1102),
        ("PUT", "/api/v3/userDataStream", {"listenKey": "x"}, -1125),
        ("DELETE", "/fapi/v1/listenKey", {}, -1125),
        ("GET", "/fapi/v1/openOrder", {"symbol": "BTCUSDT", "orderId": "1"}, -2013),
        ("POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "126"}, -4028),
        ("POST", "/fapi/v1/marginType", {"symbol": "BTCUSDT", "marginType": "CROSSED"}, -4046),
        ("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "false"}, -4059),
        ("POST", "/fapi/v1/batchOrders", {"batchOrders": "[]"}, -4082),
        ("POST", "/fapi/v1/batchOrders", {"batchOrders": "[1e999999999]"}, -1130),
        ("DELETE", "/fapi/v1/algoOrder", {"algoId": "1"}, -2011),
        ("GET", "/fapi/v1/algoOrder", {"algoId": "1"}, -2013),
        ("GET", "/fapi/v1/income", {"incomeType": "WAGES"}, -1130),
        ("GET", "/fapi/v1/userTrades", {"symbol": "BTCUSDT", "startTime": "0", "endTime": "604800001"}, -4165),
    ],
)
def test_account_requests_are_refused_in_binances_codes(
    trader: Client, method: str, path: str, parameters: dict[str, str], code: int
) -> None:
    assert trader.refused(method, path, **parameters)[:2] == (400, code)


def test_unknown_paths_and_methods_are_not_found(anonymous: Client) -> None:
    for method, path in (("GET", "/api/v3/nothing"), ("GET", "/"), ("PUT", "/api/v3/depth"), ("GET", "/fapi/v9/x")):
        assert anonymous.public(path, method).status_code == 404


def test_a_parameter_of_the_query_counts_before_one_of_the_body(anonymous: Client) -> None:
    answer = anonymous.http.request("GET", "/api/v3/ticker/price?symbol=BTCUSDT", content=b"symbol=ETHUSDT")

    assert answer.json()["symbol"] == "BTCUSDT"
