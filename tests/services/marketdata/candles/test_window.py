"""What updates do to the last candles, also those that come twice, late, or not at all."""

import random

import pytest

from services.marketdata.candles.intervals import INTERVALS
from services.marketdata.candles.window import Verdict, Window
from tests.services.marketdata.candles.minutes import MINUTE, candle, numbers, update


@pytest.fixture
def window() -> Window:
    """Minutes 1 to 5, of which the last runs."""
    made = Window(INTERVALS["1m"], 4)
    made.told([candle(number) for number in range(1, 6)], 5 * MINUTE)
    return made


def test_it_keeps_the_newest(window: Window) -> None:
    assert numbers(window.newest(10)) == [2, 3, 4, 5]
    assert numbers(window.newest(2)) == [4, 5]
    assert window.ask_from == 4 * MINUTE


def test_the_running_candle_grows_and_ends(window: Window) -> None:
    assert window.take(update(5, 11)) is Verdict.TAKEN
    assert window.take(update(5, 12, closed=True)) is Verdict.CLOSED
    assert window.take(update(6, 1)) is Verdict.TAKEN
    assert numbers(window.newest(4)) == [3, 4, 5, 6]
    assert [one.volume for one in window.newest(2)] == [12, 1]


def test_what_comes_twice_or_late_changes_nothing(window: Window) -> None:
    window.take(update(5, 12))
    for late in (update(5, 12), update(5, 11), update(4, 99), update(4, 99, closed=True), update(1)):
        assert window.take(late) is Verdict.OLD
    window.take(update(5, 13, closed=True))
    assert window.take(update(5, 14)) is Verdict.OLD
    assert window.take(update(5, 14, closed=True)) is Verdict.OLD
    assert window.newest(1)[0].volume == 13


def test_a_candle_whose_end_was_not_heard_is_asked_for(window: Window) -> None:
    window.take(update(5, 12))
    assert window.take(update(6)) is Verdict.GAP
    assert numbers(window.newest(1)) == [5]
    assert numbers(window.told([candle(4), candle(5, 20), candle(6, 2)], 6 * MINUTE)) == [5, 6]
    assert [one.volume for one in window.newest(2)] == [20, 2]
    assert window.take(update(6, 3)) is Verdict.TAKEN


def test_candles_that_were_missed_are_asked_for(window: Window) -> None:
    window.take(update(5, 12, closed=True))
    assert window.take(update(8)) is Verdict.GAP
    assert window.ask_from == 5 * MINUTE
    window.told([candle(number) for number in (5, 6, 7, 8)], 8 * MINUTE)
    assert numbers(window.newest(4)) == [5, 6, 7, 8]
    assert window.newest(4)[0].volume == 12  # final before: it stays


def test_a_pair_without_trades_has_no_candle_for_a_while(window: Window) -> None:
    window.take(update(5, closed=True))
    window.told([candle(5), candle(9)], 9 * MINUTE)
    assert numbers(window.newest(4)) == [3, 4, 5, 9]
    assert window.take(update(9, 11)) is Verdict.TAKEN


def test_the_first_update_of_an_empty_window_is_a_gap() -> None:
    empty = Window(INTERVALS["1m"], 4)
    assert empty.ask_from is None
    assert empty.take(update(5)) is Verdict.GAP
    assert not empty.is_current(5 * MINUTE, 0)


def test_it_is_current_until_a_moment_after_the_end(window: Window) -> None:
    assert window.is_current(6 * MINUTE + 999, 1000)
    assert not window.is_current(6 * MINUTE + 1001, 1000)


def test_whatever_a_stream_does_the_window_is_as_the_exchange_has_it(seed: int) -> None:
    """Leave out, double and swap updates at random; ask when a gap is seen, as a feed does."""
    chance = random.Random(seed)
    window = Window(INTERVALS["1m"], 1000)
    truth = {number: [chance.randint(1, 5) for _ in range(5)] for number in range(60)}
    final = {number: candle(number, float(sum(parts))) for number, parts in truth.items()}
    sent = [
        (number, step, update(number, float(sum(parts[: step + 1])), closed=step == 4))
        for number, parts in truth.items()
        for step in range(5)
    ]
    for place in range(len(sent) - 1):
        if chance.random() < 0.1:
            sent[place], sent[place + 1] = sent[place + 1], sent[place]
    for number, step, one in sent:
        if chance.random() < 0.2:
            continue
        for _ in range(chance.choice((1, 1, 2))):
            if window.take(one) is Verdict.GAP:
                since = (window.ask_from or 0) // MINUTE
                running = candle(number, float(sum(truth[number][: step + 1])))
                window.told([*(final[at] for at in range(since, number)), running], number * MINUTE)
    candles = window.newest(1000)
    for told in candles[:-1]:
        assert told == final[round(told.timestamp / 60)]
    assert numbers(candles) == list(range(numbers(candles)[0], numbers(candles)[-1] + 1))
    assert numbers(candles)[0] <= 3
    assert numbers(candles)[-1] >= 57
