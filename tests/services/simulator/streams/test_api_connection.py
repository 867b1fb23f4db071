"""Requests of the WebSocket API: answers, who may ask, and what is wrong."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

from tests.services.simulator.rest.venue_server import VenueServer
from tests.services.simulator.streams.running import Running, now_ms, signed
from tests.services.simulator.streams.talk import call, subscribe, told


async def test_what_needs_no_key(simulator: Running) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        assert await call(socket, "ping", {"returnRateLimits": False}, "a") == {"id": "a", "status": 200, "result": {}}
        time = (await call(socket, "time"))["result"]["serverTime"]
        assert abs(time - now_ms()) < 5_000
        depth = await call(socket, "depth", {"symbol": "BTCUSDT", "limit": 5})
        assert len(depth["result"]["bids"]) == 5
        price = await call(socket, "v3/ticker.price", {"symbol": "BTCUSDT"})
        assert price["result"]["symbol"] == "BTCUSDT"
        status = (await call(socket, "session.status"))["result"]
        assert (status["apiKey"], status["userDataStream"]) == (None, False)


_BTC = {"symbol": "BTCUSDT"}


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("exchangeInfo", "/api/v3/exchangeInfo", _BTC),
        ("trades.historical", "/api/v3/historicalTrades", {**_BTC, "fromId": 1000, "limit": 2}),
        ("trades.aggregate", "/api/v3/aggTrades", {**_BTC, "fromId": 1000, "limit": 2}),
        ("klines", "/api/v3/klines", {**_BTC, "interval": "1d", "startTime": 1_700_000_000_000, "limit": 2}),
        ("uiKlines", "/api/v3/uiKlines", {**_BTC, "interval": "1d", "startTime": 1_700_000_000_000, "limit": 2}),
    ],
)
async def test_what_is_public_is_what_rest_answers(
    simulator: Running, method: str, path: str, asked: dict[str, Any]
) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        answer = (await call(socket, method, asked))["result"]
    said = await simulator.get(path, **asked)
    for one in (answer, said):
        if isinstance(one, dict):
            del one["serverTime"]
    assert answer == said


@pytest.mark.parametrize("method", ["ticker", "ticker.24hr", "ticker.tradingDay"])
async def test_tickers_have_the_fields_that_rest_answers(simulator: Running, method: str) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        answer = (await call(socket, method, _BTC))["result"]
    assert answer.keys() == (await simulator.get(f"/api/v3/{method.replace('.', '/')}", **_BTC)).keys()


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("openOrderLists.status", "/api/v3/openOrderList", {}),
        ("allOrderLists", "/api/v3/allOrderList", {}),
        ("account.status", "/api/v3/account", {}),
        ("account.commission", "/api/v3/account/commission", _BTC),
        ("account.rateLimits.orders", "/api/v3/rateLimit/order", {}),
        ("allOrders", "/api/v3/allOrders", _BTC),
        ("myTrades", "/api/v3/myTrades", _BTC),
    ],
)
async def test_what_is_the_accounts_is_what_rest_answers(
    simulator: Running, method: str, path: str, asked: dict[str, Any]
) -> None:
    account = await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        answer = await call(socket, method, signed(account, **asked))
        unsigned = await call(socket, method, asked)
    assert answer["result"] == await simulator.signed("GET", path, account, **asked)
    assert (unsigned["status"], unsigned["error"]["code"]) == (400, -1102)


async def test_an_order_is_amended_in_its_place(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with simulator.socket("/ws-api/v3") as socket:
        price = float((await call(socket, "ticker.price", _BTC))["result"]["price"])
        order = {**_BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.02"}
        placed = await call(socket, "order.place", signed(account, **order, price=str(int(price * 0.9))))
        which = {**_BTC, "orderId": placed["result"]["orderId"]}
        amended = await call(socket, "order.amend.keepPriority", signed(account, **which, newQty="0.01"))
        assert amended["result"]["amendedOrder"]["qty"] == "0.01000000"
        larger = await call(socket, "order.amend.keepPriority", signed(account, **which, newQty="0.05"))
        assert (larger["status"], larger["error"]["code"]) == (400, -2038)


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
        price = float((await call(socket, "ticker.price", {"symbol": "BTCUSDT"}))["result"]["price"])
        order["price"] = str(int(price * 0.9))
        placed = await call(socket, "order.place", signed(account, **order))
        assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
        which = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        found = await call(socket, "order.status", signed(account, **which))
        assert found["result"]["clientOrderId"] == placed["result"]["clientOrderId"]
        ended = await call(socket, "order.cancel", signed(account, **which))
        assert ended["result"]["status"] == "CANCELED"
        again = await call(socket, "order.cancel", signed(account, **which))
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
        parameters = {**signed(account), **change}
        for method in ("account.status", "userDataStream.subscribe.signature"):
            answer = await call(socket, method, parameters)
            assert (answer["status"], answer["error"]["code"]) == (status, code)
        assert account.api_key not in (await simulator.watched())["accounts"]["spot"]


@pytest.mark.parametrize("text", ["{", "[]", "1", "\udcff", '{"id": {}, "method": "ping"}', '{"id": 1}', "[" * 99_999])
async def test_what_is_no_request_is_refused(simulator: Running, text: str) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        await socket.send(text.encode("utf-8", "surrogateescape"))
        answer = await told(socket)
        assert (answer["status"], answer["error"]["code"] < 0) == (400, True)
        assert (await call(socket, "ping"))["status"] == 200


@pytest.mark.parametrize("parameters", [[], 1, "a"])
async def test_parameters_are_an_object(simulator: Running, parameters: Any) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        assert (await call(socket, "ping", parameters))["status"] == 400


async def test_a_subscription_is_one_for_each_account_and_can_be_ended(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        assert (await subscribe(socket, one))["result"] == {"subscriptionId": 0}
        assert (await subscribe(socket, one, recvWindow=5000))["error"]["code"] == -2035
        assert (await subscribe(socket, other))["result"] == {"subscriptionId": 1}
        listed = (await call(socket, "session.subscriptions"))["result"]
        assert listed == [{"subscriptionId": 0}, {"subscriptionId": 1}]
        assert (await call(socket, "session.status"))["result"]["userDataStream"] is True
        assert (await call(socket, "userDataStream.unsubscribe", {"subscriptionId": 0}))["status"] == 200
        assert (await call(socket, "userDataStream.unsubscribe", {"subscriptionId": 0}))["error"]["code"] == -2036
        await simulator.until_watched(lambda watched: watched["accounts"]["spot"] == [other.api_key])
        assert (await call(socket, "userDataStream.unsubscribe"))["status"] == 200
        assert (await simulator.watched())["accounts"]["spot"] == []


def _weight(count: int, limit: int = 6000) -> dict[str, Any]:
    return {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": limit,
        "count": count,
    }


def _orders(interval: str, number: int, limit: int, count: int) -> dict[str, Any]:
    return {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit, "count": count}


async def _used(simulator: Running) -> int:
    """Return the weight that this address has used of the spot exchange's, in a minute that has just begun or not."""
    return int((await simulator.http.get("/api/v3/ping")).headers["x-mbx-used-weight-1m"])


