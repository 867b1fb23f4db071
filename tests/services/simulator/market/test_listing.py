from dataclasses import replace
from decimal import Decimal

import pytest

from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.market.listing import list_symbol
from tests.services.simulator.market.offered import symbol


def test_every_symbol_that_the_simulator_offers_can_be_listed() -> None:
    listings = [list_symbol(1, each) for each in (*spot_symbols(500), *usdm_symbols(500))]
    assert len({listing.key for listing in listings}) == 1000


def test_a_pair_of_two_assets_has_the_difference_of_their_factors() -> None:
    base = dict(list_symbol(1, symbol("ETHUSDT")).factors)
    quote = dict(list_symbol(1, symbol("BTCUSDT")).factors)
    cross = dict(list_symbol(1, symbol("ETHBTC")).factors)
    assert cross == {name: base.get(name, 0.0) - quote.get(name, 0.0) for name in base | quote}


def test_a_perpetual_has_the_factors_of_the_spot_pair_and_its_basis() -> None:
    spot, perpetual = list_symbol(1, symbol("BTCUSDT")), list_symbol(1, symbol("BTCUSDT", "usdm"))
    assert perpetual.factors[:-1] == spot.factors
    assert perpetual.key != spot.key


def test_a_symbol_that_cannot_move_is_refused() -> None:
    bitcoin = symbol("BTCUSDT")
    with pytest.raises(ValueError, match="expected a pair with a price of 200 ticks"):
        list_symbol(1, replace(bitcoin, base="USDT"))
    with pytest.raises(ValueError, match="expected a pair with a price of 200 ticks"):
        list_symbol(1, replace(bitcoin, reference_price=Decimal("1.99")))
