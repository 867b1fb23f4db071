"""What ccxt does not do with orders: cancel-replace, answers in parts, batches, triggers, faults on the way."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.services.simulator.rest.venue_server import Client, VenueServer

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


def _replace(trader: Client, order_id: int, **changed: str) -> httpx.Response:
    parameters = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order_id, **changed}
    return trader.signed("POST", "/api/v3/order/cancelReplace", **parameters)


def test_an_order_is_replaced(trader: Client) -> None:
    old = trader.ok("POST", "/api/v3/order", **LIMIT)["orderId"]
    answer = _replace(trader, old, price="49000").json()

    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert answer["cancelResponse"]["orderId"] == old
    assert answer["newOrderResponse"]["price"] == "49000.00000000"
    assert [one["price"] for one in trader.ok("GET", "/api/v3/openOrders")] == ["49000.00000000"]


@pytest.mark.parametrize(
    ("exists", "changed", "status", "code", "results", "left"),
    [
        (False, {}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED"), 0),
        (False, {"cancelReplaceMode": "ALLOW_FAILURE"}, 409, -2021, ("FAILURE", "SUCCESS"), 1),
        (True, {"quantity": "9000"}, 409, -2021, ("SUCCESS", "FAILURE"), 0),
        (False, {"cancelReplaceMode": "ALLOW_FAILURE", "quantity": "9000"}, 400, -2022, ("FAILURE", "FAILURE"), 0),
    ],
)
def test_a_replacement_may_fail_in_part(
    trader: Client,
    *,
    exists: bool,
    changed: dict[str, str],
    status: int,
    code: int,
    results: tuple[str, str],
    left: int,
) -> None:
    old = trader.ok("POST", "/api/v3/order", **LIMIT)["orderId"] if exists else 1
    answer = _replace(trader, old, **changed)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    data = answer.json()["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == results
    assert len(trader.ok("GET", "/api/v3/openOrders")) == left


def test_cancel_restrictions_hold(trader: Client) -> None:
    order = trader.ok("POST", "/api/v3/order", **LIMIT)["orderId"]
    parameters = {"symbol": "BTCUSDT", "orderId": order}

    refused = trader.refused("DELETE", "/api/v3/order", **parameters, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert refused == (400, -2011, "Order was not canceled due to cancel restrictions.")
    answer = trader.ok("DELETE", "/api/v3/order", **parameters, cancelRestrictions="ONLY_NEW", newClientOrderId="bye")
    assert (answer["status"], answer["clientOrderId"]) == ("CANCELED", "bye")


def test_orders_and_trades_are_paged_by_their_ids(trader: Client) -> None:
    ids = [
        trader.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")["orderId"]
        for _ in range(5)
    ]

    assert [one["orderId"] for one in trader.ok("GET", "/api/v3/allOrders", symbol="BTCUSDT", limit=2)] == ids[3:]
    page = trader.ok("GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=ids[1], limit=2)
    assert [one["orderId"] for one in page] == ids[1:3]
    trades = trader.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    later = trader.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=trades[2]["id"], limit=2)
    assert later == trades[2:4]


def test_an_acknowledged_futures_order_is_told_as_it_came(trader: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}

    acknowledged = trader.ok("POST", "/fapi/v1/order", **order)
    result = trader.ok("POST", "/fapi/v1/order", **order, newOrderRespType="RESULT")

    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0.000")
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.010")


def test_a_batch_is_answered_one_by_one(trader: Client) -> None:
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    orders = [{**good, "price": "55000"}, {**good, "price": 55000.5}, {**good, "price": "-1"}, {"symbol": "BTCUSDT"}]
    answers = trader.ok("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))

    assert [one.get("code") or one["price"] for one in answers] == ["55000.00", "55000.50", -1100, -1102]
    ids = [one["orderId"] for one in answers[:2]]
    gone = trader.ok("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=json.dumps([*ids, 1]))
    assert [one.get("code") or one["status"] for one in gone] == ["CANCELED", "CANCELED", -2011]


def test_a_conditional_order_that_triggers_is_an_order_from_then_on(trader: Client) -> None:
    trader.ok("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    bid = float(trader.public("/fapi/v1/ticker/bookTicker", symbol="BTCUSDT").json()["bidPrice"])
    order = trader.ok(
        "POST",
        "/fapi/v1/algoOrder",
        algoType="CONDITIONAL",
        symbol="BTCUSDT",
        side="SELL",
        type="STOP_MARKET",
        closePosition="true",
        triggerPrice=f"{bid - 100:.1f}",
    )
    assert order["algoStatus"] == "NEW"
    by_id = {"symbol": "BTCUSDT", "orderId": order["algoId"]}
    assert trader.refused("GET", "/fapi/v1/order", **by_id)[1] == -2013
    assert trader.refused("DELETE", "/fapi/v1/order", **by_id)[1] == -2011
    trader.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert len(trader.ok("GET", "/fapi/v1/openAlgoOrders")) == 1

    whale = Client(trader.server, trader.server.account({}, {"USDT": "100000000"}))
    for _ in range(20):  # sells through the book until the price is there
        whale.ok("POST", "/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="20")
        if not trader.ok("GET", "/fapi/v1/openAlgoOrders"):
            break

    assert trader.ok("GET", "/fapi/v1/openAlgoOrders") == []
    found = trader.ok("GET", "/fapi/v1/algoOrder", algoId=order["algoId"])
    assert (found["algoStatus"], found["actualOrderId"]) == ("FINISHED", str(order["algoId"]))
    actual = trader.ok("GET", "/fapi/v1/order", **by_id)
    assert (actual["status"], actual["type"], actual["origType"]) == ("FILLED", "MARKET", "STOP_MARKET")
    assert trader.ok("GET", "/fapi/v3/positionRisk") == []


def test_listen_keys_live_and_end(trader: Client) -> None:
    assert trader.account is not None
    headers = {"X-MBX-APIKEY": trader.account.api_key}

    def ask(method: str, path: str, **parameters: str) -> httpx.Response:
        return trader.http.request(method, path, params=parameters, headers=headers)

    spot = ask("POST", "/api/v3/userDataStream").json()["listenKey"]
    assert ask("POST", "/api/v3/userDataStream").json()["listenKey"] == spot
    assert ask("PUT", "/api/v3/userDataStream", listenKey=spot).json() == {}
    assert ask("DELETE", "/api/v3/userDataStream", listenKey=spot).json() == {}
    assert ask("PUT", "/api/v3/userDataStream", listenKey=spot).json()["code"] == -1125
    usdm = ask("POST", "/fapi/v1/listenKey").json()["listenKey"]
    assert ask("PUT", "/fapi/v1/listenKey").json()["listenKey"] == usdm
    assert ask("DELETE", "/fapi/v1/listenKey").json() == {}
    assert trader.public("/api/v3/userDataStream", "POST").json()["code"] == -2014


@pytest.fixture
def faulty(trader: Client) -> Iterator[Client]:
    yield trader
    trader.server.remove_faults()


def _add(trader: Client, kind: str, **asked: object) -> None:
    assert trader.account is not None
    trader.server.add_fault(kind, api_key=trader.account.api_key, count=1, **asked)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("too_many_requests", 429, -1003),
        ("banned", 418, -1003),
        ("server_error", 500, -1000),
        ("maintenance", 503, -1016),
    ],
)
def test_a_fault_on_demand_is_answered_and_nothing_done(faulty: Client, kind: str, status: int, code: int) -> None:
    _add(faulty, kind, path="/api/v3/order", retry_after=7)
    answer = faulty.signed("POST", "/api/v3/order", **LIMIT)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if status in {418, 429} else None)
    assert faulty.ok("GET", "/api/v3/openOrders") == []
    assert faulty.signed("POST", "/api/v3/order", **LIMIT).status_code == 200


def test_an_order_whose_answer_is_lost_is_there(faulty: Client) -> None:
    _add(faulty, "lost_answer", path="/api/v3/order")

    with pytest.raises(httpx.RemoteProtocolError):
        faulty.signed("POST", "/api/v3/order", **LIMIT, newClientOrderId="lost-1")
    found = faulty.ok("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="lost-1")
    assert found["status"] == "NEW"


@pytest.mark.parametrize(("symbol", "price"), [("SOLUSDT", "1"), ("ETHBTC", "9"), ("BTCUSDC", "1000000")])
def test_the_first_order_of_a_pair_that_nobody_has_looked_at_keeps_to_the_percent_filter(
    symbol: str, price: str
) -> None:
    server = VenueServer()
    try:
        trader = Client(server, server.account({"USDT": "100000", "USDC": "100000000", "BTC": "10000"}))
        order = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "10"}
        refused = trader.refused("POST", "/api/v3/order", **order, price=price)
        assert refused == (400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    finally:
        server.stop()
