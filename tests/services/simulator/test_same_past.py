"""The past as clients see it: the same each time and after each start, and one with what is traded live."""

import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import SimulatorProcess, Trader
from tests.services.simulator.test_live_market import MINUTE, SECOND, combined, figures, until

HOUR = 60 * MINUTE
DAY = 24 * HOUR


async def _past(trader: Trader, now: int) -> list[Any]:
    """Return everything that can be asked of some minutes a while ago."""
    end = now // MINUTE * MINUTE - 10 * MINUTE
    span = {"startTime": end - 5 * MINUTE, "endTime": end - 1}
    asked: list[Any] = []
    for venue, symbols in (("/api/v3", ("BTCUSDT", "ETHBTC", "SOLUSDT")), ("/fapi/v1", ("BTCUSDT", "ETHUSDT"))):
        for symbol in symbols:
            asked += [
                await trader.public(f"{venue}/klines", symbol=symbol, interval="1m", **span),
                await trader.public(f"{venue}/klines", symbol=symbol, interval="1d", endTime=end - DAY, limit=30),
                await trader.public(f"{venue}/aggTrades", symbol=symbol, limit=1000, **span),
            ]
    for symbol in ("BTCUSDT", "ETHUSDT"):
        asked.append(await trader.public("/fapi/v1/fundingRate", symbol=symbol, endTime=end, limit=20))
        asked.append(await trader.public("/fapi/v1/markPriceKlines", symbol=symbol, interval="1m", **span))
    assert all(asked)
    return asked


async def test_the_past_is_the_same_after_each_start_and_another_with_another_seed(
    start_simulator: StartSimulator,
) -> None:
    now = int(time.time() * 1000)

    async def asked_of(seed: str) -> list[Any]:
        simulator = await start_simulator(SIMULATOR_SEED=seed, SIMULATOR_LIMITS="1000")
        trader = await simulator.account()
        found = await _past(trader, now)
        assert await _past(trader, now) == found, "asked a second time"
        await trader.close()
        await simulator.kill()
        return found

    first = await asked_of("11")
    assert await asked_of("11") == first, "asked after another start"
    other = await asked_of("12")
    assert all(one != another for one, another in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("larger", "smaller", "count"),
    [("1m", "1s", 60), ("3m", "1m", 3), ("1h", "15m", 4), ("1d", "1h", 24), ("1w", "1d", 7)],
)
async def test_larger_candles_follow_from_smaller_ones(
    simulator: SimulatorProcess, larger: str, smaller: str, count: int
) -> None:
    trader = await simulator.account()
    monday = 1_704_067_200_000
    for symbol in ("ETHUSDT", "ETHBTC"):
        asked = {"symbol": symbol, "startTime": monday}
        (whole,) = await trader.public("/api/v3/klines", **asked, interval=larger, limit=1)
        parts = await trader.public("/api/v3/klines", **asked, interval=smaller, limit=count)
        assert (whole[0], whole[6]) == (parts[0][0], parts[-1][6])
        assert figures(whole) == combined(parts)
    await trader.close()


async def test_a_cross_pair_is_worth_what_its_pairs_are(simulator: SimulatorProcess) -> None:
    trader = await simulator.account()
    closes = {}
    for symbol in ("ETHUSDT", "BTCUSDT", "ETHBTC"):
        rows = await trader.public(
            "/api/v3/klines", symbol=symbol, interval="1m", startTime=1_704_067_200_000, limit=500
        )
        closes[symbol] = [Decimal(row[4]) for row in rows]
    for eth, btc, cross in zip(*closes.values(), strict=True):
        assert abs(cross - eth / btc) < Decimal("0.00002"), "two ticks"
    await trader.close()


async def test_the_live_market_goes_on_where_the_past_ends(simulator: SimulatorProcess) -> None:
    trader = await simulator.account({"USDT": "1000"})
    began = (await trader.public("/api/v3/time"))["serverTime"] // SECOND * SECOND
    for symbol in ("BTCUSDT", "SOLUSDT", "ETHBTC"):
        await trader.public("/api/v3/depth", symbol=symbol)
    await until(trader, began + 4 * SECOND)
    for symbol in ("BTCUSDT", "SOLUSDT", "ETHBTC"):
        seconds = await trader.public(
            "/api/v3/klines", symbol=symbol, interval="1s", startTime=began - 60 * SECOND, endTime=began + 3 * SECOND
        )
        assert [row[0] for row in seconds] == list(range(began - 60 * SECOND, began + 4 * SECOND, SECOND))
        for before, after in pairwise(seconds):
            assert abs(Decimal(after[1]) / Decimal(before[4]) - 1) < Decimal("0.002"), (symbol, before, after)
        trades = await trader.public("/api/v3/aggTrades", symbol=symbol, startTime=began - 3 * SECOND, limit=1000)
        assert trades[0]["T"] < began < trades[-1]["T"]
        for before, after in pairwise(trades):
            assert before["T"] <= after["T"]
            assert before["l"] < after["f"]
    await trader.close()
