"""How the seconds of a minute go through its eight legs: the same way for all symbols of a market.

That all symbols turn in the same seconds, and are equally far through their legs in between, is what keeps cross pairs
in step with each other within the minute as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.factor_path import LEGS
from services.simulator.market.hashing import key_of, octets

Ints = NDArray[np.int64]

SECONDS = 60
#: Where the legs begin before each turning point is moved by a second at most: legs last 5 to 10 seconds.
_TURNS = np.array((7, 15, 22, 30, 37, 45, 52))
#: Seconds weigh from 64 to 572: a few of a leg have most of it, and none less than a hundredth (`LEAST_LEG_VOLUME`).
_LEAST_WEIGHT = 64


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes (rows) and their seconds (columns): the leg that a second is in, and how far it goes through it.

    At its begin a second is `begins / lengths` through its leg, at its end `ends / lengths`.
    """

    legs: Ints
    begins: Ints
    ends: Ints
    lengths: Ints


def make_clock(seed: int, first_minute: int, minutes: int) -> Clock:
    """Return the clock of `minutes` minutes from `first_minute` (since the epoch) on."""
    bits = octets(key_of(seed, "clock"), first_minute * LEGS, minutes * LEGS).reshape(minutes, 8 * LEGS)
    weights = _LEAST_WEIGHT + (bits[:, :SECONDS].astype(np.int64) ** 2 >> 7)
    turns = np.empty((minutes, LEGS + 1), dtype=np.int64)
    turns[:, 0] = 0
    turns[:, 1:LEGS] = _TURNS + octets(key_of(seed, "turns"), first_minute, minutes)[:, 1:] % np.int64(3) - 1
    turns[:, LEGS] = SECONDS
    legs = np.zeros((minutes, SECONDS), dtype=np.int64)
    seconds = np.arange(SECONDS)
    for turn in range(1, LEGS):
        legs += seconds >= turns[:, turn : turn + 1]
    passed = np.zeros((minutes, SECONDS + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=passed[:, 1:])
    at_turns = np.take_along_axis(passed, turns, axis=1)
    before = np.take_along_axis(at_turns, legs, axis=1)
    lengths = np.take_along_axis(np.diff(at_turns, axis=1), legs, axis=1)
    return Clock(legs, passed[:, :-1] - before, passed[:, 1:] - before, lengths)
