"""Candles of the service on a real exchange: the simulator as a process."""

import asyncio
import json
import math
import time
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from services.marketdata.candles.intervals import INTERVALS
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.candles import (
    CANDLE,
    CANDLE_HISTORY,
    DOWNLOAD_PROGRESSED,
    LIST_CANDLE_CONNECTORS,
    RECENT_CANDLES,
    Candle,
    CandleRange,
    DownloadProgress,
    LiveCandle,
    RecentCandles,
)
from shared.errors import ErrorCode
from shared.settings import Settings
from tests.eventually import eventually
from tests.pace import within
from tests.services.marketdata.candles.steps import DAY, assert_in_steps
from tests.services.marketdata.conftest import Asker, Serve
from tests.services.marketdata.on_simulator import BTC, fault
from tests.services.simulator.process import SimulatorProcess

HOUR = 3600


def assert_same(one: Candle, other: Candle) -> None:
    """Check that two candles differ by no more than what adding doubles does."""
    pairs = zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
    assert all(math.isclose(mine, theirs, rel_tol=1e-9) for mine, theirs in pairs), (one, other)


def together(parts: list[Candle]) -> Candle:
    """Return the candle of the time that `parts` fill."""
    return Candle(
        timestamp=parts[0].timestamp,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        volume=sum(part.volume for part in parts),
        quote_asset_volume=sum(part.quote_asset_volume for part in parts),
        n_trades=sum(part.n_trades for part in parts),
        taker_buy_base_volume=sum(part.taker_buy_base_volume for part in parts),
        taker_buy_quote_volume=sum(part.taker_buy_quote_volume for part in parts),
    )


@pytest.mark.parametrize("connector", ["paper", "paper_perpetual"])
async def test_candles_of_every_interval_are_those_of_their_minutes(serve: Serve, ask: Asker, connector: str) -> None:
    await serve()
    end = DAY + 29 * 24 * HOUR
    minutes = await ask(CANDLE_HISTORY, CandleRange(connector, BTC, "1m", DAY, end - 1))
    assert len(minutes) == 29 * 24 * 60
    assert_in_steps(minutes, 60)
    by_time = {round(candle.timestamp) * 1000: candle for candle in minutes}
    offered = [name for name in INTERVALS if name != "1s"]
    for name in offered:
        interval = INTERVALS[name]
        candles = await ask(CANDLE_HISTORY, CandleRange(connector, BTC, name, DAY, end - 1))
        assert candles
        compared = 0
        for candle in candles:
            opened = round(candle.timestamp * 1000)
            ends = interval.end_of(opened)
            assert interval.open_at(opened) == opened
            if ends > end * 1000:
                continue
            whole = together([by_time[at] for at in range(opened, ends, 60_000)])
            assert_same(candle, whole)
            compared += 1
        assert compared >= 1, name
    if connector == "paper":
        seconds = await ask(CANDLE_HISTORY, CandleRange(connector, BTC, "1s", DAY, DAY + 599))
        assert len(seconds) == 600
        for number in range(10):
            whole = together(seconds[60 * number : 60 * number + 60])
            assert_same(whole, minutes[number])


async def test_the_second_time_costs_the_exchange_nothing(
    serve: Serve, ask: Asker, simulator: SimulatorProcess
) -> None:
    await serve()
    wanted = CandleRange("paper", BTC, "1m", DAY, DAY + 6 * HOUR)
    first = await ask(CANDLE_HISTORY, wanted)
    await simulator.kill()
    assert await ask(CANDLE_HISTORY, wanted) == first
    other = await serve()  # another replica, which has nothing in memory
    assert other.health().ready
    part = CandleRange("paper", BTC, "1m", DAY + HOUR, DAY + 2 * HOUR)
    error = await ask.refused(CANDLE_HISTORY, msgspec.structs.replace(part, interval="1h"))
    assert error.code == ErrorCode.UNAVAILABLE
    assert "'paper'" in error.detail


