"""What the synthetic makers want in the book: levels on both sides of the path, more in them the farther away.

Next to the path stands one level a side, which follows it. The others are at fixed prices of a grid, dense near the
path and twice as wide apart in each zone farther out, and are refilled each in its own rhythm: as the path moves, few
of them change.
"""

from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import mul
from typing import NamedTuple

from services.simulator.market.factor_path import LEGS
from services.simulator.market.hashing import key_of, word
from services.simulator.market.intervals import SECOND
from services.simulator.market.listing import Listing
from services.simulator.market.live_path import SLOT, LivePath
from services.simulator.market.recent import Recent

#: The first zone has this many levels a side, each zone farther out half of it.
_NEAR = 8
#: How much more a level of each zone has than one next to the path.
_GROWTH = tuple(accumulate(repeat(1.6, 7), mul, initial=1.0))
#: Distance of the grid's lines as a share of the price.
_GRID = 0.00005
#: Levels next to the path are refilled every 4 to 20 s, those of each zone farther out half as often.
_LEAST_PERIOD = 16
_MORE_PERIODS = 64
_SECONDS = 60
_LINES_KEPT = 400


class Level(NamedTuple):
    """Price in ticks, quantity in steps."""

    price: int
    quantity: int


class TargetBook(NamedTuple):
    """Bids from the highest, asks from the lowest, at most 37 a side; at least a tick is between them and the path."""

    bids: list[Level]
    asks: list[Level]


@dataclass(slots=True)
class _Line:
    """A line of the grid: its random place, and its level in the slots `since` to before `until`, as one of `zone`."""

    place: int
    zone: int
    since: int
    until: int
    level: Level


class Makers:
    """The makers of all `symbols` symbols of one market. What is kept of the grid's lines is only to save time."""

    def __init__(self, path: LivePath, symbols: int) -> None:
        self._path = path
        self._lines: Recent[tuple[int, int], dict[int, _Line]] = Recent(2 * symbols)

    def target_book(self, listing: Listing, t_ms: int) -> TargetBook:
        """Return what the makers want at `t_ms`; it changes at multiples of `SLOT` only."""
        bid, ask = self.touch(listing, t_ms)
        slot = t_ms // SLOT
        bids, asks = self._levels(listing, bid.price, -1, slot), self._levels(listing, ask.price, 1, slot)
        return TargetBook([bid, *bids], [ask, *asks])

    def touch(self, listing: Listing, t_ms: int) -> tuple[Level, Level]:
        """Return the best bid and ask that the makers want at `t_ms`."""
        bits = word(listing.key, t_ms // SECOND)
        price = self._path.price(listing, t_ms)
        volume, _ = self._path.volume(listing, t_ms)
        return (
            Level(price - 1 - (bits & 0xFF) % listing.wick, _part(volume, bits >> 16)),
            Level(price + 1 + (bits >> 8 & 0xFF) % listing.wick, _part(volume, bits >> 32)),
        )

    def _levels(self, listing: Listing, touch: int, side: int, slot: int) -> list[Level]:
        """Return the levels beyond the price `touch`, up (`side` 1) or down (-1), the nearest first."""
        grid = max(1, round(listing.ticks * _GRID))
        usual = listing.leg_volume * LEGS / _SECONDS
        lines = self._lines.get((listing.key, side), dict)
        if len(lines) > _LINES_KEPT:
            lines.clear()
        begin = touch // grid
        levels = []
        for zone, growth in enumerate(_GROWTH):
            width = 1 << zone
            near = _NEAR * width // 2 if zone else 0
            first = (begin + near) // width + 1 if side > 0 else -((near - begin) // width) - 1
            for number in range(first * width, (first + side * (_NEAR // 2 if zone else _NEAR)) * width, side * width):
                line = lines.get(number)
                if line is None or zone != line.zone or not line.since <= slot < line.until:
                    place = line.place if line else word(key_of(listing.key, "levels", side), number)
                    price = number * grid + place % grid
                    line = lines[number] = _refilled(place, price, zone, slot, usual * growth)
                if line.level.price > 0:
                    levels.append(line.level)
        return levels


def _refilled(place: int, price: int, zone: int, slot: int, usual: float) -> _Line:
    period = (_LEAST_PERIOD + (place >> 32) % _MORE_PERIODS) << zone
    phase = place >> 40
    refill = (slot + phase) // period
    share = (word(place, refill) & 0xFFFF) / 65536.0
    since = refill * period - phase
    return _Line(place, zone, since, since + period, Level(price, 1 + int(usual * (0.3 + 2.0 * share * share))))


def _part(volume: int, bits: int) -> int:
    """Return half to all and a half of a second's `volume`, so that most of its trades fit into one level."""
    return max(1, volume * (0x8000 + (bits & 0xFFFF)) >> 16)
