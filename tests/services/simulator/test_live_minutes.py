"""Live minutes: packed and unpacked, laid over the synthetic past, and kept for a day."""

import random

import numpy as np
import pytest

from services.simulator.live_minute import LiveMinute, candles_of, live_minute, overlay, pack, unpack
from services.simulator.market.candles import Candle, Candles, no_candles
from services.simulator.market.intervals import MINUTE, SECOND
from services.simulator.minute_table import KEPT, MinuteTable

BEGIN = 1_795_000_020_000


def second(time: int, price: int = 100, trades: int = 1) -> Candle:
    return Candle(time, price, price + 2, price - 2, price + 1, 10, 10 * price, trades, 5, 5 * price)


def rows(candles: Candles) -> list[Candle]:
    return [candles.row(number) for number in range(len(candles))]


def test_what_is_packed_comes_out_again(seed: int) -> None:
    chance = random.Random(seed)
    candles = candles_of(
        [(BEGIN + n * SECOND, *(chance.randrange(10 ** chance.randrange(1, 16)) for _ in range(9))) for n in range(60)]
    )
    assert rows(unpack(pack(candles))) == rows(candles)


def test_a_usual_minute_is_small(seed: int) -> None:
    chance, price = random.Random(seed), 7_800_000
    seconds = []
    for number in range(60):
        price += chance.randrange(-20, 21)
        volume = chance.randrange(500, 5000)
        seconds.append(second(BEGIN + number * SECOND, price, 3)._replace(volume=volume, quote_volume=volume * price))
    assert len(pack(candles_of(seconds))) < 1500


def test_a_minute_sums_up_its_seconds() -> None:
    minute = live_minute(
        candles_of([second(BEGIN + 3 * SECOND, 100), second(BEGIN + 4 * SECOND, 90)]), 77, by_user=False
    )
    assert minute.candle == Candle(BEGIN, 100, 102, 88, 91, 20, 1900, 2, 10, 950)
    assert (minute.count, minute.first_id, minute.open_time) == (2, 77, BEGIN)


def test_live_candles_take_the_place_of_synthetic_ones() -> None:
    synthetic = candles_of([second(BEGIN + number * SECOND, 100) for number in range(5)])
    live = candles_of([second(BEGIN - SECOND, 7), second(BEGIN + 2 * SECOND, 8), second(BEGIN + 9 * SECOND, 9)])
    assert [row.open for row in rows(overlay(synthetic, live))] == [100, 100, 8, 100, 100]
    assert rows(overlay(synthetic, no_candles())) == rows(synthetic)
    assert [row.open for row in rows(synthetic)] == [100] * 5, "what is synthetic stays as it was"


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_table_keeps_the_minutes_of_a_day_in_order(seed: int, shuffled: bool) -> None:
    chance = random.Random(seed)
    table, kept = MinuteTable(), dict[int, LiveMinute]()
    numbers = sorted(chance.sample(range(3000), 2500))
    if shuffled:  # as when older ones are loaded while new ones are made
        near = [(number + chance.randrange(5), number) for number in numbers]
        numbers = [number for _, number in sorted(near)]
    for number in numbers:
        time = BEGIN + number * MINUTE
        minute = kept[time] = LiveMinute(second(time, chance.randrange(50, 150)), number, 60)
        table.put(minute)
        if chance.random() < 0.1:
            again = chance.choice(list(kept.values())[-20:])
            kept[again.open_time] = LiveMinute(again.candle._replace(high=999), again.first_id, 60)
            table.put(kept[again.open_time])
    newest = max(kept)
    start = newest - KEPT + 10 * MINUTE
    expected = [kept[time].candle for time in sorted(kept) if time >= start]
    assert rows(table.candles(start, newest + MINUTE)) == expected
    assert len(table) <= KEPT // MINUTE + 10
    for time in (newest, start):
        known = kept.get(time)
        assert table.first_id(time) == (known.first_id if known else None)
    assert table.first_id(newest + MINUTE) is None
    assert len(table.candles(newest + MINUTE, newest + 2 * MINUTE)) == 0
    assert np.all(np.diff(table.candles(0, newest + 1).open_time) > 0)