async def test_a_history_until_now_ends_with_the_running_candle(serve: Serve, ask: Asker) -> None:
    await serve()
    now = time.time()
    candles = await ask(CANDLE_HISTORY, CandleRange("paper", BTC, "1m", now - 2 * HOUR, now + 600))
    assert_in_steps(candles, 60)
    assert now - 70 <= candles[-1].timestamp <= time.time()  # a minute's candle comes with its first trade
    assert len(candles) in (119, 120, 121)


@pytest.mark.parametrize("connector", ["paper", "paper_perpetual"])
async def test_the_last_candles_are_followed(serve: Serve, ask: Asker, values: dict[str, str], connector: str) -> None:
    service = await serve()
    received: list[LiveCandle] = []
    client = await connect(Settings.model_validate(values), "portfolio")

    async def take(message: Msg) -> None:
        received.append(msgspec.json.decode(message.data, type=LiveCandle))

    subjects = Subjects(values["HUMMINGBUS_NAMESPACE"])
    await client.subscribe_directly(subjects.live(CANDLE, connector, BTC, "1m"), take)
    await client.flush()
    asked = time.time()
    candles = await ask(RECENT_CANDLES, RecentCandles(connector, BTC, "1m", 300))
    assert len(candles) == 300
    assert_in_steps(candles, 60)
    assert asked - 70 < candles[-1].timestamp <= time.time()  # a minute's candle comes with its first trade
    await eventually(lambda: len(received) > 3)
    volumes = [live.candle.volume for live in received if live.candle.timestamp == received[0].candle.timestamp]
    assert volumes == sorted(volumes)
    many = await ask(RECENT_CANDLES, RecentCandles(connector, BTC, "1m", 5000))
    assert len(many) == 5000
    assert_in_steps(many, 60)
    assert len(service._candles.active) == 1
    await client.close()


