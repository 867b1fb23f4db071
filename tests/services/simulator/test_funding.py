"""Funding is paid at each of its times, with that time's mark price and rate, once: also what fell due meanwhile."""

import asyncio
import random
import sys
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import asyncpg

from services.simulator.asked_rows import Window
from services.simulator.engine.events import IncomeKind
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.terms import OrderType, Side
from services.simulator.exchange import Exchange
from services.simulator.memory_store import MemoryStore
from services.simulator.settings import SimulatorSettings
from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess, Trader, environment

HOUR = 3_600_000
DAY = 24 * HOUR
POSITIONS = {"BTCUSDT": Decimal("0.5"), "ETHUSDT": Decimal(-7)}


async def _take_positions(trader: Trader) -> None:
    for symbol, quantity in POSITIONS.items():
        status, order = await trader.ask(
            "POST",
            "/fapi/v1/order",
            symbol=symbol,
            side="BUY" if quantity > 0 else "SELL",
            type="MARKET",
            quantity=abs(quantity),
        )
        assert status == 200, order


async def _a_while_passes(url: str, length: int) -> int:
    """Make what is stored as it would be had nothing happened for `length` ms more; return the time that it is of."""
    connection = await asyncpg.connect(url)
    try:
        before: int = await connection.fetchval(
            "UPDATE simulator.exchange SET usdm = jsonb_set(usdm::jsonb, '{now}',"
            " to_jsonb((usdm->>'now')::bigint - $1::bigint))::json RETURNING (usdm->>'now')::bigint",
            length,
        )
        return before
    finally:
        await connection.close()


async def _funding(trader: Trader) -> list[dict[str, Any]]:
    _, rows = await trader.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE", startTime=0, limit=1000)
    return list(rows)


async def _check(trader: Trader, rows: list[dict[str, Any]], since: int, until: int, interval: int) -> None:
    """Compare what was paid with the rates and mark prices that the exchange tells of that time."""
    expected = {}
    for symbol, quantity in POSITIONS.items():
        for rate in await trader.public("/fapi/v1/fundingRate", symbol=symbol, startTime=since, endTime=until):
            assert rate["fundingTime"] % interval == 0
            paid = -quantity * Decimal(rate["markPrice"]) * Decimal(rate["fundingRate"])
            paid = paid.quantize(Decimal("1E-8"), ROUND_DOWN)
            if paid:
                expected[symbol, rate["fundingTime"]] = paid
    assert {(row["symbol"], row["time"]): Decimal(row["income"]) for row in rows} == expected
    assert len(rows) == len(expected)


async def test_what_fell_due_while_it_was_off_is_paid_at_the_start_and_once(
    start_simulator: StartSimulator, simulator_database: str
) -> None:
    simulator = await start_simulator(DATABASE_URL=simulator_database)
    trader = await simulator.account({}, {"USDT": "1000000"})
    await _take_positions(trader)
    before = await _wallet(trader)
    await simulator.kill()
    since = await _a_while_passes(simulator_database, 2 * DAY)
    await simulator.start()
    rows = await _funding(trader)
    now = (await trader.public("/fapi/v1/time"))["serverTime"]
    assert len({row["time"] for row in rows}) in {6, 7}, "2 days have 6 intervals of 8 h"
    await _check(trader, rows, since, now, 8 * HOUR)
    assert await _wallet(trader) == before + sum(Decimal(row["income"]) for row in rows)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    await _restart_at_once(simulator)
    assert await _funding(trader) == rows
    await trader.close()


async def _restart_at_once(simulator: SimulatorProcess) -> None:
    await simulator.kill()
    await simulator.start()


async def _wallet(trader: Trader) -> Decimal:
    _, balances = await trader.ask("GET", "/fapi/v2/balance")
    return next(Decimal(row["balance"]) for row in balances if row["asset"] == "USDT")


async def test_killed_while_it_starts_it_pays_nothing_twice_and_leaves_nothing_out(
    start_simulator: StartSimulator, simulator_database: str, tmp_path: Path, seed: int
) -> None:
    settings = {"DATABASE_URL": simulator_database, "SIMULATOR_FUNDING_HOURS": "1"}
    simulator = await start_simulator(**settings)
    trader = await simulator.account({}, {"USDT": "1000000"})
    await _take_positions(trader)
    await simulator.kill()
    since = await _a_while_passes(simulator_database, 30 * DAY)
    chance = random.Random(seed)
    for _ in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.simulator",
            env=environment(str(tmp_path / "no.env"), settings),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await asyncio.sleep(0.5 + 1.5 * chance.random())  # any moment will do
        process.kill()
        await process.wait()
    await simulator.start()
    rows: list[dict[str, Any]] = []
    while len(page := await _page(trader, rows)) > 0:
        rows += page
    now = (await trader.public("/fapi/v1/time"))["serverTime"]
    assert {(row["symbol"], row["time"]) for row in rows} == {
        (symbol, time) for symbol in POSITIONS for time in range(-(-since // HOUR) * HOUR, now + 1, HOUR)
    }
    assert len(rows) == len({(row["symbol"], row["time"]) for row in rows})
    await trader.close()


async def _page(trader: Trader, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    start = before[-1]["time"] + 1 if before else 0
    _, rows = await trader.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE", startTime=start, limit=1000)
    last = rows[-1]["time"] if rows else 0
    # A full page may end amid the rows of one time.
    return rows if len(rows) < 1000 else [row for row in rows if row["time"] < last]


class Clock:
    """A clock that is set, in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


async def test_it_is_paid_before_what_is_done_after_it() -> None:
    """A position is taken just before a funding time, and the next that is done is to close it, two hours later."""
    clock = Clock(1_795_003_199.5)
    first = 1_795_003_200_000
    settings = SimulatorSettings.model_validate({"SIMULATOR_FUNDING_HOURS": "1"})
    exchange = Exchange(settings, MemoryStore(), clock)
    await exchange.start()
    account = await exchange.accounts.make({}, {"USDT": Decimal(100_000)})

    async def trade(side: Side) -> None:
        order = NewOrder(account=account.name, symbol="BTCUSDT", side=side, type=OrderType.MARKET, quantity=Decimal(1))
        await exchange.act(lambda: exchange.usdm.place(order))

    await trade(Side.BUY)
    clock.seconds += 2 * 3600
    await trade(Side.SELL)
    incomes = await exchange.history.incomes(account.name, None, None, Window(limit=100))
    kinds = [(row.kind, row.time) for row in incomes if row.kind is not IncomeKind.COMMISSION]
    assert kinds[:3] == [
        (IncomeKind.TRANSFER, first - 500),
        (IncomeKind.FUNDING_FEE, first),
        (IncomeKind.FUNDING_FEE, first + HOUR),
    ]
    assert {kind for kind, _ in kinds[3:]} == {IncomeKind.REALIZED_PNL}
    symbol = exchange.usdm.symbols["BTCUSDT"]
    for row in incomes:
        if row.kind is IncomeKind.FUNDING_FEE:
            rate = exchange.market.funding_rate(symbol, row.time - HOUR, row.time, 1)
            assert row.amount == int(-exchange.market.mark_price(symbol, row.time) * Decimal(rate) / 10**8)
    clock.seconds += 3600
    await exchange.act(lambda: None)
    assert incomes == await exchange.history.incomes(account.name, None, None, Window(limit=100)), (
        "without a position nothing is paid"
    )
    await exchange.stop()
