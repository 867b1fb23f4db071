"""What an account asks of its past: the same of a simulator that stores it and of one that does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import Trader


@pytest.fixture(params=["in memory", "in PostgreSQL"])
async def trader(
    request: pytest.FixtureRequest, start_simulator: StartSimulator, simulator_database: str
) -> AsyncIterator[Trader]:
    """Somebody with an account at a simulator that keeps its state so."""
    settings = {"SIMULATOR_LIMITS": "1000"}
    if request.param == "in PostgreSQL":
        settings["DATABASE_URL"] = simulator_database
    simulator = await start_simulator(**settings)
    someone = await simulator.account({"USDT": "1000000", "BTC": "1"}, {"USDT": "1000000"})
    yield someone
    await someone.close()


async def _price(trader: Trader) -> int:
    return int(float((await trader.public("/fapi/v1/ticker/price", symbol="BTCUSDT"))["price"]))


async def _ok(trader: Trader, method: str, path: str, **parameters: object) -> Any:
    status, answer = await trader.ask(method, path, **parameters)
    assert status == 200, answer
    return answer


def _ids(rows: Any, field: str = "orderId") -> list[int]:
    return [row[field] for row in rows]


async def test_waiting_and_working_futures_orders_are_told_apart(trader: Trader) -> None:
    price = await _price(trader)
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
    limit = {**order, "type": "LIMIT", "timeInForce": "GTC", "price": int(price * 0.9)}
    stop = {**order, "type": "STOP_MARKET", "algoType": "CONDITIONAL", "triggerPrice": int(price * 1.2)}
    waiting: list[int] = []
    working: list[int] = []
    for number in range(6):
        if number % 3 == 1:
            named = await _ok(trader, "POST", "/fapi/v1/algoOrder", **stop, clientAlgoId=f"stop-{number}")
            waiting.append(named["algoId"])
        else:
            placed = await _ok(trader, "POST", "/fapi/v1/order", **limit)
            working.append(placed["orderId"])
    await _ok(trader, "DELETE", "/fapi/v1/algoOrder", algoId=waiting[0])

    async def orders(**asked: object) -> list[int]:
        return _ids(await _ok(trader, "GET", "/fapi/v1/allOrders", symbol="BTCUSDT", **asked))

    async def algo_orders(**asked: object) -> list[int]:
        return _ids(await _ok(trader, "GET", "/fapi/v1/allAlgoOrders", symbol="BTCUSDT", **asked), "algoId")

    assert await orders() == working
    assert await orders(limit=2) == working[-2:], "what waits takes no place of what works"
    assert await orders(limit=2, orderId=working[1]) == working[1:3]
    assert await algo_orders() == waiting
    assert await algo_orders(limit=1) == waiting[1:]
    assert await algo_orders(limit=1, algoId=1) == waiting[:1]
    for algo_id, name in zip(waiting, ("stop-1", "stop-4"), strict=True):
        found = await _ok(trader, "GET", "/fapi/v1/algoOrder", clientAlgoId=name)
        assert found["algoId"] == algo_id
    assert (await trader.ask("GET", "/fapi/v1/algoOrder", algoId=working[0]))[1]["code"] == -2013
    assert (await trader.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=waiting[1]))[1]["code"] == -2013


async def test_orders_fills_and_incomes_are_asked_for_by_id_and_by_time(trader: Trader) -> None:
    order = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.01"}
    for venue in ("/api/v3", "/fapi/v1"):
        placed = [
            await _ok(trader, "POST", f"{venue}/order", **order, side=side, newOrderRespType="RESULT")
            for side in ("BUY", "SELL", "BUY")
        ]
        ids = _ids(placed)
        asked = {"symbol": "BTCUSDT"}
        rows = await _ok(trader, "GET", f"{venue}/allOrders", **asked)
        assert _ids(rows) == ids
        assert _ids(await _ok(trader, "GET", f"{venue}/allOrders", **asked, orderId=ids[1])) == ids[1:]
        assert _ids(await _ok(trader, "GET", f"{venue}/allOrders", **asked, endTime=rows[0]["time"] - 1)) == []
        assert _ids(await _ok(trader, "GET", f"{venue}/allOrders", **asked, startTime=rows[2]["time"]))[-1] == ids[2]
        trades = "/api/v3/myTrades" if venue == "/api/v3" else "/fapi/v1/userTrades"
        fills = await _ok(trader, "GET", trades, **asked)
        assert sorted(set(_ids(fills))) == ids
        assert set(_ids(await _ok(trader, "GET", trades, **asked, orderId=ids[1]))) == {ids[1]}
        assert await _ok(trader, "GET", trades, **asked, fromId=fills[-1]["id"]) == fills[-1:]
        assert await _ok(trader, "GET", trades, **asked, limit=1) == fills[-1:]
    incomes = await _ok(trader, "GET", "/fapi/v1/income", incomeType="COMMISSION")
    assert len(incomes) == len(fills)
    assert await _ok(trader, "GET", "/fapi/v1/income", incomeType="COMMISSION", limit=1) == incomes[-1:]
    assert await _ok(trader, "GET", "/fapi/v1/income", incomeType="FUNDING_FEE") == []