async def test_answers_tell_the_limits_that_a_request_counts_towards(impatient: Running) -> None:
    while True:
        used, minute = await _used(impatient), now_ms() // 60_000
        async with impatient.socket("/ws-api/v3") as socket:  # of weight 2
            answers = [
                await call(socket, "time"),
                await call(socket, "session.status"),
                await call(socket, "depth", {"symbol": "BTCUSDT", "limit": 1000}),
                await call(socket, "depth", {"symbol": "NONE"}),
                await call(socket, "nothing.of.the.kind"),
                await call(socket, "account.status", {"apiKey": "?", "timestamp": 1, "signature": "0"}),
            ]
        if now_ms() // 60_000 == minute:
            break
    weights = [2 + 1, 2, 50, 5, 1, 20]
    told = [[_weight(used + sum(weights[: number + 1]))] for number in range(len(weights))]
    assert [answer["rateLimits"] for answer in answers] == told
    assert [answer["status"] for answer in answers] == [200, 200, 200, 400, 400, 401]


async def test_answers_to_new_orders_tell_those_of_the_account_too(impatient: Running) -> None:
    account = await impatient.account(USDT="1000")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.0001"}
    async with impatient.socket("/ws-api/v3") as spot, impatient.socket("/ws-fapi/v1") as usdm:
        placed = await call(spot, "order.place", signed(account, **order))
        refused = await call(spot, "order.place", signed(account, **order, price="x"))
        futures = await call(usdm, "order.place", signed(account, **order))
        asked = await call(spot, "openOrders.status", signed(account))
    assert placed["rateLimits"][:2] == [_orders("SECOND", 10, 100, 1), _orders("DAY", 1, 200_000, 1)]
    assert refused["rateLimits"][1] == _orders("DAY", 1, 200_000, 2)
    assert futures["rateLimits"][1] == _orders("MINUTE", 1, 1200, 1)
    assert futures["rateLimits"][2]["limit"] == 2400
    for answer, length in ((placed, 3), (refused, 3), (futures, 3), (asked, 1)):
        assert len(answer["rateLimits"]) == length
        assert answer["rateLimits"][-1]["rateLimitType"] == "REQUEST_WEIGHT"


