"""When "no such order" is final: only past the receive window and the margin, by the slower of two clocks."""

import pytest
from msgspec.structs import replace

from services.portfolio.orders.absence import seconds_until_final
from tests.services.portfolio.orders.test_state_machine import intent

SENT = replace(intent(), sent_ms=1_000_000, receive_window_ms=3_000)


@pytest.mark.parametrize(
    ("our_ms", "venue_ms", "left"),
    [
        (1_000_000, 1_000_000, 5.0),
        (1_004_999, 1_004_999, 0.001),
        (1_005_000, 1_005_000, 0.0),
        (1_009_000, 1_002_000, 3.0),
        (1_002_000, 1_009_000, 3.0),
        (1_009_000, 1_008_000, -3.0),
    ],
)
def test_the_slower_clock_counts(our_ms: int, venue_ms: int, left: float) -> None:
    assert seconds_until_final(SENT, our_ms=our_ms, venue_ms=venue_ms, margin_ms=2_000) == pytest.approx(left)
