from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.engine.units import ONE, exact_units, to_decimal, to_units, toward_zero


@given(st.integers(min_value=-(10**28), max_value=10**28))
def test_units_and_decimals_are_the_same_number(units: int) -> None:
    assert to_units(to_decimal(units)) == units
    assert to_decimal(units) * ONE == units


@pytest.mark.parametrize("text", ["1e-9", "0.000000001", "NaN", "Infinity", "-Infinity", "1e30", "1e1000000", "sNaN"])
def test_what_is_no_whole_number_of_units_is_refused(text: str) -> None:
    assert exact_units(Decimal(text)) is None
    with pytest.raises(ValueError, match="expected a number"):
        to_units(Decimal(text))


@given(st.integers(), st.integers(min_value=1))
def test_rounding_is_toward_zero_on_both_sides(numerator: int, denominator: int) -> None:
    result = toward_zero(numerator, denominator)
    assert abs(result) == abs(numerator) // denominator
    assert result == 0 or (result > 0) == (numerator > 0)
