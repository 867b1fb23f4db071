"""How many trades there were: the number of trades of each day, minute and second, and so the ids of trades.

Trades are numbered from 0 at `LISTED`, without gaps. A day's number depends on the day alone, so that an id is known
without counting the past; within the day trades are shared out by volume, beyond a least number for each second.
"""

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.hashing import key_of, words
from services.simulator.market.intervals import DAY
from services.simulator.market.listing import Listing

Ints = NDArray[np.int64]

#: 1 January 2018, a Monday, the first of a month and a multiple of three days: candles of all intervals begin there.
LISTED = 1_514_764_800_000
LISTED_DAY = LISTED // DAY
#: Each second has first, last, highest and lowest trade, and two a side that make up the sums.
LEAST_TRADES_A_SECOND = 8
LEAST_TRADES_A_MINUTE = 60 * LEAST_TRADES_A_SECOND
_MINUTES = 1440


def day_extras(listing: Listing, first_day: int, days: int) -> Ints:
    """Return the trades beyond the least of each day (counted from the epoch): half to one and a half of the usual."""
    share = (words(key_of(listing.key, "trades a day"), first_day, days) >> np.uint64(44)).astype(np.int64)
    return (listing.extra_trades * _MINUTES * ((1 << 19) + share)) >> 20


def trades_before_day(listing: Listing, day: int) -> int:
    """Return the number of trades before `day` (counted from the epoch), which is the id of the day's first trade."""
    days = day - LISTED_DAY
    if days <= 0:
        return 0
    return days * _MINUTES * LEAST_TRADES_A_MINUTE + int(day_extras(listing, LISTED_DAY, days).sum())


def day_of_trade(listing: Listing, trade_id: int) -> int:
    """Return the day (counted from the epoch) of the trade with `trade_id` (>= 0)."""
    most = trade_id // (_MINUTES * LEAST_TRADES_A_MINUTE) + 1
    extras = day_extras(listing, LISTED_DAY, most)
    ends = np.cumsum(extras + _MINUTES * LEAST_TRADES_A_MINUTE)
    return LISTED_DAY + int(np.searchsorted(ends, trade_id, side="right"))


def share_out(extras: Ints, volumes: Ints, least: int) -> Ints:
    """Return the trades of the parts of some spans: `least` each, and `extras` of a span in proportion to its volumes.

    `volumes` has a row for each span, whose number beyond the least is in `extras`; a row's sum is exact.
    """
    passed = np.cumsum(volumes, axis=1)
    share = passed / passed[:, -1:]
    reached = (share * extras[:, np.newaxis]).astype(np.int64)
    reached[:, 1:] -= reached[:, :-1].copy()
    reached += least
    return reached
