"""What a symbol's market is made of: the factors of its price, its usual volume, how far trades are off the path.

The logarithm of an asset's price in USDT is a constant plus a sum of factors, each times a coefficient; that of a pair
is the difference of its two assets. So the prices of ETH-USDT, BTC-USDT and ETH-BTC fit each other at every moment.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import numpy as np

from services.simulator.market.exponential import exponential
from services.simulator.market.factor_path import LEGS, MINUTE_VOLATILITY
from services.simulator.market.hashing import key_of

#: No leg has less volume than this, in steps: each second has at least ten steps of either side to make its trades of.
LEAST_LEG_VOLUME = 2560
#: Prices of fewer ticks than this would move by too much from one tick to the next.
LEAST_REFERENCE_TICKS = 200
#: With fewer ticks than this, one tick is spread enough.
_COARSE_TICKS = 20_000

_MARKET = "market"
_KNOWN: Mapping[str, Mapping[str, float]] = {
    "USDT": {},
    "BTC": {_MARKET: 1.0},
    "ETH": {_MARKET: 1.05, "ETH": 0.55},
    "SOL": {_MARKET: 1.2, "SOL": 0.9},
}
_STABLE = frozenset({"USDC", "FDUSD", "TUSD", "DAI", "USDP", "BUSD", "USDE", "USD1"})
_STABLE_COEFFICIENT = 0.002
_BASIS_COEFFICIENT = 0.0025
#: A perpetual is dearer than its index by this share in the long run, which pays the usual funding rate of 0.01 %.
_MEAN_BASIS = 0.0001
#: Log price of the long run against the reference price that the filters were made for.
_SHIFTS = {"BTC": 0.22}
#: Volume a minute, worth in USDT, and trades a minute beyond the eight of each second.
_KNOWN_VOLUMES = {
    "BTCUSDT": (600_000.0, 600),
    "ETHUSDT": (400_000.0, 450),
    "SOLUSDT": (150_000.0, 300),
    "BTCUSDC": (80_000.0, 150),
    "ETHBTC": (120_000.0, 60),
}
_PERPETUAL_VOLUME = 5.0
#: Roughly what one of a quote asset is worth in USDT; one that is not here counts as a dollar.
_QUOTE_WORTH = {"BTC": 60_000.0, "ETH": 3_000.0, "BNB": 600.0}


class Symbol(Protocol):
    """What the market must know of a symbol; the engine's `Symbol` is one."""

    @property
    def name(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def tick_size(self) -> Decimal: ...
    @property
    def step_size(self) -> Decimal: ...
    @property
    def reference_price(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol's market in numbers.

    Attributes:
        key: of all that is random about this symbol alone.
        factors: names of the factors of its log price and their coefficients.
        ticks: price in ticks that a sum of 0 stands for.
        volatility: usual standard deviation of the log price over a leg (an eighth of a minute).
        leg_volume: usual volume of a leg, in steps.
        extra_trades: usual trades a minute beyond the eight of each second.
        wick: the most ticks that a trade is off the path.
    """

    key: int
    factors: tuple[tuple[str, float], ...]
    ticks: float
    volatility: float
    leg_volume: float
    extra_trades: int
    wick: int


def list_symbol(seed: int, symbol: Symbol) -> Listing:
    """Return the listing of `symbol` in the market of `seed`.

    Raises:
        ValueError: if the reference price is below 200 ticks, or the symbol has no factor that moves it.
    """
    factors = _exposure(symbol.base)
    for name, coefficient in _exposure(symbol.quote).items():
        factors[name] = factors.get(name, 0.0) - coefficient
    shift = _SHIFTS.get(symbol.base, 0.0) - _SHIFTS.get(symbol.quote, 0.0)
    if symbol.market == "usdm":
        factors[_basis(symbol)] = _BASIS_COEFFICIENT
        shift += _MEAN_BASIS
    moving = tuple((name, coefficient) for name, coefficient in factors.items() if coefficient)
    ticks = float(symbol.reference_price / symbol.tick_size)
    if not moving or ticks < LEAST_REFERENCE_TICKS:
        raise ValueError(f"expected a pair with a price of {LEAST_REFERENCE_TICKS} ticks or more, was {symbol.name}")
    volume, extra_trades = _activity(symbol)
    step_worth = float(symbol.reference_price * symbol.step_size) * _QUOTE_WORTH.get(symbol.quote, 1.0)
    return Listing(
        key=key_of(seed, symbol.market, symbol.name),
        factors=moving,
        ticks=ticks * float(exponential(np.array((shift,)))[0]),
        volatility=MINUTE_VOLATILITY * math.sqrt(sum(c * c for _, c in moving) / LEGS),
        leg_volume=volume / LEGS / step_worth,
        extra_trades=extra_trades,
        wick=1 if ticks < _COARSE_TICKS else 1 + int(3.0 * _unit("wick", symbol.name)),
    )


def premium_factor(symbol: Symbol) -> tuple[str, float, float]:
    """Return how a perpetual's price is off its index: a factor's name, its coefficient and the mean, in log price."""
    return _basis(symbol), _BASIS_COEFFICIENT, _MEAN_BASIS


def _basis(symbol: Symbol) -> str:
    return f"{symbol.name} basis"


def _exposure(asset: str) -> dict[str, float]:
    """Return the factors of an asset's log price in USDT."""
    if asset in _STABLE:
        return {asset: _STABLE_COEFFICIENT}
    invented = {_MARKET: 0.7 + 0.7 * _unit("market", asset), asset: 0.5 + 0.6 * _unit("own", asset)}
    return dict(_KNOWN.get(asset, invented))


def _activity(symbol: Symbol) -> tuple[float, int]:
    """Return the usual volume a minute, worth in USDT, and the usual trades a minute beyond the least."""
    share = _unit("volume", symbol.name)
    volume, trades = _KNOWN_VOLUMES.get(
        symbol.name, (4_000.0 + 60_000.0 * share * share * share, 30 + int(120 * share))
    )
    return (volume * _PERPETUAL_VOLUME if symbol.market == "usdm" else volume), trades


def _unit(*parts: str) -> float:
    """Return a number from 0 to 1 made of `parts`, whatever the seed."""
    return key_of("listing", *parts) / 2.0**64
