"""Which candles are kept for how long: those that users traded in for ever, the others for some days."""

import asyncio
import time

import asyncpg

from tests.eventually import eventually
from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import Trader

DAY = 86_400_000
MINUTE = 60_000


async def _minutes(url: str) -> list[tuple[str, int]]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT symbol, open_time FROM simulator.minutes ORDER BY symbol, open_time")
        return [(row["symbol"], row["open_time"]) for row in rows]
    finally:
        await connection.close()


async def _grow_older(url: str, length: int) -> None:
    """Make the minutes that are stored `length` ms older."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "UPDATE simulator.minutes SET open_time = open_time - $1::bigint, row[1] = row[1] - $1::bigint", length
        )
    finally:
        await connection.close()


async def _volume(trader: Trader, symbol: str, minute: int) -> str:
    [row] = await trader.public("/api/v3/klines", symbol=symbol, interval="1m", startTime=minute, limit=1)
    assert row[0] == minute
    return str(row[5])


async def test_minutes_without_users_are_given_up_after_some_days(
    start_simulator: StartSimulator, simulator_database: str
) -> None:
    settings = {"DATABASE_URL": simulator_database, "SIMULATOR_CANDLE_DAYS": "3"}
    simulator = await start_simulator(**settings)
    trader = await simulator.account({"USDT": "100000000"})
    # Within one minute, so that each pair has one.
    await asyncio.sleep(max(0.0, time.time() % 60 - 55) * 1.1)
    await trader.public("/api/v3/depth", symbol="ETHUSDT")
    status, order = await trader.ask(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="20"
    )
    assert (status, order["status"]) == (200, "FILLED"), order
    await asyncio.sleep(1.5)  # synthetic participants trade every second
    await simulator.stop()
    stored = await _minutes(simulator_database)
    assert {symbol for symbol, _ in stored} == {"BTCUSDT", "ETHUSDT"}

    await _grow_older(simulator_database, 2 * DAY)
    await simulator.start()
    other = await start_simulator()  # has the synthetic past alone
    stranger = await other.account()
    minute = max(time for symbol, time in stored if symbol == "ETHUSDT") - 2 * DAY
    assert await _volume(trader, "ETHUSDT", minute) != await _volume(stranger, "ETHUSDT", minute)
    await simulator.stop()

    await _grow_older(simulator_database, 2 * DAY)
    await simulator.start()

    async def given_up() -> bool:
        return {symbol for symbol, _ in await _minutes(simulator_database)} == {"BTCUSDT"}

    await eventually(given_up)
    minute = order["transactTime"] // MINUTE * MINUTE - 4 * DAY
    assert float(await _volume(trader, "BTCUSDT", minute)) > 20
    assert await _volume(trader, "ETHUSDT", minute) == await _volume(stranger, "ETHUSDT", minute)
    await trader.close()
    await stranger.close()
