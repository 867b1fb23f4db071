"""What accounts are told: everything, in order, on each of their streams, and nothing of others."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.shapes import difference
from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import closed, subscribe, told, user_stream

_SHAPES: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "user.json").read_text())


def _check(*events: Any) -> None:
    """Check that events have the documented shape."""
    for event in events:
        kind = event["e"]
        if kind == "ORDER_TRADE_UPDATE":
            kind += " TRADE" if event["o"]["x"] == "TRADE" else " NEW"
        assert difference(_SHAPES[kind], event) is None, event


@contextlib.asynccontextmanager
async def _stream(simulator: Running, venue: str, account: Account) -> AsyncIterator[Any]:
    """Open an account's stream."""
    async with user_stream(simulator, venue, await simulator.listen_key(venue, account)) as socket:
        yield socket


async def _far_price(simulator: Running, path: str) -> int:
    depth = await simulator.get(path, symbol="BTCUSDT", limit=5)
    return int(float(depth["bids"][0][0]) * 0.9)


async def test_a_spot_order_is_told_from_its_begin_to_its_end(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with _stream(simulator, "spot", account) as socket:
        price = await _far_price(simulator, "/api/v3/depth")
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        await simulator.signed(
            "POST", "/api/v3/order", account, **order, quantity="0.5", price=price, newClientOrderId="mine"
        )
        report, position = await told(socket), await told(socket)
        _check(report, position)
        wanted = {"x": "NEW", "X": "NEW", "c": "mine", "C": "", "q": "0.50000000", "p": f"{price}.00000000", "w": True}
        assert {field: report[field] for field in wanted} == wanted
        assert position["e"] == "outboundAccountPosition"
        locked = price * 0.5
        assert position["B"] == [{"a": "USDT", "f": f"{100000 - locked:.8f}", "l": f"{locked:.8f}"}]

        await simulator.signed(
            "DELETE", "/api/v3/order", account, symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="ended"
        )
        report, position = await told(socket), await told(socket)
        assert [report[field] for field in ("x", "X", "c", "C", "w")] == [
            "CANCELED",
            "CANCELED",
            "ended",
            "mine",
            False,
        ]
        assert position["B"] == [{"a": "USDT", "f": "100000.00000000", "l": "0.00000000"}]


async def test_fills_add_up_to_the_balances(simulator: Running) -> None:
    account = await simulator.account(USDT="1000000")
    async with _stream(simulator, "spot", account) as socket:
        placed = await simulator.signed(
            "POST", "/api/v3/order", account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="2"
        )
        reports = [await told(socket)]
        while reports[-1]["e"] == "executionReport":
            reports.append(await told(socket))
    _check(*reports)
    position = reports.pop()
    assert [report["x"] for report in reports] == ["NEW"] + ["TRADE"] * len(placed["fills"])
    assert reports[-1]["X"] == "FILLED"
    fills = [(one["L"], one["l"], one["n"], one["N"], one["t"]) for one in reports[1:]]
    fields = ("price", "qty", "commission", "commissionAsset", "tradeId")
    assert fills == [tuple(fill[field] for field in fields) for fill in placed["fills"]]
    free = {balance["a"]: float(balance["f"]) for balance in position["B"]}
    assert free["BTC"] == pytest.approx(2 - sum(float(fill[2]) for fill in fills))
    assert free["USDT"] == pytest.approx(1_000_000 - float(reports[-1]["Z"]))


async def test_deposits_are_told(simulator: Running) -> None:
    account = await simulator.account(USDT="1000")
    async with _stream(simulator, "spot", account) as spot, _stream(simulator, "usdm", account) as usdm:
        await simulator.hold(account, spot=250, usdm=1500)
        update, position = await told(spot), await told(spot)
        _check(update, position)
        assert (update["e"], update["a"], update["d"]) == ("balanceUpdate", "USDT", "-750.00000000")
        assert position["B"] == [{"a": "USDT", "f": "250.00000000", "l": "0.00000000"}]
        change = (await told(usdm))["a"]
        assert change["m"] == "DEPOSIT"
        assert change["B"] == [{"a": "USDT", "wb": "1500.00000000", "cw": "1500.00000000", "bc": "500"}]


async def test_a_futures_position_is_told(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with _stream(simulator, "usdm", account) as socket:
        order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.5"}
        await simulator.signed("POST", "/fapi/v1/order", account, **order)
        messages = [await told(socket)]
        while messages[-1]["e"] == "ORDER_TRADE_UPDATE":
            messages.append(await told(socket))
        account_update = messages.pop()
        updates = [message["o"] for message in messages]
        assert [one["x"] for one in updates] == ["NEW"] + ["TRADE"] * (len(updates) - 1)
        _check(*messages, account_update)
        assert (updates[-1]["X"], updates[-1]["z"], updates[-1]["ps"]) == ("FILLED", "0.500", "BOTH")
        (position,) = account_update["a"]["P"]
        assert (position["pa"], position["mt"]) == ("-0.500", "cross")
        assert float(position["ep"]) == pytest.approx(float(updates[-1]["ap"]), rel=1e-6)
        (balance,) = account_update["a"]["B"]
        fees = sum(float(one["n"]) for one in updates[1:])
        assert float(balance["wb"]) == pytest.approx(100_000 - fees)

        await simulator.signed("POST", "/fapi/v1/leverage", account, symbol="BTCUSDT", leverage=7)
        setting = await told(socket)
        _check(setting)
        assert (setting["e"], setting["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 7})


async def test_a_conditional_order_becomes_an_order_when_it_triggers(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with _stream(simulator, "usdm", account) as socket:
        depth = await simulator.get("/fapi/v1/depth", symbol="BTCUSDT", limit=20)
        trigger = depth["asks"][9][0]
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "STOP_MARKET", "quantity": "0.01"}
        placed = await simulator.signed(
            "POST", "/fapi/v1/algoOrder", account, **order, algoType="CONDITIONAL", triggerPrice=trigger
        )
        quantity = sum(float(ask[1]) for ask in depth["asks"])
        other = await simulator.account(USDT="100000000")
        rise = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": f"{quantity:.3f}"}
        await simulator.signed("POST", "/fapi/v1/order", other, **rise)
        events = [await told(socket)]
        while events[-1]["o"]["X"] != "FINISHED":
            events.append(await told(socket, lambda one: "o" in one))
    _check(*events)
    said = [(one["e"], one["o"].get("x"), one["o"]["X"]) for one in events]
    assert said[:4] == [
        ("ALGO_UPDATE", None, "NEW"),
        ("ALGO_UPDATE", None, "TRIGGERED"),
        ("ORDER_TRADE_UPDATE", "NEW", "NEW"),
        ("ORDER_TRADE_UPDATE", "TRADE", "FILLED"),
    ]
    assert {one["o"].get("aid", one["o"].get("i")) for one in events} == {placed["algoId"]}


async def test_an_account_is_told_the_same_on_each_of_its_streams_and_nothing_of_others(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000000", BTC="1"), await simulator.account(USDT="1000000")
    keys = [await simulator.listen_key("spot", account) for account in (one, one, other)]
    assert keys[0] == keys[1]
    async with (
        user_stream(simulator, "spot", keys[0]) as first,
        user_stream(simulator, "spot", keys[1], combined=True) as second,
        user_stream(simulator, "spot", keys[2]) as stranger,
        simulator.socket("/ws-api/v3") as api,
    ):
        answer = await subscribe(api, one)
        assert (answer["status"], answer["result"]) == (200, {"subscriptionId": 0})
        for number in range(20):
            side = "SELL" if number % 2 else "BUY"
            await simulator.signed(
                "POST", "/api/v3/order", one, symbol="BTCUSDT", side=side, type="MARKET", quantity="0.1"
            )
        messages = await _until_executions(first.recv, 40)
        wrapped = await _until_executions(second.recv, 40)
        assert [json.loads(message)["data"] for message in wrapped] == [json.loads(one) for one in messages]
        events = [json.loads(message) for message in await _until_executions(api.recv, 40)]
        assert {event["subscriptionId"] for event in events} == {0}
        assert [event["event"] for event in events] == [json.loads(message) for message in messages]
        ids = [report["I"] for report in map(json.loads, messages) if report["e"] == "executionReport"]
        assert ids == sorted(ids)
        await simulator.hold(other, spot=5)
        assert (await told(stranger))["e"] == "balanceUpdate"


async def _until_executions(receive: Callable[[], Awaitable[Any]], count: int) -> list[str]:
    """Return the messages until the end of a command in which there were so many reports."""
    messages: list[str] = []
    async with asyncio.timeout(30):
        while sum('"executionReport"' in message for message in messages) < count or "Position" not in messages[-1]:
            messages.append(await receive())
    return messages


async def test_a_listen_key_that_runs_out_is_told(impatient: Running) -> None:
    account = await impatient.account(USDT="1000")
    key = await impatient.listen_key("spot", account)
    async with user_stream(impatient, "spot", key) as socket:
        assert account.api_key in (await impatient.watched())["accounts"]["spot"]
        expired = await told(socket)
        assert (expired["e"], expired["listenKey"]) == ("listenKeyExpired", key)
        assert await closed(socket) == 1000
    await impatient.until_watched(lambda watched: account.api_key not in watched["accounts"]["spot"])


async def test_a_stream_ends_with_its_listen_key_and_with_its_account(simulator: Running) -> None:
    account = await simulator.account(USDT="1000")
    async with _stream(simulator, "usdm", account) as socket:
        await simulator.http.delete("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": account.api_key})
        assert await closed(socket) == 1000
    async with _stream(simulator, "usdm", account) as socket, simulator.socket("/ws-api/v3") as api:
        assert (await subscribe(api, account))["status"] == 200
        await simulator.delete(account)
        assert (await told(api))["event"]["e"] == "eventStreamTerminated"
        assert await closed(socket) == 1000
    await simulator.until_watched(
        lambda watched: (watched["accounts"]["usdm"], watched["accounts"]["spot"]) == ([], [])
    )
