"""What the synthetic takers want: two to four trades a second that add up to what the path says is traded."""

from typing import NamedTuple

from services.simulator.market.hashing import key_of, word
from services.simulator.market.intervals import SECOND
from services.simulator.market.listing import Listing
from services.simulator.market.live_path import LivePath


class TakerTrade(NamedTuple):
    """A market order that a taker sends at `time` (ms), for `quantity` steps; bought or sold."""

    time: int
    taker_bought: bool
    quantity: int


def taker_trades(path: LivePath, listing: Listing, from_ms: int, to_ms: int) -> list[TakerTrade]:
    """Return the takers' orders from `from_ms` to before `to_ms`, in order of time: at least two in each second.

    More is bought while the price rises. The price moves within the second, so buys come late in a rising one.
    """
    key = key_of(listing.key, "takers")
    trades = []
    for second in range(from_ms // SECOND, -(-to_ms // SECOND)):
        begin = second * SECOND
        volume, bought = path.volume(listing, begin)
        bits = word(key, second)
        trades += _split(bought, begin, bits, taker_bought=True)
        trades += _split(volume - bought, begin, word(bits, 1), taker_bought=False)
    return sorted(trade for trade in trades if from_ms <= trade.time < to_ms)


def _split(quantity: int, begin: int, bits: int, *, taker_bought: bool) -> list[TakerTrade]:
    """Return one or two orders for `quantity` (at least two steps), in the second from `begin` on."""
    early, late = begin + (bits & 0xFFFF) % 500, begin + 500 + (bits >> 16 & 0xFFFF) % 500
    if bits >> 63:
        return [TakerTrade(late if bits >> 62 & 1 else early, taker_bought, quantity)]
    share = (bits >> 32 & 0xFFFF) / 65536.0
    part = 1 + int((quantity - 2) * share * share)
    return [TakerTrade(early, taker_bought, part), TakerTrade(late, taker_bought, quantity - part)]
