"""Candles of a real exchange that leaves out messages, drops its sockets, or dies."""

import time

import msgspec
import pytest
from nats.aio.msg import Msg

from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.marketdata.candles import (
    CANDLE,
    CANDLE_HISTORY,
    RECENT_CANDLES,
    Candle,
    CandleRange,
    LiveCandle,
    RecentCandles,
)
from shared.errors import CommandError, ErrorCode
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.marketdata.candles.steps import DAY, assert_in_steps
from tests.services.marketdata.conftest import Asker, Serve
from tests.services.marketdata.on_simulator import BTC, fault
from tests.services.simulator.process import SimulatorProcess


def assert_unavailable(error: CommandError) -> None:
    """Check that an error says that the exchange cannot be had, and which."""
    assert error.code == ErrorCode.UNAVAILABLE
    assert "'paper'" in error.detail


@pytest.mark.parametrize("kind", ["missed_message", "duplicated_message", "reordered_message", "delayed_message"])
async def test_streams_that_leave_out_double_swap_or_delay(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, values: dict[str, str], kind: str
) -> None:
    await serve()
    closed: dict[float, Candle] = {}
    client = await connect(Settings.model_validate(values), "portfolio")

    async def take(message: Msg) -> None:
        live = msgspec.json.decode(message.data, type=LiveCandle)
        if live.closed:
            assert live.candle.timestamp not in closed
            closed[live.candle.timestamp] = live.candle

    subjects = Subjects(values["HUMMINGBUS_NAMESPACE"])
    await client.subscribe_directly(subjects.live(CANDLE, "paper", BTC, "1s"), take)
    await client.flush()
    began = time.time()
    await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 50))
    await fault(simulator, kind, path="btcusdt@kline_1s", count=6, delay=1.2)
    await eventually(lambda: len(closed) >= 5)
    await simulator.admin("DELETE", "/faults")
    heard = len(closed)
    await eventually(lambda: len(closed) >= heard + 2)
    candles = await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 50))
    assert_in_steps(candles, 1)
    so_far = dict(closed)  # while we ask, another second ends
    truth = await ask(CANDLE_HISTORY, CandleRange("paper", BTC, "1s", began - 60, max(so_far)))
    by_time = {candle.timestamp: candle for candle in truth}
    for at, candle in so_far.items():
        assert candle == by_time[at]
    # Also those whose end the stream left out.
    assert sorted(so_far) == [at for at in sorted(by_time) if at >= min(so_far)]
    for candle in candles[:-1]:
        assert candle == by_time.get(candle.timestamp, candle)
    await client.close()


async def test_sockets_that_drop(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    service = await serve()
    await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 20))
    feed = next(iter(service._candles.active))
    await eventually(lambda: feed.supply.live_since is not None)
    for number in range(2, 4):
        await fault(simulator, "dropped_socket", count=2, seconds=0.2)
        while feed.supply.opened < number:
            candles = await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 20))
            assert_in_steps(candles, 1)
        await eventually(lambda: feed.supply.live_since is not None)

    async def is_young() -> bool:
        return time.time() - (await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 20)))[-1].timestamp < 5

    await eventually(is_young)


async def test_an_exchange_that_dies_and_comes_back(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    await serve(MARKET_DATA_MAX_AGE="0")
    await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 20))
    died = time.time()
    await simulator.kill()

    async def gone() -> bool:
        try:
            await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 20), timeout=3.0)
        except CommandError as error:
            return error.code == ErrorCode.UNAVAILABLE and "'paper'" in error.detail
        return False  # what was heard a moment ago is still good

    await eventually(gone)
    await simulator.start()

    async def back() -> bool:
        try:
            candles = await ask(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 60), timeout=10.0)
        except CommandError as error:  # an exchange that was down is not asked for a moment
            assert_unavailable(error)
            return False
        assert_in_steps(candles, 1)
        return candles[-1].timestamp > died + 2

    await eventually(back, seconds=40)


async def test_an_exchange_that_fails_during_a_download(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    await serve()
    wanted = CandleRange("paper", BTC, "1m", DAY, DAY + 20_000 * 60 - 1)
    await fault(simulator, "latency", path="/api/v3/klines", delay=0.05)
    pieces = ask.bus.stream(CANDLE_HISTORY, msgspec.json.encode(wanted), actor="outside")
    first = await anext(pieces)
    assert first.startswith(b"[")
    await simulator.kill()
    with pytest.raises(Exception, match="'paper'"):
        async for _ in pieces:
            pass
    await simulator.start()

    async def there_again() -> bool:
        try:
            candles = await ask(CANDLE_HISTORY, wanted)
        except CommandError as error:  # an exchange that was down is not asked for a moment
            assert_unavailable(error)
            return False
        assert_in_steps(candles, 60)
        return len(candles) == 20_000

    await eventually(there_again, seconds=40)
