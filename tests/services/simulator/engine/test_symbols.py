from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.simulator.engine.limits import Limits
from services.simulator.engine.symbols import SPOT, Symbol, spot_symbols, usdm_symbols
from services.simulator.engine.units import to_decimal, to_units


def test_the_known_pairs_come_first() -> None:
    assert [symbol.name for symbol in spot_symbols()] == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ETHBTC", "BTCUSDC"]
    assert [symbol.name for symbol in usdm_symbols()] == ["BTCUSDT", "ETHUSDT"]
    assert [symbol.name for symbol in spot_symbols(2)] == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize("table", [spot_symbols(500), usdm_symbols(500)])
def test_five_hundred_symbols_have_names_and_filters_that_fit(table: tuple[Symbol, ...]) -> None:
    assert len({symbol.name for symbol in table}) == 500
    for symbol in table:
        limits = Limits(symbol)
        reference = symbol.ticks(symbol.reference_price)
        assert limits.min_ticks <= reference <= limits.max_ticks
        smallest = reference * limits.min_steps * symbol.quote_unit
        assert 0 < smallest < limits.min_notional, "the smallest quantity must be worth less than the smallest order"
        assert limits.max_steps * reference * symbol.quote_unit > 1000 * limits.min_notional
        assert symbol.tick_size < symbol.reference_price / 999, "a price needs three digits at least"


def test_the_same_symbols_every_time() -> None:
    assert spot_symbols(500) == spot_symbols(500)
    assert spot_symbols(20) == spot_symbols(500)[:20]


@pytest.mark.parametrize("count", [0, -1, 501])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 500 symbols"):
        spot_symbols(count)
    with pytest.raises(ValueError, match="expected 1 to 500 symbols"):
        usdm_symbols(count)


@pytest.mark.parametrize("symbol", [*spot_symbols(30), *usdm_symbols(30)])
def test_quote_amounts_are_exact(symbol: Symbol) -> None:
    ticks, steps = symbol.ticks(symbol.reference_price) + 7, 1234
    exact = symbol.price(ticks) * symbol.quantity(steps)
    assert to_decimal(ticks * steps * symbol.quote_unit) == exact
    assert symbol.base_unit * steps == to_units(symbol.quantity(steps))


def test_a_grid_finer_than_the_units_is_refused() -> None:
    with pytest.raises(ValueError, match="whole 10"):
        replace(SPOT[3], step_size=Decimal("0.0001"), min_qty=Decimal("0.0001"))


@pytest.mark.parametrize(
    ("field", "value"), [("min_price", "0.015"), ("max_qty", "0.0000151"), ("reference_price", "1.001")]
)
def test_filters_must_be_on_the_grid(field: str, value: str) -> None:
    with pytest.raises(ValueError, match="expected multiples of"):
        replace(SPOT[0], **dict[str, Any]({field: Decimal(value)}))


def test_prices_off_the_grid_have_no_ticks() -> None:
    with pytest.raises(ValueError, match="expected a multiple of the tick"):
        SPOT[0].ticks(Decimal("1.001"))
    with pytest.raises(ValueError, match="expected a multiple of the step"):
        SPOT[0].steps(Decimal("0.000001"))
