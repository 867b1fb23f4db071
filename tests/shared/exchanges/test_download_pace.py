"""How a long download shares the limits of an exchange with everybody else."""

from shared.exchanges.rate_limits import Budget, Limit
from shared.exchanges.traffic import DOWNLOAD, QUESTION


class Clock:
    """A clock that goes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_download_of_several_windows_never_waits_long_and_leaves_a_rest() -> None:
    clock = Clock()
    budget = Budget((Limit(60.0, 2400.0),), clock)
    taken: list[float] = []
    longest = 0.0
    while len(taken) < 1500:
        wait = budget.take(5.0, DOWNLOAD.share, DOWNLOAD.burst)
        if wait:
            longest = max(longest, wait)
            clock.now += wait
            continue
        taken.append(clock.now)
        in_window = sum(1 for at in taken[-400:] if at > clock.now - 60.0) * 5
        assert in_window <= 2400 * DOWNLOAD.share + 5  # one may stand on the edge of the window
        # Others can always ask at once.
        assert 2400 * QUESTION.share - in_window >= 50
    assert longest <= DOWNLOAD.seconds
    # As fast as its share allows, all in all.
    assert 1500 * 5 / (2400 * DOWNLOAD.share) * 60 * 0.8 < clock.now < 1500 * 5 / (2400 * DOWNLOAD.share) * 60 * 1.2


def test_what_is_little_is_not_slowed_down() -> None:
    clock = Clock()
    budget = Budget((Limit(60.0, 6000.0),), clock)
    for _ in range(526):  # a year of minutes on Binance's spot market
        assert budget.take(2.0, DOWNLOAD.share, DOWNLOAD.burst) == 0


def test_other_traffic_counts() -> None:
    clock = Clock()
    budget = Budget((Limit(60.0, 100.0),), clock)
    assert budget.take(55.0) == 0
    assert 0 < budget.take(1.0, DOWNLOAD.share, DOWNLOAD.burst) <= 1.0
    assert budget.take(10.0, DOWNLOAD.share, DOWNLOAD.burst) == 60.0
    assert budget.take(10.0, QUESTION.share) == 0
