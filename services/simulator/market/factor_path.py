"""A log-price path that looks like a market's, computable at any time without walking there.

It is a midpoint displacement (Fournier, Fussell and Carpenter 1982) over intervals that halve from 2^20 minutes down to
an eighth of a minute. The middle of an interval lies between its ends, off by a random amount that a hash of the level
and the interval's number gives; with displacements in proportion to the square root of the length the path is a random
walk. Two things make it a market's:

* volatility is a multiplicative cascade (after Mandelbrot, Fisher and Calvet 1997): what one half of an interval gets
  more, the other gets less, on every level below three months, so that volatility clusters on every scale;
* now and then it jumps, and drifts back the same amount over the jump's block of 1.4 days.

Above some weeks displacements don't grow any more and the highest knots are independent of each other: the path comes
back and is bounded for ever (`greatest_value`). Its long-run standard deviation is about 0.1.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.hashing import key_of, octets, word, words

Floats = NDArray[np.float64]

#: Legs are the finest intervals: eight a minute.
LEGS = 8
#: Standard deviation of the path over one minute, before the cascade: with it some 55 % a year.
MINUTE_VOLATILITY = 0.0006
_TOP_LEVEL = 20
_TOP_DEVIATION = 0.10
_GREATEST_DEVIATION = 0.06
_CASCADE_LEVEL = 17
_CASCADE = 0.31

#: Four lanes of 14 bits of a word are added by one multiplication; the sum is close to normal and bounded by 3.46.
_LANES = 0x3FFF3FFF3FFF3FFF
_ADD_LANES = 0x0001000100010001
_LANES_MEAN = 32766.0
_LANES_DEVIATION = 9459.3
_UNIFORM = 0xD6E8FEB86659FD93
_BYTE_DEVIATION = 73.9

_GREATEST_NORMAL = 3.47

_JUMP_LEVEL = 11
_JUMP_LEGS = LEGS << _JUMP_LEVEL
_JUMP_CHANCE = 0.35
_LEAST_JUMP = 0.004
_MORE_JUMP = 0.026
_MASK = (1 << 64) - 1


#: By level, the standard deviation of the middle of an interval of 2^level minutes around the mean of its ends.
_DEVIATIONS = {
    level: min(_GREATEST_DEVIATION, MINUTE_VOLATILITY * math.sqrt(2.0**level) / 2.0)
    for level in range(-2, _TOP_LEVEL + 1)
}
#: By level, how unequally the halves of an interval may share its volatility.
_TILTS = {level: _CASCADE if level <= _CASCADE_LEVEL else 0.0 for level in range(_TOP_LEVEL + 1)}


def greatest_value() -> float:
    """Return what no value of any path exceeds, up or down: all displacements at their greatest in one direction."""
    total, volatility = _TOP_DEVIATION, 1.0
    for level in range(_TOP_LEVEL, -3, -1):
        total += volatility * _DEVIATIONS[level]
        volatility *= 1.0 + _TILTS.get(level, 0.0)
    return total * _GREATEST_NORMAL + 2.0 * (_LEAST_JUMP + _MORE_JUMP)


@dataclass(frozen=True, slots=True)
class FactorPath:
    """The path of one factor of the market: a function of `key` and time, in log price around 0."""

    key: int
    _level_keys: tuple[int, ...]
    _leg_key: int
    _jump_key: int

    @classmethod
    def of(cls, seed: int, name: str) -> "FactorPath":
        """Return the path of the factor `name` in the market of `seed`."""
        key = key_of(seed, "factor", name)
        levels = tuple(key_of(key, level) for level in range(_TOP_LEVEL + 2))
        return cls(key, levels, key_of(key, "legs"), key_of(key, "jumps"))

    def legs(self, first_minute: int, minutes: int) -> Floats:
        """Return the path at the ends of the legs of `minutes` (> 0) minutes from `first_minute` on: 8 each and one."""
        knots, volatility = self._descend(first_minute, first_minute + minutes)
        jumps = self._jumps(first_minute, minutes)
        for jump, leg, block in jumps:
            _add_jump(knots, first_minute, jump, leg, block)
        path = np.empty(LEGS * minutes + 1)
        path[::LEGS] = knots
        self._divide_minutes(path, volatility, first_minute)
        for jump, leg, _ in jumps:
            _add_jump_within_minute(path, first_minute, jump, leg)
        return path

    def _descend(self, first: int, last: int) -> tuple[Floats, Floats]:
        """Return the path at the minutes `first` to `last` without jumps, and the volatility of each minute between."""
        level = _TOP_LEVEL
        low, high = first >> level, (last - 1) >> level
        volatility = 1.0
        left, right = self._top(low), self._top(low + 1)
        while low == high and level > 0:
            bits = word(self._level_keys[level], low)
            normal = (float(((bits & _LANES) * _ADD_LANES & _MASK) >> 48) - _LANES_MEAN) / _LANES_DEVIATION
            middle = (left + right) * 0.5 + normal * (volatility * _DEVIATIONS[level])
            tilt = _TILTS[level] * (float((bits * _UNIFORM & _MASK) >> 53) / 1024.0 - 1.0)
            level -= 1
            next_low, next_high = first >> level, (last - 1) >> level
            if next_low != next_high:
                knots = np.array((left, middle, right))
                volatilities = np.array((volatility * (1.0 + tilt), volatility * (1.0 - tilt)))
                return self._descend_ranges(knots, volatilities, level, (first, last))
            low = high = next_low
            if low & 1:
                left, volatility = middle, volatility * (1.0 - tilt)
            else:
                right, volatility = middle, volatility * (1.0 + tilt)
        if low == high:
            return np.array((left, right)), np.array((volatility,))
        tops = np.array([self._top(index) for index in range(low, high + 2)])
        return self._descend_ranges(tops, np.ones(high - low + 1), level, (first, last))

    def _descend_ranges(
        self, knots: Floats, volatility: Floats, level: int, span: tuple[int, int]
    ) -> tuple[Floats, Floats]:
        """Go on from all intervals of `level` that `span` (first and last minute) touches down to minutes."""
        first, last = span
        while level > 0:
            low = first >> level
            count = len(volatility)
            bits = words(self._level_keys[level], low, count)
            normal = ((bits & np.uint64(_LANES)) * np.uint64(_ADD_LANES) >> np.uint64(48)).astype(np.float64)
            normal -= _LANES_MEAN
            normal /= _LANES_DEVIATION
            normal *= volatility * _DEVIATIONS[level]
            finer = np.empty(2 * count + 1)
            finer[::2] = knots
            middle = (knots[:-1] + knots[1:]) * 0.5
            middle += normal
            finer[1::2] = middle
            bits *= np.uint64(_UNIFORM)
            tilt = (bits >> np.uint64(53)).astype(np.float64)
            tilt /= 1024.0
            tilt -= 1.0
            tilt *= _TILTS[level]
            finer_volatility = np.empty(2 * count)
            finer_volatility[::2] = volatility * (1.0 + tilt)
            finer_volatility[1::2] = volatility * (1.0 - tilt)
            level -= 1
            begin = (first >> level) - 2 * low
            end = ((last - 1) >> level) - 2 * low + 1
            knots, volatility = finer[begin : end + 1], finer_volatility[begin:end]
        return knots.copy(), volatility

    def _top(self, index: int) -> float:
        bits = word(self._level_keys[_TOP_LEVEL + 1], index)
        normal = (float(((bits & _LANES) * _ADD_LANES & _MASK) >> 48) - _LANES_MEAN) / _LANES_DEVIATION
        return normal * _TOP_DEVIATION

    def _divide_minutes(self, path: Floats, volatility: Floats, first_minute: int) -> None:
        """Fill in the legs between the minutes of `path`: three more halvings, from the bytes of one word a minute."""
        noise = octets(self._leg_key, first_minute, len(volatility)).T
        lane = 0
        for level in (-1, -2, -3):
            length = LEGS >> -(level + 1)
            scale = volatility * (_DEVIATIONS[level + 1] / _BYTE_DEVIATION)
            for start in range(0, LEGS, length):
                displacement = noise[lane] - 127.5
                displacement *= scale
                middle = path[start : len(path) - 1 : LEGS] + path[start + length :: LEGS]
                middle *= 0.5
                middle += displacement
                path[start + length // 2 :: LEGS] = middle
                lane += 1

    def _jumps(self, first_minute: int, minutes: int) -> list[tuple[float, int, int]]:
        """Return the jumps of the blocks that the range touches: size, leg (since the epoch) and block number."""
        jumps = []
        for block in range(first_minute >> _JUMP_LEVEL, (first_minute + minutes >> _JUMP_LEVEL) + 1):
            bits = word(self._jump_key, block)
            if (bits & 0xFFFF) / 65536.0 < _JUMP_CHANCE:
                share = (bits >> 16 & 0xFFFF) / 65536.0
                size = _LEAST_JUMP + _MORE_JUMP * share * share * share
                leg = block * _JUMP_LEGS + (bits >> 32) % _JUMP_LEGS
                jumps.append((size if bits >> 63 else -size, leg, block))
        return jumps


def _add_jump(knots: Floats, first_minute: int, jump: float, leg: int, block: int) -> None:
    """Add to the minutes `knots` the jump at `leg` and the drift that takes it back over the block."""
    block_begin = block << _JUMP_LEVEL
    begin = max(0, block_begin - first_minute)
    end = min(len(knots), block_begin + (1 << _JUMP_LEVEL) - first_minute)
    passed = np.arange(first_minute + begin - block_begin, first_minute + end - block_begin, dtype=np.float64)
    knots[begin:end] -= passed * (jump / float(1 << _JUMP_LEVEL))
    after = -(-leg // LEGS) - first_minute
    if after < end:
        knots[max(after, begin) : end] += jump


def _add_jump_within_minute(path: Floats, first_minute: int, jump: float, leg: int) -> None:
    """Make the path jump at `leg`, where halving the minute has made a ramp of it."""
    begin = leg // LEGS * LEGS - first_minute * LEGS
    if leg % LEGS == 0 or not 0 <= begin < len(path) - 1:
        return
    for step in range(1, LEGS):
        after = 1.0 if step >= leg % LEGS else 0.0
        path[begin + step] += jump * (after - step / LEGS)