async def test_two_replicas_that_are_asked_for_the_same(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    await serve()
    await serve()
    wanted = CandleRange("paper", BTC, "1m", DAY, DAY + 10_000 * 60 - 1)
    answers = await asyncio.gather(*(ask(CANDLE_HISTORY, wanted) for _ in range(6)))
    assert len(answers[0]) == 10_000
    assert all(answer == answers[0] for answer in answers)
    await fault(simulator, "server_error", path="/api/v3/klines")
    assert await ask(CANDLE_HISTORY, wanted) == answers[0]


async def test_one_replica_follows_the_exchange_and_the_others_follow_it(serve: Serve, ask: Asker) -> None:
    replicas = [await serve(), await serve()]
    feeds = [replica._candles.feed(replica._venues["paper"], BTC, "1s") for replica in replicas]
    await asyncio.gather(*(feed.get(20, 10.0) for feed in feeds))
    await eventually(lambda: sorted(feed.supply.leads for feed in feeds) == [False, True])
    await eventually(lambda: all(feed.supply.live_since is not None for feed in feeds))
    owner = next(number for number, feed in enumerate(feeds) if feed.supply.leads)
    other = feeds[1 - owner]

    def is_young() -> bool:
        candles = other.now(20)
        if candles is not None:
            assert_in_steps(candles, 1)
        return candles is not None and time.time() - candles[-1].timestamp < 2.5

    await eventually(is_young)
    began = time.monotonic()
    await replicas[owner]._candles.stop()
    await replicas[owner]._leases.stop()
    await eventually(lambda: other.supply.leads and other.supply.live_since is not None)
    await eventually(is_young)
    within(20, began)


async def test_progress_of_a_long_download_is_an_event(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, values: dict[str, str]
) -> None:
    await serve()
    told: list[DownloadProgress] = []
    client = await connect(Settings.model_validate(values), "gateway_api")

    async def take(message: Msg) -> None:
        told.append(msgspec.convert(json.loads(message.data)["data"], DownloadProgress))

    subjects = Subjects(values["HUMMINGBUS_NAMESPACE"])
    await client.subscribe_directly(subjects.event(DOWNLOAD_PROGRESSED, ("paper", BTC, "1m")), take)
    await client.flush()
    await fault(simulator, "latency", path="/api/v3/klines", delay=0.7)
    wanted = CandleRange("paper", BTC, "1m", DAY, DAY + 22_000 * 60 - 1)
    began = time.monotonic()
    await ask(CANDLE_HISTORY, wanted)
    took = time.monotonic() - began
    await eventually(lambda: bool(told) and told[-1].share == 1.0)
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert 2 <= len(told) <= took + 2  # one a second, and the last
    assert {(one.start_time, one.end_time) for one in told} == {(wanted.start_time, wanted.end_time)}
    await client.close()


REFUSALS: list[tuple[Any, Any, ErrorCode, str]] = [
    (CANDLE_HISTORY, CandleRange("nowhere", BTC, "1m", 0, 1), ErrorCode.NOT_FOUND, "nowhere"),
    (CANDLE_HISTORY, CandleRange("paper", "NO-SUCH", "1m", 0, 1), ErrorCode.NOT_FOUND, "NO-SUCH"),
    (CANDLE_HISTORY, CandleRange("paper", BTC, "7m", 0, 1), ErrorCode.REFUSED, "interval"),
    (CANDLE_HISTORY, CandleRange("paper_perpetual", BTC, "1s", 0, 1), ErrorCode.REFUSED, "interval"),
    (CANDLE_HISTORY, CandleRange("paper", BTC, "1m", DAY, DAY - 1), ErrorCode.INVALID, "end_time"),
    (CANDLE_HISTORY, CandleRange("paper", BTC, "1s", 0, DAY), ErrorCode.INVALID, "start_time"),
    (CANDLE_HISTORY, CandleRange("gemini", BTC, "1m", 0, 1), ErrorCode.REFUSED, "no candles"),
    (CANDLE_HISTORY, CandleRange("aevo_perpetual", BTC, "1m", 0, 1), ErrorCode.REFUSED, "aevo"),
    (RECENT_CANDLES, RecentCandles("nowhere", BTC), ErrorCode.NOT_FOUND, "nowhere"),
    (RECENT_CANDLES, RecentCandles("paper", "NO-SUCH"), ErrorCode.NOT_FOUND, "NO-SUCH"),
    (RECENT_CANDLES, RecentCandles("paper", BTC, "7m"), ErrorCode.REFUSED, "interval"),
]


async def test_what_cannot_be_had_is_refused_with_the_reason(serve: Serve, ask: Asker) -> None:
    await serve()
    for command, request, code, text in REFUSALS:
        error = await ask.refused(command, request)
        assert (error.code, text in error.detail) == (code, True), (request, error.detail)
        if code is ErrorCode.INVALID:
            assert error.fields[0].loc == (text,)
    # A time without candles is no fault.
    assert await ask(CANDLE_HISTORY, CandleRange("paper", BTC, "1m", 9e9, 9e9 + 60)) == []
    connectors = await ask(LIST_CANDLE_CONNECTORS, Nothing())
    assert {"paper", "paper_perpetual", "binance", "okx"} <= set(connectors)
    assert "aevo_perpetual" not in connectors


async def test_a_feed_that_nobody_asks_for_ends(serve: Serve, ask: Asker) -> None:
    service = await serve(MARKET_DATA_FEED_TIMEOUT="3", MARKET_DATA_CLEANUP_INTERVAL="1")
    await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1m", 10))
    assert dict(service.health().figures)["candle_feeds"] == 1
    await eventually(lambda: dict(service.health().figures)["candle_feeds"] == 0)
    again = await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1m", 10))
    assert len(again) == 10


async def test_the_last_candles_need_no_database(serve: Serve, ask: Asker) -> None:
    service = await serve()
    await service._database.stop()
    again = await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1m", 10))
    assert len(again) == 10
    error = await ask.refused(CANDLE_HISTORY, CandleRange("paper", BTC, "1m", DAY, DAY + HOUR))
    assert error.code == ErrorCode.UNAVAILABLE
    assert "database" in error.detail
