"""The 24 h figures: whatever is kept to make them fast, they are what the candles and trades of the day add up to."""

import random
from collections.abc import Sequence
from decimal import Decimal

import psutil
import pytest

from hummingbus.stack.nats_server import NatsServer
from services.simulator.engine.events import Outcome, Trade
from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.live_market import LiveMarket
from services.simulator.live_minute import LiveMinute
from services.simulator.live_pair import TRADES_KEPT
from services.simulator.market.candles import Candle
from services.simulator.market.intervals import DAY, HOUR, MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.memory_store import MemoryStore
from services.simulator.minute_keeping import MinuteKeeping
from services.simulator.venue import Venue
from shared.bus.client import Bus
from shared.settings import Settings
from tests.services.simulator.conftest import StartSimulator
from tests.services.simulator.process import Trader

BEGIN = 1_795_000_020_000
SYMBOLS = (*spot_symbols(3), *usdm_symbols(1))
#: Steps from one look at the figures to the next, in ms.
STEPS = (1, 300, SECOND, 7 * SECOND, MINUTE, 3 * MINUTE, 13 * MINUTE, HOUR, 5 * HOUR)


class KeptMinutes(MemoryStore):
    """A store that has the minutes of another one from the start."""

    def __init__(self, before: MemoryStore) -> None:
        super().__init__()
        self._before = before

    async def recent_minutes(self, start_ms: int) -> Sequence[tuple[Venue, str, LiveMinute]]:
        return [
            (symbol.market, symbol.name, minute)
            for symbol in SYMBOLS
            for minute in await self._before.minutes(symbol.market, symbol.name, start_ms, 2**62, seconds=True)
        ]


