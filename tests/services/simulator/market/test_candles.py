import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulator.engine.symbols import Symbol
from services.simulator.market.candles import COLUMNS, Candles, combine, join
from services.simulator.market.intervals import DAY, HOUR, INTERVALS, MINUTE, SECOND
from services.simulator.market.synthetic_market import SyntheticMarket
from services.simulator.market.trade_numbers import LISTED
from tests.services.simulator.market.offered import JUNE, SYMBOLS, shown, symbol

symbols = st.sampled_from(SYMBOLS)
#: Whole seconds of fifteen years from listing.
starts = st.integers(0, 15 * 365 * 86_400).map(lambda second: LISTED + second * SECOND)


def assert_same(one: Candles, other: Candles) -> None:
    for name, left, right in zip(COLUMNS, one.columns(), other.columns(), strict=True):
        assert left.tolist() == right.tolist(), name


@pytest.mark.parametrize("name", INTERVALS)
@settings(deadline=None, max_examples=6)
@given(symbol=symbols, start=starts, count=st.integers(1, 40))
def test_larger_intervals_follow_from_the_next_smaller_exactly(
    market: SyntheticMarket, name: str, symbol: Symbol, start: int, count: int
) -> None:
    if name == "1s":
        return
    names = list(INTERVALS)
    interval = INTERVALS[name]
    count = min(count, 3) if interval.length == 0 or interval.length > DAY else count
    start = interval.begin(start) if interval.begin(start) >= LISTED else LISTED
    end = start
    for _ in range(count):
        end = interval.end(end)
    smaller = {"1w": "1d", "1M": "1d", "1m": "1s"}.get(name) or next(
        other for other in reversed(names[: names.index(name)]) if interval.length % INTERVALS[other].length == 0
    )
    candles = market.candles(symbol, name, start, end)
    assert candles.open_time.tolist() == interval.begins(start, end)
    for row, candle in enumerate(zip(*(column.tolist() for column in candles.columns()), strict=True)):
        parts = market.candles(symbol, smaller, candle[0], interval.end(candle[0]))
        expected = (
            candles.open_time[row],
            parts.open[0],
            parts.high.max(),
            parts.low.min(),
            parts.close[-1],
            *(sum(column.tolist()) for column in parts.columns()[5:]),
        )
        assert candle == expected


