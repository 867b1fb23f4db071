"""What a ticker says the price is."""

import math

import pytest

from services.marketdata.prices import price_of
from tests.services.marketdata.fake_market import ticker


@pytest.mark.parametrize(
    ("bid", "ask", "last", "price"),
    [
        (99.0, 101.0, 50.0, 100.0),
        (100.0, 100.0, 50.0, 100.0),
        (0.0, 101.0, 50.0, 50.0),
        (99.0, 0.0, 50.0, 50.0),
        (0.0, 0.0, 0.0, None),
        (102.0, 101.0, 50.0, 50.0),
        (99.0, math.inf, 50.0, 50.0),
        (math.nan, 101.0, 50.0, 50.0),
        (99.0, math.nan, math.nan, None),
        (0.0, 0.0, -1.0, None),
        (0.0, 0.0, math.inf, None),
    ],
)
def test_price(bid: float, ask: float, last: float, price: float | None) -> None:
    assert price_of(ticker(bid=bid, ask=ask, last=last)) == price