class Traded:
    """A live market with a clock that is set, and trades that go on while a pair is awake."""

    def __init__(self, seed: int) -> None:
        self.now = BEGIN
        self.chance = random.Random(seed)
        self.market = SyntheticMarket(1, SYMBOLS)
        self.store = MemoryStore()
        self.live = LiveMarket(self.market, SYMBOLS, self.store, lambda: self.now, lambda _, __: None)
        self.keeping = MinuteKeeping(self.live, self.store, lambda: self.now, 14 * DAY)
        self.awake: dict[str, int] = {}  # the last trade's id

    async def step(self) -> None:
        length = self.chance.choice(STEPS)
        for symbol in SYMBOLS:
            if symbol.name in self.awake and self.chance.random() < 0.3:
                self.live.pair(symbol).sleep()
                del self.awake[symbol.name]
            elif symbol.name not in self.awake and self.chance.random() < 0.3:
                self.awake[symbol.name] = self.live.wake(symbol, self.now)
        for moment in range(self.now // SECOND * SECOND + SECOND, self.now + length, SECOND)[: 200 * 60]:
            for symbol in SYMBOLS:
                if symbol.name in self.awake:
                    self.trade(symbol.market, symbol.name, moment + self.chance.randrange(100))
        self.now += length
        if self.chance.random() < 0.5:
            await self.keeping.flush()

    def trade(self, venue: str, name: str, time: int) -> None:
        self.awake[name] += 1
        number, price, quantity = self.awake[name], self.chance.randrange(900, 1100), self.chance.randrange(1, 50)
        trade = Trade(name, time, number, number, price, quantity, 0, "", "", 0, 0, self.chance.random() < 0.5)
        self.live.heard(venue, Outcome((trade,)))  # type: ignore[arg-type]


@pytest.mark.timeout(400)
async def test_they_are_what_the_minutes_add_up_to_wherever_somebody_traded(seed: int) -> None:
    traded = Traded(seed)
    for _ in range(60):
        await traded.step()
        for symbol in SYMBOLS:
            start = traded.now - DAY
            begin = -(-start // MINUTE) * MINUTE
            minutes = await traded.live.candles(symbol, "1m", start_ms=begin, end_ms=None, limit=2000)
            rows = [minutes.row(number) for number in range(len(minutes))]
            candle, first_id = traded.live.window(symbol, start)
            assert candle == Candle(
                begin,
                rows[0].open,
                max(row.high for row in rows),
                min(row.low for row in rows),
                rows[-1].close,
                *(sum(column) for column in zip(*(row[5:] for row in rows), strict=True)),
            )
            if not traded.live.pair(symbol).table.first_id(begin):
                assert first_id == traded.market.trades_before(symbol, begin)
            last = await traded.live.trades(symbol, from_id=None, start_ms=None, end_ms=None, limit=1)
            assert traded.live.newest_trade(symbol) == last[-1]
            assert len(traded.live.pair(symbol).trades) <= TRADES_KEPT


async def test_minutes_that_are_loaded_late_count_as_well() -> None:
    traded, symbol = Traded(0), SYMBOLS[0]
    traded.awake[symbol.name] = traded.live.wake(symbol, traded.now)
    for _ in range(3 * 60):
        traded.now += SECOND
        traded.trade("spot", symbol.name, traded.now)
    traded.live.pair(symbol).sleep()
    traded.now += 2 * HOUR
    await traded.keeping.flush()
    start = traded.now - DAY
    before = traded.live.window(symbol, start)
    store = KeptMinutes(traded.store)
    again = LiveMarket(traded.market, SYMBOLS, store, lambda: traded.now, lambda _, __: None)
    assert again.window(symbol, start) != before
    await MinuteKeeping(again, store, lambda: traded.now, 14 * DAY).load()
    assert again.window(symbol, start) == before


async def test_a_second_in_which_nobody_trades_has_the_price_of_the_moment() -> None:
    traded, symbol = Traded(0), SYMBOLS[0]
    traded.live.wake(symbol, traded.now)
    traded.now += 2 * SECOND
    second = await traded.live.candles(symbol, "1s", start_ms=BEGIN, end_ms=BEGIN, limit=1)
    price = traded.market.price(symbol, BEGIN)
    assert second.row(0) == Candle(BEGIN, price, price, price, price, 0, 0, 0, 0, 0)


async def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    traded = Traded(0)
    traded.live.window(SYMBOLS[0], traded.now - DAY)
    pair = traded.live.pair(SYMBOLS[0])
    assert pair.day is not None
    traded.now += 9 * MINUTE
    await traded.keeping.flush()
    assert pair.day is not None
    traded.now += 2 * MINUTE
    await traded.keeping.flush()
    assert pair.day is None


async def test_tickers_of_five_hundred_pairs_are_told_at_once_and_have_none_quoted(
    start_simulator: StartSimulator, nats_server: NatsServer, namespace: str
) -> None:
    bus = {"NATS_URL": nats_server.url, "HUMMINGBUS_NAMESPACE": namespace}
    simulator = await start_simulator(SIMULATOR_PAIRS="500", SIMULATOR_LIMITS="100", **bus)
    trader = await simulator.account()
    assert simulator.process is not None
    process = psutil.Process(simulator.process.pid)

    def used() -> float:
        """Return the seconds of a core that the simulator has used: others may use the machine as well."""
        times = process.cpu_times()
        return float(times.user + times.system)

    for prefix in ("/api/v3", "/fapi/v1"):
        first = {row["symbol"]: row for row in await trader.public(f"{prefix}/ticker/24hr")}
        took = []
        for _ in range(5):
            began = used()
            tickers = {row["symbol"]: row for row in await trader.public(f"{prefix}/ticker/24hr")}
            took.append(used() - began)
        assert tickers.keys() == first.keys()
        assert len(tickers) == 500
        # A bound against what it once took, seconds; `bench.simulator_rest` has the figures.
        assert min(took) < 0.8
        for row in tickers.values():
            assert 0 < float(row["lowPrice"]) <= float(row["lastPrice"]) <= float(row["highPrice"])
    for path in ("/api/v3/ticker/price", "/api/v3/ticker/bookTicker", "/fapi/v1/ticker/price", "/fapi/v1/premiumIndex"):
        assert len(await trader.public(path)) == 500
    assert await _quoted(Settings.model_validate(bus)) == 0
    await trader.public("/fapi/v1/ticker/price", symbol=sorted(tickers)[250])
    assert await _quoted(Settings.model_validate(bus)) == 1
    await trader.close()


async def test_a_ticker_in_the_list_of_all_is_what_the_candles_of_the_day_add_up_to(
    start_simulator: StartSimulator,
) -> None:
    """Of few pairs, as the list and the candles have to be asked for within a second, also on a busy machine."""
    simulator = await start_simulator(SIMULATOR_PAIRS="30", SIMULATOR_LIMITS="1000")
    trader = await simulator.account()
    for prefix in ("/api/v3", "/fapi/v1"):
        symbols = sorted(row["symbol"] for row in await trader.public(f"{prefix}/ticker/24hr"))
        for symbol in random.Random(1).sample(symbols, 5):
            await _check(trader, prefix, symbol)
    await trader.close()


async def _quoted(settings: Settings) -> int:
    """Return how many pairs are quoted, as the simulator says on the bus."""
    bus = Bus(settings, "outside")
    await bus.start()
    try:
        for wait in (0.5, 1.0, 2.0, 4.0, 8.0):  # it may have much to do, and the protocol has no end
            for row in await bus.discover("PING", wait):
                if row["metadata"]["namespace"] == settings.namespace:
                    return int(row["metadata"]["pairs_quoted"])
        raise AssertionError("expected an answer of the simulator")
    finally:
        await bus.stop()


async def _check(trader: Trader, prefix: str, symbol: str) -> None:
    """Compare the ticker in the list of all with the candles of the day, both of the same second."""
    while True:
        tickers = await trader.public(f"{prefix}/ticker/24hr")
        ticker = next(row for row in tickers if row["symbol"] == symbol)
        asked: dict[str, object] = {"symbol": symbol, "interval": "1m", "limit": 1000}
        rows = await trader.public(f"{prefix}/klines", startTime=ticker["openTime"], **asked)
        rows += await trader.public(f"{prefix}/klines", startTime=rows[-1][0] + MINUTE, **asked)
        now = (await trader.public("/api/v3/time"))["serverTime"]
        if now // SECOND == ticker["closeTime"] // SECOND:
            break
    assert ticker["openPrice"] == rows[0][1]
    assert Decimal(ticker["highPrice"]) == max(Decimal(row[2]) for row in rows)
    assert Decimal(ticker["lowPrice"]) == min(Decimal(row[3]) for row in rows)
    assert ticker["lastPrice"] == rows[-1][4]
    assert Decimal(ticker["volume"]) == sum(Decimal(row[5]) for row in rows)
    assert Decimal(ticker["quoteVolume"]) == sum(Decimal(row[7]) for row in rows)
    assert ticker["count"] == sum(row[8] for row in rows)
