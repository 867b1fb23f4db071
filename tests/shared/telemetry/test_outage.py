"""What the log says of something that is away."""

from typing import Any

from structlog.testing import capture_logs

from shared.telemetry.logs import logger
from shared.telemetry.outage import AGAIN, LONGEST, Outage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(clock: Clock, outage: Outage, seconds: float, step: float = 0.5) -> list[Any]:
    """Return what is logged in `seconds` in which it is away."""
    with capture_logs() as lines:
        until = clock.now + seconds
        while clock.now < until:
            outage.away(error="refused")
            clock.now += step
    return lines


def test_it_is_said_once_and_then_rarely_and_once_when_it_is_over() -> None:
    clock = Clock()
    outage = Outage(logger("test"), "lost", "found", clock, server="here")
    (first,) = told(clock, outage, AGAIN)
    assert first == {"event": "lost", "log_level": "warning", "server": "here", "error": "refused"}
    (again,) = told(clock, outage, 2 * AGAIN)
    assert (again["seconds"], again["times"]) == (AGAIN, 61)
    assert outage.lasts
    with capture_logs() as lines:
        outage.back()
        outage.back()
    assert lines == [{"event": "found", "log_level": "info", "server": "here", "seconds": 3 * AGAIN}]
    assert not outage.lasts
    (first,) = told(clock, outage, AGAIN)
    assert "times" not in first


def test_a_day_is_a_hundred_lines() -> None:
    clock = Clock()
    lines = told(clock, Outage(logger("test"), "lost", "found", clock), 86_400.0, step=5.0)
    assert len(lines) <= 86_400 / LONGEST + 5


def test_what_was_never_away_is_not_found() -> None:
    with capture_logs() as lines:
        Outage(logger("test"), "lost", "found").back()
    assert lines == []
