"""Candles and trades as clients see them, where the synthetic past goes over into what is traded live."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess, Trader

SECOND = 1000
MINUTE = 60 * SECOND


async def until(trader: Trader, time_ms: int) -> None:
    """Wait until the exchange's clock is past `time_ms`."""
    now = (await trader.public("/api/v3/time"))["serverTime"]
    await asyncio.sleep(max(0, time_ms - now + 20) / 1000)


def combined(rows: list[list[Any]]) -> list[Any]:
    """Return the figures of one candle made of several, without its times."""
    return [
        rows[0][1],
        max((row[2] for row in rows), key=Decimal),
        min((row[3] for row in rows), key=Decimal),
        rows[-1][4],
        *(sum(Decimal(row[place]) for row in rows) for place in (5, 7, 8, 9, 10)),
    ]


def figures(row: list[Any]) -> list[Any]:
    return [*row[1:5], *(Decimal(row[place]) for place in (5, 7, 8, 9, 10))]


@pytest.mark.parametrize("prefix", ["/api/v3", "/fapi/v1"])
async def test_every_second_has_trades_whoever_looks_and_when(simulator: SimulatorProcess, prefix: str) -> None:
    trader = await simulator.account()
    began = (await trader.public("/api/v3/time"))["serverTime"] // SECOND * SECOND
    await trader.public(f"{prefix}/depth", symbol="BTCUSDT")
    await until(trader, began + 3 * SECOND)
    for symbol in ("BTCUSDT", "ETHUSDT"):  # somebody looks at the first from the begin, at the second now
        trades = await trader.public(f"{prefix}/trades", symbol=symbol, limit=1000)
        seconds = {trade["time"] // SECOND * SECOND for trade in trades}
        assert seconds >= set(range(began - 5 * SECOND, began + 3 * SECOND, SECOND))
        ids = [trade["id"] for trade in trades]
        assert ids == list(range(ids[0], ids[0] + 1000))
        assert [trade["time"] for trade in trades] == sorted(trade["time"] for trade in trades)
    await trader.close()


async def test_candles_under_way_are_made_of_their_seconds(simulator: SimulatorProcess) -> None:
    trader = await simulator.account({"USDT": "1000000"})
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="5.4321"
    )
    assert status == 200, order
    second = order["transactTime"] // SECOND * SECOND
    await until(trader, second + 2 * SECOND)
    minute = second // MINUTE * MINUTE
    hour = minute // (60 * MINUTE) * 60 * MINUTE
    for _ in range(200):  # until nothing was traded between the two answers
        seconds = await trader.public("/api/v3/klines", symbol="ETHUSDT", interval="1s", startTime=minute, limit=61)
        minutes = await trader.public("/api/v3/klines", symbol="ETHUSDT", interval="1m", startTime=hour, limit=61)
        minutes = [row for row in minutes if row[0] < hour + 60 * MINUTE]
        hours = await trader.public("/api/v3/klines", symbol="ETHUSDT", interval="1h", startTime=hour, limit=1)
        inside = [row for row in seconds if row[0] < minute + MINUTE]
        if figures(hours[0]) == combined(minutes) and (len(seconds) > 60 or figures(minutes[-1]) == combined(inside)):
            break
    else:
        pytest.fail(f"expected a candle that is made of smaller ones, was {minutes[-1]} of {seconds}")
    assert Decimal(next(row for row in seconds if row[0] == second)[5]) >= Decimal("5.4321")
    await trader.close()


async def test_a_live_trade_is_in_the_list_of_trades_and_moves_the_ticker(simulator: SimulatorProcess) -> None:
    trader = await simulator.account({"BTC": "100"})
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1.23456"
    )
    assert status == 200, order
    trades = await trader.public("/api/v3/trades", symbol="BTCUSDT", limit=1000)
    by_id = {trade["id"]: trade for trade in trades}
    for fill in order["fills"]:
        trade = by_id[fill["tradeId"]]
        assert (trade["price"], trade["qty"], trade["isBuyerMaker"]) == (fill["price"], fill["qty"], True)
    ticker = await trader.public("/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert ticker["lastId"] >= order["fills"][-1]["tradeId"]
    assert Decimal(ticker["lowPrice"]) <= Decimal(order["fills"][-1]["price"])
    await trader.close()


async def test_five_hundred_pairs_cost_nothing_until_they_are_asked_for(start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(SIMULATOR_PAIRS="500")
    trader = await simulator.account()
    symbols = [row["symbol"] for row in (await trader.public("/api/v3/exchangeInfo"))["symbols"]]
    assert len(symbols) == 500
    for symbol in (symbols[5], symbols[250], symbols[499]):
        depth = await trader.public("/api/v3/depth", symbol=symbol)
        assert len(depth["bids"]) > 10
        assert Decimal(depth["bids"][0][0]) < Decimal(depth["asks"][0][0])
    await trader.close()
