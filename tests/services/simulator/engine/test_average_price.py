from random import Random

from services.simulator.engine.average_price import AveragePrice

SECOND = 1000


def test_it_weighs_by_volume() -> None:
    average = AveragePrice(5)
    average.add(0, 100 * 3, 3)
    average.add(500, 200 * 1, 1)
    assert average.ratio(SECOND) == (500, 4)


def test_trades_leave_the_window() -> None:
    average = AveragePrice(1)
    average.add(0, 100, 1)
    average.add(30 * SECOND, 300, 1)
    assert average.ratio(59 * SECOND) == (400, 2)
    assert average.ratio(60 * SECOND) == (300, 1)
    assert average.ratio(90 * SECOND) is None


def test_it_equals_the_sum_over_the_window(seed: int) -> None:
    random = Random(seed)
    average, trades, now = AveragePrice(1), [], 0
    for _ in range(500):
        now += random.choice((0, 10, 900, 5000, 61_000))
        quote, base = random.randrange(1, 10**9), random.randrange(1, 10**6)
        average.add(now, quote, base)
        trades.append((now // SECOND, quote, base))
        kept = [trade for trade in trades if trade[0] > now // SECOND - 60]
        assert average.ratio(now) == (sum(trade[1] for trade in kept), sum(trade[2] for trade in kept))
