import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.simulator.market.factor_path import LEGS, FactorPath, greatest_value

#: 1 January 2018 in minutes since the epoch.
FIRST = 25_246_080
YEAR = 525_600
PATH = FactorPath.of(1, "market")

Floats = NDArray[np.float64]


def minutes(path: FactorPath, first: int, count: int) -> Floats:
    return np.concatenate([path.legs(begin, 14_400)[:-1:LEGS] for begin in range(first, first + count, 14_400)])


def kurtosis(values: Floats) -> float:
    deviations = values - values.mean()
    return float((deviations**4).mean() / (deviations**2).mean() ** 2)


def autocorrelation(values: Floats, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


@settings(deadline=None)
@given(
    first=st.integers(0, 2**26),
    length=st.integers(1, 4000),
    begin=st.integers(0, 3999),
    count=st.integers(1, 4000),
    seed=st.integers(0, 9),
)
def test_a_part_of_the_path_is_the_same_asked_for_alone(
    first: int, length: int, begin: int, count: int, seed: int
) -> None:
    begin = min(begin, length - 1)
    count = min(count, length - begin)
    path = FactorPath.of(seed, "market")
    whole = path.legs(first, length)
    part = path.legs(first + begin, count)
    assert part.tobytes() == whole[LEGS * begin : LEGS * (begin + count) + 1].tobytes()


@pytest.mark.parametrize("level", [11, 15, 20])
def test_the_path_is_one_across_the_ends_of_its_intervals(level: int) -> None:
    end = (FIRST >> level) + 1 << level
    assert PATH.legs(end - 1, 1)[-1] == PATH.legs(end, 1)[0]


def test_other_seeds_and_names_have_other_paths() -> None:
    paths = [PATH, FactorPath.of(2, "market"), FactorPath.of(1, "ETH")]
    assert len({path.legs(FIRST, 1).tobytes() for path in paths}) == 3


def test_it_stays_within_its_bound_for_centuries() -> None:
    knots = [PATH.legs(minute, 1)[0] for minute in range(0, 1_000 * YEAR, YEAR // 4)]
    assert 0.05 < np.std(knots) < 0.2
    assert np.abs(knots).max() < 0.8 < greatest_value() < 6


def test_ten_years_go_nowhere_and_never_stand_still(seed: int) -> None:
    path = minutes(FactorPath.of(seed, "market"), FIRST, 10 * YEAR)
    assert np.abs(path).max() < 0.8
    by_year = path[: 10 * YEAR].reshape(10, YEAR)
    assert np.abs(by_year.mean(axis=1)).max() < 0.3
    yearly = np.diff(by_year, axis=1).std(axis=1) * np.sqrt(YEAR)
    assert yearly.min() > 0.35
    assert yearly.max() < 0.9


def test_volatility_clusters_and_returns_have_heavy_tails(seed: int) -> None:
    path = minutes(FactorPath.of(seed, "market"), FIRST, YEAR)
    for step, lags in ((1, (1, 10, 60, 1440)), (60, (1, 5))):
        returns = np.diff(path[::step])
        assert kurtosis(returns) > 5
        assert abs(autocorrelation(returns, 1)) < 0.08
        for lag in lags:
            assert autocorrelation(np.abs(returns), lag) > 0.03


def test_it_jumps_every_few_days_within_a_leg() -> None:
    path = np.concatenate([PATH.legs(begin, 14_400)[:-1] for begin in range(FIRST, FIRST + 100 * 1440, 14_400)])
    moves = np.abs(np.diff(path))
    assert 10 < (moves > 0.004).sum() < 60
    assert moves.max() < 0.04
