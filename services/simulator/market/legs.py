"""A symbol's market at its turning points: eight legs a minute, each with a price at either end and a volume.

Within a leg the price goes from one end to the other and never back, the same way for all symbols (`clock`); so the
turning points alone say how high and how low a minute goes. And within a leg the price moves in proportion to the
volume traded, so that a leg's average price is the middle of its ends, exactly. Both together let a minute be known
without its seconds, and the seconds fit it to the last unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.exponential import exponential
from services.simulator.market.factor_path import LEGS
from services.simulator.market.factors import Factors
from services.simulator.market.hashing import key_of, octets, word
from services.simulator.market.listing import LEAST_LEG_VOLUME, Listing

Ints = NDArray[np.int64]

#: A leg's volume times its price (in ticks times steps) stays below this, so that a month's sum fits 64 bits.
_GREATEST_LEG_QUOTE = 2.0e13
#: A leg that moves by more than so many usual moves has no more volume for it.
_GREATEST_MOVE = 40.0
#: Volume by the hour of the day, UTC, around 1: Asia's morning, Europe, America's morning above all.
_SEASON = np.array(
    (
        (0.98, 0.92, 0.88, 0.8, 0.76, 0.74, 0.76, 0.84, 0.94, 0.98, 0.94, 0.9),
        (0.98, 1.2, 1.5, 1.56, 1.36, 1.2, 1.08, 1.02, 1.0, 0.92, 0.86, 0.9),
    )
).reshape(24)
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Legs:
    """The legs of some minutes, in order.

    Attributes:
        first_minute: since the epoch.
        prices: in ticks, at both ends of all legs: one more than there are legs.
        volumes: of each leg, in steps.
        bought: of each volume, what takers bought, in steps.
        wicks: of each minute, the most ticks that a trade is off the path.
    """

    first_minute: int
    prices: Ints
    volumes: Ints
    bought: Ints
    wicks: Ints


def make_legs(factors: Factors, listing: Listing, first_minute: int, minutes: int) -> Legs:
    """Return the legs of `minutes` (> 0) minutes from `first_minute` on."""
    path = factors.sum(listing.factors, first_minute, minutes)
    prices = _prices(listing, path)
    lots = octets(key_of(listing.key, "volumes"), first_minute, minutes)
    sides = octets(key_of(listing.key, "sides"), first_minute, minutes)
    wicks = lots[:, 0] % listing.wick + np.int64(1)
    volumes = _volumes(listing, path, first_minute, lots.reshape(-1))
    rising = np.sign(np.diff(prices))
    share = (sides.reshape(-1) >> np.uint8(2)) + np.int64(96)
    share += 14 * rising
    share *= volumes
    share >>= 8
    return Legs(first_minute, prices, volumes, share, wicks)


def _prices(listing: Listing, path: NDArray[np.float64]) -> Ints:
    """Return the prices of log prices: exactly at full minutes, and within them by the series up to the third order."""
    ends = exponential(path[::LEGS])
    ends *= listing.ticks
    inner = path[:-1].reshape(-1, LEGS)
    offset = inner - inner[:, :1]
    growth = offset * (1.0 / 6.0)
    growth += 0.5
    growth *= offset
    growth += 1.0
    growth *= offset
    growth += 1.0
    growth *= ends[:-1, np.newaxis]
    prices = np.empty(len(path), dtype=np.int64)
    np.rint(growth, out=growth)
    prices[:-1] = growth.reshape(-1)
    prices[-1] = np.rint(ends[-1])
    return prices


def _volumes(listing: Listing, path: NDArray[np.float64], first_minute: int, lots: NDArray[np.uint8]) -> Ints:
    """Return the volumes of the legs: more where the price moves more, by the hour and the day, and heavy-tailed."""
    activity = np.diff(path)
    np.abs(activity, out=activity)
    activity *= 0.7 / listing.volatility
    np.minimum(activity, _GREATEST_MOVE, out=activity)
    activity += 0.35
    noise = lots * (1.0 / 256.0)
    noise *= noise
    noise *= noise
    noise *= 3.0
    noise += 0.4
    activity *= noise
    minutes = np.arange(first_minute, first_minute + len(lots) // LEGS)
    level = _SEASON[minutes // 60 % 24]
    first_day, last_day = first_minute // _DAY, int(minutes[-1]) // _DAY
    days = [_day_level(listing, day) for day in range(first_day, last_day + 1)]
    level *= np.array(days)[minutes // _DAY - first_day]
    level *= max(listing.leg_volume, 2.0 * LEAST_LEG_VOLUME)
    activity.reshape(-1, LEGS)[:] *= level[:, np.newaxis]
    np.minimum(activity, _GREATEST_LEG_QUOTE / listing.ticks - LEAST_LEG_VOLUME, out=activity)
    volumes = activity.astype(np.int64)
    volumes += LEAST_LEG_VOLUME
    return volumes


def _day_level(listing: Listing, day: int) -> float:
    """Return how busy a day is, around 1."""
    bits = word(key_of(listing.key, "days"), day)
    return 0.4 + 0.6 * ((bits & 0xFFFF) / 65536.0 + (bits >> 16 & 0xFFFF) / 65536.0)
