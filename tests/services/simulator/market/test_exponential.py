import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.market.exponential import exponential


@given(st.lists(st.floats(-600, 600), min_size=1, max_size=30))
def test_it_is_the_exponential_function_to_the_last_digits(exponents: list[float]) -> None:
    for exponent, value in zip(exponents, exponential(np.array(exponents)).tolist(), strict=True):
        assert math.isclose(value, math.exp(exponent), rel_tol=1e-15 + abs(exponent) * 1e-16)


def test_it_is_one_at_zero() -> None:
    assert exponential(np.zeros(1)).tolist() == [1.0]
