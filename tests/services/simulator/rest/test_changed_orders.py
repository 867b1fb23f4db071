"""Orders that are changed while they rest: spot's amendments keep their place, futures' modifications go to the end."""

from decimal import Decimal
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import Client

SPOT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.02"}
AMEND = "/api/v3/order/amend/keepPriority"
FUTURES = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.2"}
ORDER = "/fapi/v1/order"
#: The fields of an amended order, from Binance's `rest-api.md`.
_AMENDED = (
    "symbol orderId orderListId origClientOrderId clientOrderId price qty executedQty preventedQty quoteOrderQty "
    "cumulativeQuoteQty status timeInForce type side workingTime selfTradePreventionMode"
)


def _far(trader: Client, venue: str) -> str:
    """Return a price that nothing trades at."""
    [bid, _] = trader.public(f"/{venue}/depth", symbol="BTCUSDT", limit=5).json()["bids"][0]
    return str(int(Decimal(bid) * Decimal("0.95")))


@pytest.fixture
def resting(trader: Client) -> dict[str, Any]:
    """A spot order that rests."""
    return dict(trader.ok("POST", "/api/v3/order", **SPOT, price=_far(trader, "api/v3"), newClientOrderId="first"))


@pytest.fixture
def held(trader: Client) -> dict[str, Any]:
    """A futures order that rests."""
    return dict(trader.ok("POST", ORDER, **FUTURES, price=_far(trader, "fapi/v1"), newOrderRespType="RESULT"))


# Spot.


