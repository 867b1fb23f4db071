"""Requests of the WebSocket API: answers, who may ask, and what is wrong."""

import json
from typing import Any

import pytest

from tests.services.simulator.streams.running import Running, signed, subscribe, told


async def _call(socket: Any, method: str, parameters: Any = None, request_id: Any = 1) -> Any:
    request = {"id": request_id, "method": method}
    if parameters is not None:
        request["params"] = parameters
    await socket.send(json.dumps(request))
    return await told(socket, lambda message: message.get("id") == request_id)


async def test_what_needs_no_key(simulator: Running) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        assert await _call(socket, "ping", None, "a") == {"id": "a", "status": 200, "result": {}}
        time = (await _call(socket, "time"))["result"]["serverTime"]
        assert abs(time - simulator.exchange.now_ms()) < 5_000
        depth = await _call(socket, "depth", {"symbol": "BTCUSDT", "limit": 5})
        assert len(depth["result"]["bids"]) == 5
        price = await _call(socket, "v3/ticker.price", {"symbol": "BTCUSDT"})
        assert price["result"]["symbol"] == "BTCUSDT"
        status = (await _call(socket, "session.status"))["result"]
        assert (status["apiKey"], status["userDataStream"]) == (None, False)


async def test_orders_are_placed_asked_for_and_cancelled(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with simulator.socket("/ws-api/v3") as socket:
        order = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "50000",
            "newOrderRespType": "RESULT",
            "returnRateLimits": "false",
        }
        now = simulator.exchange.now_ms()
        price = float((await _call(socket, "ticker.price", {"symbol": "BTCUSDT"}))["result"]["price"])
        order["price"] = str(int(price * 0.9))
        placed = await _call(socket, "order.place", signed(account, now, **order))
        assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
        which = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        found = await _call(socket, "order.status", signed(account, now, **which))
        assert found["result"]["clientOrderId"] == placed["result"]["clientOrderId"]
        ended = await _call(socket, "order.cancel", signed(account, now, **which))
        assert ended["result"]["status"] == "CANCELED"
        again = await _call(socket, "order.cancel", signed(account, now, **which))
        assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"signature": "00"}, 400, -1022),
        ({"timestamp": 1}, 400, -1021),
        ({"timestamp": "soon"}, 400, -1100),
        ({"apiKey": "x" * 64}, 401, -2015),
        ({"apiKey": "?"}, 401, -2014),
        ({"apiKey": None}, 401, -2014),
    ],
)
async def test_who_is_not_known_is_refused(simulator: Running, change: dict[str, Any], status: int, code: int) -> None:
    account = await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        parameters = {**signed(account, simulator.exchange.now_ms()), **change}
        for method in ("account.status", "userDataStream.subscribe.signature"):
            answer = await _call(socket, method, parameters)
            assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert simulator.streams.user_streams("spot") == ()


@pytest.mark.parametrize("text", ["{", "[]", "1", "\udcff", '{"id": {}, "method": "ping"}', '{"id": 1}', "[" * 99_999])
async def test_what_is_no_request_is_refused(simulator: Running, text: str) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        await socket.send(text.encode("utf-8", "surrogateescape"))
        answer = await told(socket)
        assert (answer["status"], answer["error"]["code"] < 0) == (400, True)
        assert (await _call(socket, "ping"))["status"] == 200


@pytest.mark.parametrize("parameters", [[], 1, "a"])
async def test_parameters_are_an_object(simulator: Running, parameters: Any) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        assert (await _call(socket, "ping", parameters))["status"] == 400


async def test_a_subscription_is_one_for_each_account_and_can_be_ended(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        assert (await subscribe(simulator, socket, one))["result"] == {"subscriptionId": 0}
        assert (await subscribe(simulator, socket, one, recvWindow=5000))["error"]["code"] == -2035
        assert (await subscribe(simulator, socket, other))["result"] == {"subscriptionId": 1}
        listed = (await _call(socket, "session.subscriptions"))["result"]
        assert listed == [{"subscriptionId": 0}, {"subscriptionId": 1}]
        assert (await _call(socket, "session.status"))["result"]["userDataStream"] is True
        assert (await _call(socket, "userDataStream.unsubscribe", {"subscriptionId": 0}))["status"] == 200
        assert (await _call(socket, "userDataStream.unsubscribe", {"subscriptionId": 0}))["error"]["code"] == -2036
        assert simulator.streams.user_streams("spot") == (other.name,)
        assert (await _call(socket, "userDataStream.unsubscribe"))["status"] == 200
    assert simulator.streams.user_streams("spot") == ()


async def test_sessions_are_not_logged_on_to(simulator: Running) -> None:
    account = await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        logon = await _call(socket, "session.logon", signed(account, simulator.exchange.now_ms()))
        assert logon["error"]["code"] == -4056
        assert (await _call(socket, "userDataStream.subscribe"))["error"]["code"] == -2015
        assert (await _call(socket, "nothing.of.the.kind"))["status"] == 400
