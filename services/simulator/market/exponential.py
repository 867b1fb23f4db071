"""The exponential function, bit for bit the same everywhere.

`numpy.exp` differs in its last bit between processors, which would move a price by a tick once in a long while.
"""

import numpy as np
from numpy.typing import NDArray

_LOG2_E = 1.4426950408889634
#: ln 2 in two parts (after Cody and Waite 1980): k times the first is exact.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
#: Taylor coefficients down from the highest; enough for a remainder of at most ln(2) / 2.
_COEFFICIENTS = tuple(
    1.0 / factorial for factorial in (479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1)
)


def exponential(exponents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return e to the power of each of `exponents`, which lie between -700 and 700, to a unit in the last place."""
    powers = np.floor(exponents * _LOG2_E + 0.5)
    rest = (exponents - powers * _LN2_HIGH) - powers * _LN2_LOW
    result = np.full_like(rest, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        result *= rest
        result += coefficient
    return np.ldexp(result, powers.astype(np.int32))
