"""The market that these tests look at."""

import pytest

from services.simulator.market.synthetic_market import SyntheticMarket
from tests.services.simulator.market.offered import SYMBOLS


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    """The market of one seed, where any will do. It has no state that a test could see."""
    return SyntheticMarket(7, SYMBOLS)