@settings(deadline=None, max_examples=20)
@given(symbol=symbols, start=starts, seed=st.integers(0, 5))
@pytest.mark.parametrize(("interval", "span"), [("1s", HOUR // 2), ("1m", 3 * DAY), ("1h", 10 * DAY), ("1d", 40 * DAY)])
def test_candles_are_sound(interval: str, span: int, symbol: Symbol, start: int, seed: int) -> None:
    candles = SyntheticMarket(seed, SYMBOLS).candles(symbol, interval, start, start + span)
    assert len(candles)
    assert (np.diff(candles.open_time) == INTERVALS[interval].length).all()
    assert candles.open[1:].tolist() == candles.close[:-1].tolist()
    assert (candles.low > 0).all()
    assert (candles.low < np.minimum(candles.open, candles.close)).all()
    assert (candles.high > np.maximum(candles.open, candles.close)).all()
    sold = candles.volume - candles.taker_buy_volume
    sold_quote = candles.quote_volume - candles.taker_buy_quote_volume
    for volume, quote in (
        (candles.volume, candles.quote_volume),
        (candles.taker_buy_volume, candles.taker_buy_quote_volume),
        (sold, sold_quote),
    ):
        # A month's product of price and volume may not fit 64 bits, so the bounds are looked at as averages.
        average = quote / volume
        assert (volume > 0).all()
        assert (average > candles.low).all()
        assert (average < candles.high).all()
    assert (candles.trades >= 8 * INTERVALS[interval].length // SECOND).all()
    assert (candles.trades <= candles.volume).all()


@settings(deadline=None, max_examples=15)
@given(symbol=symbols, start=starts, part=st.tuples(st.integers(0, 8_000), st.integers(1, 4_000)))
@pytest.mark.parametrize("interval", ["1s", "1m", "5m"])
def test_a_part_of_a_range_is_the_same_asked_for_alone(
    market: SyntheticMarket, interval: str, symbol: Symbol, start: int, part: tuple[int, int]
) -> None:
    begin, length = part
    step = INTERVALS[interval].length
    start = INTERVALS[interval].end(start)
    whole = market.candles(symbol, interval, start, start + 12_000 * step)
    assert len(whole) == 12_000
    alone = market.candles(symbol, interval, start + begin * step, start + (begin + length) * step)
    assert_same(alone, whole.rows(begin, begin + length))


def test_the_past_does_not_depend_on_what_was_asked_before_or_on_other_symbols() -> None:
    first = SyntheticMarket(3, SYMBOLS)
    first.candles(SYMBOLS[1], "1m", JUNE - 30 * DAY, JUNE)
    first.candles(SYMBOLS[0], "1s", JUNE, JUNE + HOUR)
    second = SyntheticMarket(3, SYMBOLS[:1])
    for interval in ("1s", "1m", "1w"):
        begin = JUNE - 2 * INTERVALS[interval].length
        assert_same(first.candles(SYMBOLS[0], interval, begin, JUNE), second.candles(SYMBOLS[0], interval, begin, JUNE))


def test_the_past_is_the_same_in_every_version_on_every_machine(market: SyntheticMarket) -> None:
    digest = hashlib.sha256()
    for interval, span in (("1s", HOUR), ("1m", 3 * DAY), ("1M", 100 * DAY)):
        for each in SYMBOLS[3:12:3]:
            for column in market.candles(each, interval, JUNE, JUNE + span).columns():
                digest.update(column.astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "7f9fd4aa2433ed13"


def test_other_seeds_have_another_past() -> None:
    closes = {SyntheticMarket(seed, SYMBOLS).span(SYMBOLS[0], JUNE, JUNE + MINUTE).close for seed in range(5)}
    assert len(closes) == 5


@pytest.mark.parametrize("each", SYMBOLS, ids=shown)
def test_prices_keep_to_their_level_for_ten_years(market: SyntheticMarket, each: Symbol) -> None:
    prices = [market.price(each, LISTED + number * 30 * DAY) for number in range(122)]
    reference = float(each.reference_price / each.tick_size)
    assert reference * 0.4 < min(prices)
    assert max(prices) < reference * 2.6


def test_a_bitcoin_is_worth_some_sixty_to_a_hundred_thousand(market: SyntheticMarket) -> None:
    prices = np.array([market.price(symbol("BTCUSDT"), LISTED + number * 5 * DAY) for number in range(730)]) / 100
    assert 60_000 < np.median(prices) < 90_000
    assert (prices < 50_000).mean() + (prices > 110_000).mean() < 0.05


@settings(deadline=None, max_examples=20)
@given(symbol=symbols, start=starts, length=st.integers(1, 20_000))
def test_a_span_is_all_of_its_seconds(market: SyntheticMarket, symbol: Symbol, start: int, length: int) -> None:
    end = start + length * SECOND
    candle = combine(market.candles(symbol, "1s", start, end), [start]).row(0)
    assert market.span(symbol, start, end) == candle


def test_nothing_is_before_the_listing(market: SyntheticMarket) -> None:
    candles = market.candles(SYMBOLS[0], "1m", LISTED - DAY, LISTED + 3 * MINUTE)
    assert candles.open_time.tolist() == [LISTED, LISTED + MINUTE, LISTED + 2 * MINUTE]
    with pytest.raises(ValueError, match="expected full seconds"):
        market.span(SYMBOLS[0], LISTED - SECOND, LISTED)


@pytest.mark.parametrize("interval", INTERVALS)
def test_an_empty_range_has_no_candles(market: SyntheticMarket, interval: str) -> None:
    assert len(market.candles(SYMBOLS[0], interval, JUNE + 1, JUNE + 2)) == 0
    assert len(market.candles(SYMBOLS[0], interval, JUNE, JUNE)) == 0


def test_chunks_are_small_and_make_up_the_whole(market: SyntheticMarket) -> None:
    begin, end = JUNE - 40 * DAY, JUNE + 5 * HOUR
    chunks = list(market.candle_chunks(SYMBOLS[0], "1m", begin, end))
    assert max(len(chunk) for chunk in chunks) <= 15_000
    assert len(join(chunks)) == (end - begin) // MINUTE
    assert len(join([])) == 0


def test_an_unknown_symbol_or_interval_is_refused(market: SyntheticMarket) -> None:
    with pytest.raises(KeyError):
        market.candles(SYMBOLS[0], "7m", JUNE, JUNE + DAY)
    with pytest.raises(KeyError):
        SyntheticMarket(1, SYMBOLS[:2]).candles(SYMBOLS[3], "1m", JUNE, JUNE + DAY)
