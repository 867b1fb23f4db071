"""The seconds of minutes: one-second candles that make up the one-minute candles to the last unit."""

from dataclasses import dataclass

import numpy as np

from services.simulator.market.candles import Candles
from services.simulator.market.clock import SECONDS, Clock
from services.simulator.market.factor_path import LEGS
from services.simulator.market.hashing import key_of, words
from services.simulator.market.intervals import MINUTE, SECOND
from services.simulator.market.legs import Ints, Legs
from services.simulator.market.listing import Listing
from services.simulator.market.trade_numbers import LEAST_TRADES_A_SECOND, share_out


@dataclass(frozen=True, slots=True)
class _Leg:
    """The legs that the seconds are in, as arrays of minutes by seconds."""

    price: Ints
    rise: Ints
    volume: Ints
    bought: Ints


def second_candles(listing: Listing, clock: Clock, legs: Legs, extra_trades: Ints) -> Candles:
    """Return the one-second candles of the minutes of `legs`, which have `extra_trades` trades beyond the least."""
    place = clock.legs + np.arange(len(clock.legs))[:, np.newaxis] * LEGS
    leg = _Leg(legs.prices[place], np.diff(legs.prices)[place], legs.volumes[place], legs.bought[place])
    passed_begin = leg.volume * clock.begins // clock.lengths
    passed_end = leg.volume * clock.ends // clock.lengths
    opens = leg.price + _share(leg.rise, passed_begin, leg.volume)
    closes = leg.price + _share(leg.rise, passed_end, leg.volume)
    bought, bought_quote = _side(leg, leg.bought, clock)
    sold, sold_quote = _side(leg, leg.volume - leg.bought, clock)
    high, low = _extremes(listing, legs, opens, closes)
    volume = bought + sold
    first = legs.first_minute * MINUTE
    return Candles(
        np.arange(first, first + volume.size * SECOND, SECOND, dtype=np.int64),
        *(
            column.reshape(-1)
            for column in (
                opens,
                high,
                low,
                closes,
                volume,
                bought_quote + sold_quote,
                share_out(extra_trades, volume, LEAST_TRADES_A_SECOND),
                bought,
                bought_quote,
            )
        ),
    )


def _share(rise: Ints, passed: Ints, volume: Ints) -> Ints:
    return np.rint(rise * (passed / volume)).astype(np.int64)


def _side(leg: _Leg, volume: Ints, clock: Clock) -> tuple[Ints, Ints]:
    """Return volume and quote volume in each second of one side's trades, of which the legs have `volume`.

    The quote volume from the begin of the leg on is the integral of a price that grows with the volume, rounded down:
    what the seconds have adds up to what the leg has, and an average price lies between the second's open and close.
    """
    begin = volume * clock.begins // clock.lengths
    end = volume * clock.ends // clock.lengths
    quote = leg.price * (end - begin)
    quote += _climb(leg.rise, end, volume)
    quote -= _climb(leg.rise, begin, volume)
    return end - begin, quote


def _climb(rise: Ints, passed: Ints, volume: Ints) -> Ints:
    return np.floor((rise * passed) * (passed / volume) * 0.5).astype(np.int64)


def _extremes(listing: Listing, legs: Legs, opens: Ints, closes: Ints) -> tuple[Ints, Ints]:
    """Return highest and lowest of the seconds: off the path by a tick to the minute's wick, in full where it turns."""
    top, bottom = np.maximum(opens, closes), np.minimum(opens, closes)
    wick = legs.wicks[:, np.newaxis]
    bits = words(key_of(listing.key, "wicks"), legs.first_minute * SECONDS, opens.size).reshape(opens.shape)
    above = (bits >> np.uint64(48)).astype(np.int64) % wick + 1
    below = (bits >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.int64) % wick + 1
    above = np.where(top == top.max(axis=1, keepdims=True), wick, above)
    below = np.where(bottom == bottom.min(axis=1, keepdims=True), wick, below)
    return top + above, bottom - below
