"""The trades of a second: as many as its candle says, from its open to its close, with its sums to the last unit.

Volume and quote volume of takers that buy and of those that sell are known, so each side is a sum to be made up: some
trades are taken out of it at prices wanted, and what remains is traded at the two prices next to its average. A trade
is taken out only as far as the rest can still be made up between the lowest and the highest price.
"""

from collections.abc import Sequence

import msgspec


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade: price in ticks, quantity in steps, time in ms; the id counts the symbol's trades since it was listed."""

    id: int
    time: int
    price: int
    quantity: int
    taker_bought: bool


class _Side:
    """What is left to be made up of one side's volume and quote volume."""

    __slots__ = ("high", "low", "quote", "taker_bought", "trades", "volume")

    def __init__(self, volume: int, quote: int, low: int, high: int, *, taker_bought: bool) -> None:
        self.volume = volume
        self.quote = quote
        self.low = low
        self.high = high
        self.taker_bought = taker_bought
        self.trades: list[tuple[int, int, bool]] = []

    def room(self, price: int) -> int:
        """Return how much can be traded at `price` so that the rest, at least two steps, can still be made up."""
        room = self.volume - 2
        if price > self.low:
            room = min(room, (self.quote - self.low * self.volume) // (price - self.low))
        if price < self.high:
            room = min(room, (self.high * self.volume - self.quote) // (self.high - price))
        return room

    def take(self, price: int, quantity: int) -> None:
        self.volume -= quantity
        self.quote -= price * quantity
        self.trades.append((price, quantity, self.taker_bought))

    def finish(self) -> None:
        """Trade the rest: two trades, at the price below its average and at the one above, or both at the average."""
        price, above = divmod(self.quote, self.volume)
        higher = above or self.volume // 2
        self.trades.append((price, self.volume - higher, self.taker_bought))
        self.trades.append((price + 1 if above else price, higher, self.taker_bought))


def second_trades(candle: Sequence[int], first_id: int, bits: Sequence[int]) -> list[Trade]:
    """Return the trades of a second.

    Args:
        candle: a row of one-second candles, in the order of `Candles`.
        first_id: of the second's first trade.
        bits: a random 64-bit word for each trade.

    Raises:
        ArithmeticError: if there are no such trades, which a candle of `second_candles` has.
    """
    open_time, opening, high, low, closing, volume, quote, count, bought, bought_quote = candle
    buys = _Side(bought, bought_quote, low, high, taker_bought=True)
    sells = _Side(volume - bought, quote - bought_quote, low, high, taker_bought=False)
    most = 4 * volume // count
    first = _take(buys, sells, opening, most, bits[0])
    last = _take(buys, sells, closing, most, bits[1])
    _take(buys, sells, high, most, bits[2] | 1)
    _take(buys, sells, low, most, bits[3] & ~1)
    for word in bits[4 : count - 4]:
        way = (word >> 32 & 0xFFFF) / 65536.0
        price = opening + round((closing - opening) * way) + (1 if word & 1 else -1)
        if buys.room(price) <= 0 and sells.room(price) <= 0:
            side = buys if buys.volume > sells.volume else sells
            price = side.quote // side.volume
        _take(buys, sells, price, most, word)
    buys.finish()
    sells.finish()
    between = [trade for trade in (*buys.trades, *sells.trades) if trade is not first and trade is not last]
    rise = (closing - opening) or 1
    spread = abs(rise) + 2
    order = sorted(
        range(len(between)),
        key=lambda place: (between[place][0] - opening) / rise + (bits[place] >> 56) / 256.0 * 2.0 / spread,
    )
    moments = sorted((word >> 16 & 0xFFFF) * 1000 >> 16 for word in bits[:count])
    path = (first, *(between[place] for place in order), last)
    return [
        Trade(first_id + number, open_time + moment, price, quantity, taker_bought)
        for number, (moment, (price, quantity, taker_bought)) in enumerate(zip(moments, path, strict=True))
    ]


def _take(buys: _Side, sells: _Side, price: int, most: int, word: int) -> tuple[int, int, bool]:
    """Trade up to `most` at `price` on the side of the lowest bit of `word`, else on the other; return the trade."""
    for side in (buys, sells) if word & 1 else (sells, buys):
        room = side.room(price)
        if room > 0:
            share = (word >> 48) / 65536.0
            # The third power makes the tail heavy; half of the room leaves some to the next.
            side.take(price, max(1, min(room // 2, int(most * share * share * share))))
            return side.trades[-1]
    raise ArithmeticError(f"expected room for a trade at {price}, was none")