async def test_limits_are_left_out_where_nobody_wants_them(simulator: Running) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        assert (await call(socket, "session.status"))["result"]["returnRateLimits"] is True
        for unwanted in (False, "false"):
            assert "rateLimits" not in await call(socket, "time", {"returnRateLimits": unwanted})
        wrong = await call(socket, "time", {"returnRateLimits": 7})
        assert (wrong["status"], wrong["error"]["code"]) == (400, -1130)
    async with simulator.socket("/ws-api/v3?returnRateLimits=false") as socket:
        assert set(await call(socket, "session.status")) == {"id", "status", "result"}
        assert set(await call(socket, "session.logon")) == {"id", "status", "error"}
        assert "rateLimits" in await call(socket, "time", {"returnRateLimits": True})


@pytest.fixture
async def strict() -> AsyncIterator[Running]:
    """A simulator with Binance's limits, to be banned from."""
    server = VenueServer(SIMULATOR_LIMITS="1")
    running = Running(server)
    yield running
    await running.leave()
    server.stop()


async def test_who_asks_too_much_is_told_when_to_come_back(strict: Running) -> None:
    account = await strict.account(USDT="1000")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "1"}
    async with contextlib.AsyncExitStack() as stack:
        # A socket takes 100 requests a second; what is asked for is a limit beyond that.
        sockets = itertools.cycle([await stack.enter_async_context(strict.socket("/ws-api/v3")) for _ in range(10)])

        async def until(status: int, most: int, method: str, **parameters: Any) -> Any:
            """Ask until that is the status, but for so often: a limit's interval may end meanwhile."""
            for _ in range(2 * most):
                answer = await call(next(sockets), method, signed(account, **parameters))
                if answer["status"] == status:
                    return answer
            raise AssertionError(f"expected {status}, was {answer}")

        last = await until(429, 101, "order.place", **order)
        said = last["error"]
        assert said["code"] == -1015
        assert said["data"]["retryAfter"] % 10_000 == 0
        assert 0 < said["data"]["retryAfter"] - said["data"]["serverTime"] <= 10_000
        assert last["rateLimits"][0] == _orders("SECOND", 10, 100, 100)

        last = await until(429, 75, "openOrders.status")  # of weight 80
        said = last["error"]
        assert said["code"] == -1003
        assert 0 < said["data"]["retryAfter"] - said["data"]["serverTime"] <= 60_000
        assert last["rateLimits"][0]["count"] > 6000

        said = (await until(418, 101, "session.status"))["error"]
        assert said["code"] == -1003
        assert 60_000 < said["data"]["retryAfter"] - said["data"]["serverTime"] <= 120_000
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with strict.socket("/ws-api/v3"):
            pass
    assert refused.value.response.status_code == 418


async def test_sessions_are_not_logged_on_to(simulator: Running) -> None:
    account = await simulator.account(USDT="1000")
    async with simulator.socket("/ws-api/v3") as socket:
        logon = await call(socket, "session.logon", signed(account))
        assert logon["error"]["code"] == -4056
        assert (await call(socket, "userDataStream.subscribe"))["error"]["code"] == -2015
        assert (await call(socket, "nothing.of.the.kind"))["status"] == 400
