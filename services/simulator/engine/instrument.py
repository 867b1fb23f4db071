"""One symbol while it trades: its book, the orders that wait for a price, its last prices and ids."""

from typing import Generic

from services.simulator.engine.average_price import AveragePrice
from services.simulator.engine.book import O, OrderBook
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.triggers import Triggers
from services.simulator.engine.units import ONE, to_units


class Instrument(Generic[O]):
    """The state of one symbol. Prices are in ticks, 0 while there is none.

    Attributes:
        low, high: the range of the trades since triggers were last looked at.
        mark: the mark price (futures).
        maker_rate, taker_rate: fees in rates of 10^-8.
    """

    __slots__ = (
        "_aggregate",
        "average",
        "base_unit",
        "book",
        "funding_time",
        "high",
        "last_aggregate_id",
        "last_price",
        "last_trade_id",
        "low",
        "maintenance_rate",
        "maker_rate",
        "mark",
        "mark_triggers",
        "quote_unit",
        "symbol",
        "taker_rate",
        "triggers",
    )

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.book: OrderBook[O] = OrderBook(symbol.name)
        self.triggers: Triggers[O] = Triggers()
        self.mark_triggers: Triggers[O] = Triggers()
        self.average = AveragePrice(symbol.average_minutes)
        self.quote_unit = symbol.quote_unit
        self.base_unit = symbol.base_unit
        self.maker_rate = to_units(symbol.maker_fee)
        self.taker_rate = to_units(symbol.taker_fee)
        self.maintenance_rate = to_units(symbol.maintenance_rate)
        self.last_price = self.low = self.high = 0
        self.mark = 0
        self.last_trade_id = 0
        self.last_aggregate_id = 0
        self.funding_time = 0
        self._aggregate = (0, 0)  # order id of the taker and price of the last trade

    def average_ratio(self, now: int) -> tuple[int, int] | None:
        """Return the average price as quote units over base units, the last price when nothing traded lately."""
        ratio = self.average.ratio(now)
        if ratio is None and self.last_price:
            return self.last_price * self.symbol.tick_unit, ONE
        return ratio

    def wait(self, order: O) -> None:
        """Let a conditional `order` wait for the price that it says."""
        on_mark = order.working_type is order.working_type.MARK_PRICE
        (self.mark_triggers if on_mark else self.triggers).add(order)

    def record_trade(self, taker_id: int, price: int, quote: int, base: int, now: int) -> None:
        """Note a trade: its ids become `last_trade_id` and `last_aggregate_id`."""
        self.last_trade_id += 1
        if self._aggregate != (taker_id, price):
            self._aggregate = (taker_id, price)
            self.last_aggregate_id += 1
        self.last_price = price
        self.high = max(self.high, price)
        if price < self.low or not self.low:
            self.low = price
        self.average.add(now, quote, base)
