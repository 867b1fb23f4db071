"""Rates from token to token by the prices of one exchange: by a pair either way round, or over one or two tokens."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.marketdata.rates import BRIDGES, DOLLARS, USD, Quote

#: Tokens over which a rate is found first, and the only ones of which two are used in a row.
_FIRST = (*DOLLARS, *BRIDGES)
_PLACE = {token: place for place, token in enumerate(_FIRST)}


class Rate(NamedTuple):
    """Units of the quote for one unit of the base, and the time of the oldest price in it in Unix seconds."""

    rate: float
    timestamp: float


class RateGraph:
    """The prices of pairs `BASE-QUOTE` as ways between tokens. Every token is itself alone: a USDT is no USDC."""

    def __init__(self, quotes: Mapping[str, Quote]) -> None:
        self._ways: dict[str, dict[str, Rate]] = {}
        for pair, (price, timestamp) in quotes.items():
            base, _, quote = pair.upper().partition("-")
            if not quote or base == quote or not (0 < price < math.inf) or not (0 < 1 / price < math.inf):
                continue
            self._ways.setdefault(base, {})[quote] = Rate(price, timestamp)
            # The way round that the exchange quotes counts, where it quotes both.
            self._ways.setdefault(quote, {}).setdefault(base, Rate(1 / price, timestamp))

    def rate(self, base: str, quote: str, not_before: float) -> Rate | None:
        """Return the rate by the shortest way whose prices are all from `not_before` or later.

        Where only ways with older prices lead there, the first of them is returned: its timestamp tells. None if none
        does. `USD` is a dollar of whichever kind, where the exchange does not trade it itself.
        """
        base, quote = base.upper(), quote.upper()
        old: Rate | None = None
        for one in self._same(base):
            for other in self._same(quote):
                for found in self._between(one, other):
                    if found.timestamp >= not_before:
                        return found
                    old = old or found
        return old

    def _same(self, token: str) -> tuple[str, ...]:
        if token != USD:
            return (token,)
        return (USD, *(dollar for dollar in DOLLARS if dollar != USD))

    def _between(self, base: str, quote: str) -> Iterator[Rate]:
        if base == quote:
            yield Rate(1.0, math.inf)
            return
        of_base, to_quote = self._ways.get(base), self._ways.get(quote)
        if of_base is None or to_quote is None:
            return
        if quote in of_base:
            yield of_base[quote]
        over = sorted(of_base.keys() & to_quote.keys(), key=_rank)
        for bridge in over:
            yield _joined(of_base[bridge], self._ways[bridge][quote])
        for first in _FIRST:
            if first not in of_base or first == quote:
                continue
            for second in _FIRST:
                if second in to_quote and second != base and second in self._ways[first]:
                    yield _joined(of_base[first], self._ways[first][second], self._ways[second][quote])


def _rank(token: str) -> tuple[int, str]:
    return _PLACE.get(token, len(_FIRST)), token


def _joined(*ways: Rate) -> Rate:
    return Rate(math.prod(way.rate for way in ways), min(way.timestamp for way in ways))