def test_an_amended_order_is_smaller_and_locks_less(trader: Client, resting: dict[str, Any]) -> None:
    answer = trader.ok("PUT", AMEND, symbol="BTCUSDT", orderId=resting["orderId"], newQty="0.015")
    amended = answer["amendedOrder"]
    assert set(answer) == {"transactTime", "executionId", "amendedOrder"}
    assert set(amended) == set(_AMENDED.split())
    assert (amended["orderId"], amended["qty"], amended["status"]) == (resting["orderId"], "0.01500000", "NEW")
    assert amended["origClientOrderId"] == "first"
    assert amended["clientOrderId"] not in {"", "first"}
    [order] = trader.ok("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (order["origQty"], order["clientOrderId"]) == ("0.01500000", amended["clientOrderId"])
    balances = {row["asset"]: row for row in trader.ok("GET", "/api/v3/account")["balances"]}
    assert Decimal(balances["USDT"]["locked"]) == Decimal(resting["price"]) * Decimal("0.015")
    kept = trader.ok("PUT", AMEND, symbol="BTCUSDT", orderId=order["orderId"], newQty="0.01", newClientOrderId="mine")
    assert kept["amendedOrder"]["clientOrderId"] == "mine"
    assert trader.ok("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({"newQty": "0.02"}, -2038, "The requested action would change no state; rejecting."),
        ({"newQty": "0.03"}, -2038, "Order amend (quantity increase) is not supported."),
        ({"orderId": "1"}, -2038, "Unknown order sent."),
        ({"orderId": ""}, -1105, "Parameter 'orderId' was empty."),
        ({"newQty": "0"}, -1013, "Invalid newQty."),
        ({"newQty": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"newQty": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"newQty": "1e400"}, -1100, None),
        ({"newQty": None}, -1102, None),
        ({"newClientOrderId": "a b"}, -1100, None),
        ({"newClientOrderId": "other"}, -2038, "Duplicate order sent."),
        ({"symbol": "NONE"}, -1121, "Invalid symbol."),
    ],
)
def test_an_amendment_that_makes_no_sense_changes_nothing(
    trader: Client, resting: dict[str, Any], changed: dict[str, Any], code: int, text: str | None
) -> None:
    trader.ok("POST", "/api/v3/order", **SPOT, price=resting["price"], newClientOrderId="other")
    before = trader.ok("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    asked = {"symbol": "BTCUSDT", "orderId": resting["orderId"], "newQty": "0.01", **changed}
    status, refused, said = trader.refused("PUT", AMEND, **asked)
    assert (status, refused) == (400, code)
    assert text in {None, said}
    assert trader.ok("GET", "/api/v3/openOrders", symbol="BTCUSDT") == before


def test_an_order_is_amended_ten_times(trader: Client, resting: dict[str, Any]) -> None:
    for number in range(10):
        quantity = f"0.0{19 - number}"
        trader.ok("PUT", AMEND, symbol="BTCUSDT", orderId=resting["orderId"], newQty=quantity)
    _, code, text = trader.refused("PUT", AMEND, symbol="BTCUSDT", orderId=resting["orderId"], newQty="0.001")
    assert (code, text) == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    filters = trader.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["symbols"][0]["filters"]
    assert {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10} in filters


# Futures.


def test_a_modified_order_has_its_new_price_and_quantity(trader: Client, held: dict[str, Any]) -> None:
    price = str(Decimal(held["price"]) - 100)
    asked = {"symbol": "BTCUSDT", "side": "BUY", "orderId": held["orderId"], "quantity": "0.3", "price": price}
    answer = trader.ok("PUT", ORDER, **asked)
    assert (answer["orderId"], answer["clientOrderId"]) == (held["orderId"], held["clientOrderId"])
    assert (answer["origQty"], Decimal(answer["price"]), answer["status"]) == ("0.300", Decimal(price), "NEW")
    [order] = trader.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    assert (order["origQty"], order["orderId"]) == ("0.300", held["orderId"])
    [balance] = [row for row in trader.ok("GET", "/fapi/v2/account")["assets"] if row["asset"] == "USDT"]
    margin = Decimal(price) * Decimal("0.3") / 20
    assert abs(Decimal(balance["openOrderInitialMargin"]) - margin) < Decimal("0.00000002")
    by_name = asked | {"orderId": None, "origClientOrderId": held["clientOrderId"], "quantity": "0.1"}
    assert trader.ok("PUT", ORDER, **by_name)["origQty"] == "0.100"


def test_a_modified_order_trades_if_it_can(trader: Client, held: dict[str, Any]) -> None:
    [ask, _] = trader.public("/fapi/v1/depth", symbol="BTCUSDT", limit=5).json()["asks"][0]
    price = str(int(Decimal(ask) * Decimal("1.01")))
    answer = trader.ok("PUT", ORDER, symbol="BTCUSDT", side="BUY", orderId=held["orderId"], quantity="0.1", price=price)
    assert (answer["status"], answer["executedQty"]) == ("FILLED", "0.100")
    [position] = trader.ok("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
    assert position["positionAmt"] == "0.100"


def test_a_post_only_order_is_cancelled_instead_of_trading(trader: Client) -> None:
    price = _far(trader, "fapi/v1")
    order = trader.ok("POST", ORDER, **{**FUTURES, "timeInForce": "GTX"}, price=price)
    [ask, _] = trader.public("/fapi/v1/depth", symbol="BTCUSDT", limit=5).json()["asks"][0]
    crossing = str(int(Decimal(ask) * Decimal("1.01")))
    answer = trader.ok(
        "PUT", ORDER, symbol="BTCUSDT", side="BUY", orderId=order["orderId"], quantity="0.2", price=crossing
    )
    assert (answer["status"], answer["executedQty"]) == ("CANCELED", "0.000")
    assert trader.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({}, -5027, "No need to modify the order."),
        ({"orderId": 1}, -2013, "Order does not exist."),
        ({"orderId": None}, -1102, None),
        ({"side": "SELL", "quantity": "0.1"}, -1117, "Invalid side."),
        ({"side": None}, -1102, None),
        ({"quantity": None}, -1102, None),
        ({"price": None}, -1102, None),
        ({"quantity": "0.0001"}, -1111, "Precision is over the maximum defined for this asset."),
        ({"quantity": "0"}, -4003, None),
        ({"quantity": "0.001", "price": "1000"}, -5029, None),
        ({"quantity": "9000"}, -4005, "Quantity greater than max quantity."),
        ({"quantity": "900"}, -2019, "Margin is insufficient."),
        ({"price": "0"}, -4001, "Price less than 0."),
        ({"price": "1e5"}, -1100, None),
        ({"price": "900000"}, -4016, None),
        ({"priceMatch": "QUEUE"}, -1130, None),
    ],
)
def test_a_modification_that_is_refused_changes_nothing(
    trader: Client, held: dict[str, Any], changed: dict[str, Any], code: int, text: str | None
) -> None:
    trader.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=2)
    before = trader.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    asked = {"symbol": "BTCUSDT", "side": "BUY", "orderId": held["orderId"]}
    asked |= {"quantity": "0.2", "price": held["price"], **changed}
    status, refused, said = trader.refused("PUT", ORDER, **asked)
    assert (status, refused) == (400, code)
    assert text in {None, said}
    assert trader.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == before


def test_several_are_modified_each_for_itself(trader: Client, held: dict[str, Any]) -> None:
    asked = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1", "price": held["price"]}
    orders = [{**asked, "orderId": held["orderId"]}, {**asked, "orderId": 1}]
    texts = ",".join("{" + ",".join(f'"{name}":"{value}"' for name, value in one.items()) + "}" for one in orders)
    done, refused = trader.ok("PUT", "/fapi/v1/batchOrders", batchOrders=f"[{texts}]")
    assert done["origQty"] == "0.100"
    assert refused == {"code": -2013, "msg": "Order does not exist."}


def test_open_interest_has_what_users_hold(trader: Client) -> None:
    before = trader.public("/fapi/v1/openInterest", symbol="ETHUSDT").json()
    assert Decimal(before["openInterest"]) > 1000
    trader.ok("POST", ORDER, symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1000")
    after = trader.public("/fapi/v1/openInterest", symbol="ETHUSDT").json()
    assert after["time"] >= before["time"]
    # Others trade here as well, and what is synthetic moves with time.
    assert Decimal(after["openInterest"]) > Decimal(before["openInterest"])
    trader.ok("POST", ORDER, symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1000")
