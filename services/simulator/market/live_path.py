"""The path as it goes: a symbol's price within the second, and what is traded in each second, for makers and takers."""

from dataclasses import dataclass

import numpy as np

from services.simulator.market.clock import make_clock
from services.simulator.market.factors import Factors
from services.simulator.market.intervals import MINUTE, SECOND
from services.simulator.market.legs import make_legs
from services.simulator.market.listing import Listing
from services.simulator.market.recent import Recent
from services.simulator.market.second_candles import second_candles

#: Prices move this often: four times a second.
SLOT = 250
_SLOTS = SECOND // SLOT
_BLOCK = 5


@dataclass(frozen=True, slots=True)
class _Block:
    """Some minutes of a symbol, second by second; prices have one more, the end of the last second."""

    begin: int
    prices: list[int]
    volumes: list[int]
    bought: list[int]


class LivePath:
    """The paths of all symbols of one market around the present: a few minutes of each are kept."""

    def __init__(self, seed: int, factors: Factors, symbols: int) -> None:
        self._seed = seed
        self._factors = factors
        self._blocks: Recent[tuple[int, int], _Block] = Recent(2 * symbols)

    def price(self, listing: Listing, t_ms: int) -> int:
        """Return the price at `t_ms` in ticks; it moves at multiples of `SLOT`."""
        block = self._block(listing, t_ms)
        second, rest = divmod(t_ms - block.begin, SECOND)
        price = block.prices[second]
        return price + (block.prices[second + 1] - price) * (rest // SLOT) // _SLOTS

    def volume(self, listing: Listing, t_ms: int) -> tuple[int, int]:
        """Return what is traded in the second of `t_ms`, in steps: all, and what takers buy of it."""
        block = self._block(listing, t_ms)
        second = (t_ms - block.begin) // SECOND
        return block.volumes[second], block.bought[second]

    def _block(self, listing: Listing, t_ms: int) -> _Block:
        # Symbols begin their blocks in different minutes, so that not all blocks are due at once.
        shift = listing.key % _BLOCK
        number = (t_ms // MINUTE + shift) // _BLOCK
        return self._blocks.get((listing.key, number), lambda: self._make(listing, number * _BLOCK - shift))

    def _make(self, listing: Listing, first_minute: int) -> _Block:
        legs = make_legs(self._factors, listing, first_minute, _BLOCK)
        clock = make_clock(self._seed, first_minute, _BLOCK)
        seconds = second_candles(listing, clock, legs, np.zeros(_BLOCK, dtype=np.int64))
        return _Block(
            first_minute * MINUTE,
            [*seconds.open.tolist(), int(seconds.close[-1])],
            seconds.volume.tolist(),
            seconds.taker_buy_volume.tolist(),
        )
