"""What tokens are worth, by the prices of one exchange: directly, or over one other token."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

#: Every token whose symbol holds this is worth one dollar: USD itself and the stablecoins (USDT, USDC, FDUSD, …).
USD = "USD"
#: Which dollar is asked first where a token is traded against several.
DOLLARS = ("USDT", "USDC", "USD", "FDUSD", "TUSD", "BUSD")
#: Over which token a price is found first where no pair gives it directly.
BRIDGES = ("BTC", "ETH", "BNB", "SOL", "EUR", "KCS", "OKB", "GT", "TRY")


class Quote(NamedTuple):
    """A price, and the time that it is from in Unix seconds."""

    price: float
    timestamp: float


def is_dollar(token: str) -> bool:
    """Return whether a token is worth one US dollar."""
    return USD in token.upper()


def token_values(tokens: Iterable[str], quote: str, quotes: Mapping[str, Quote]) -> dict[str, Quote]:
    """Return what one unit of each token is worth in `quote`; tokens without a price are left out.

    A token is worth the price of its pair with `quote`, either way round, else that over one other token, of which
    `BRIDGES` come first. All dollars are one token here. `quotes` are the prices of pairs `BASE-QUOTE`.
    A token that is `quote` itself is worth 1 at all times, and so has no timestamp (infinity).
    """
    prices = _prices_between(quotes)
    target = _same(quote)
    found = {}
    for token in tokens:
        value = _value(_same(token), target, prices)
        if value is not None:
            found[token] = value
    return found


def _same(token: str) -> str:
    return USD if is_dollar(token) else token.upper()


#: The price of each token in each other one that it has a pair with.
Prices = dict[str, dict[str, Quote]]


def _prices_between(quotes: Mapping[str, Quote]) -> Prices:
    ranks: dict[tuple[str, str], tuple[int, str, bool]] = {}
    prices: Prices = {}
    for pair, (price, timestamp) in quotes.items():
        base, _, counter = pair.partition("-")
        one, other = _same(base), _same(counter)
        if one == other or not counter or not _is_price(price) or not _is_price(1 / price):
            continue
        dollar = base if one == USD else counter
        for inverse, (token, of, value) in enumerate(((one, other, price), (other, one, 1 / price))):
            # Of several dollars the first; then the way round that the exchange quotes.
            rank = (_place(dollar, DOLLARS), dollar, bool(inverse))
            if (token, of) not in ranks or rank < ranks[token, of]:
                ranks[token, of] = rank
                prices.setdefault(token, {})[of] = Quote(value, timestamp)
    return prices


def _is_price(value: float) -> bool:
    return 0 < value < math.inf


def _value(token: str, target: str, prices: Prices) -> Quote | None:
    if token == target:
        return Quote(1.0, float("inf"))
    of_token = prices.get(token, {})
    if target in of_token:
        return of_token[target]
    over = [bridge for bridge in of_token if target in prices.get(bridge, {})]
    if not over:
        return None
    bridge = min(over, key=lambda name: (0 if name == USD else 1 + _place(name, BRIDGES), name))
    first, second = of_token[bridge], prices[bridge][target]
    return Quote(first.price * second.price, min(first.timestamp, second.timestamp))


def _place(token: str, order: tuple[str, ...]) -> int:
    return order.index(token) if token in order else len(order)
