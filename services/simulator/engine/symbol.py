"""What a symbol is: the pair, its filters as Binance gives them in `exchangeInfo`, and the conversions they imply."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from services.simulator.engine.units import ONE, to_units

Market = Literal["spot", "usdm"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One pair or perpetual contract, e.g. `BTCUSDT`, and its filters. Prices in quote, quantities in base asset.

    The decimals are what `exchangeInfo` says; the ints at the end are the same in the engine's units (see `units`).
    `reference_price` is the price that the filters were made for: a market's synthetic past may start there.
    Fees are rates (0.001 is 0.1 %). A price multiplier applies to the average price of the last `average_minutes`
    (spot, PERCENT_PRICE_BY_SIDE) or to the mark price (futures, PERCENT_PRICE).

    Raises:
        ValueError: if tick and step don't make whole units of the quote asset, or a filter does not fit tick or step.
    """

    name: str
    base: str
    quote: str
    market: Market
    tick_size: Decimal
    step_size: Decimal
    min_price: Decimal
    max_price: Decimal
    min_qty: Decimal
    max_qty: Decimal
    market_max_qty: Decimal
    min_notional: Decimal
    reference_price: Decimal
    price_precision: int
    quantity_precision: int
    maker_fee: Decimal
    taker_fee: Decimal
    bid_multiplier_up: Decimal = Decimal("5")
    bid_multiplier_down: Decimal = Decimal("0.2")
    ask_multiplier_up: Decimal = Decimal("5")
    ask_multiplier_down: Decimal = Decimal("0.2")
    average_minutes: int = 5
    max_notional: Decimal = Decimal(9_000_000)
    max_num_orders: int = 200
    max_num_algo_orders: int = 5
    max_leverage: int = 1
    maintenance_rate: Decimal = Decimal(0)

    #: Units of quote asset that one step costs at a price of one tick.
    quote_unit: int = field(init=False, repr=False)
    #: Units of base asset in one step.
    base_unit: int = field(init=False, repr=False)
    #: Units of quote asset in one tick.
    tick_unit: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tick, step = to_units(self.tick_size), to_units(self.step_size)
        quote_unit, rest = divmod(tick * step, ONE)
        if rest or not quote_unit:
            raise ValueError(f"expected tick times step in whole 10^-8 of {self.quote}, was {tick * step}e-16")
        for price in (self.min_price, self.max_price, self.reference_price):
            if to_units(price) % tick:
                raise ValueError(f"expected multiples of the tick {self.tick_size} for {self.name}, was {price}")
        for quantity in (self.min_qty, self.max_qty, self.market_max_qty):
            if to_units(quantity) % step:
                raise ValueError(f"expected multiples of the step {self.step_size} for {self.name}, was {quantity}")
        object.__setattr__(self, "quote_unit", quote_unit)
        object.__setattr__(self, "base_unit", step)
        object.__setattr__(self, "tick_unit", tick)

    def ticks(self, price: Decimal) -> int:
        """Return `price` in ticks.

        Raises:
            ValueError: if it is no multiple of the tick.
        """
        ticks, rest = divmod(to_units(price), self.tick_unit)
        if rest:
            raise ValueError(f"expected a multiple of the tick {self.tick_size}, was {price}")
        return ticks

    def steps(self, quantity: Decimal) -> int:
        """Return `quantity` in steps.

        Raises:
            ValueError: if it is no multiple of the step.
        """
        steps, rest = divmod(to_units(quantity), self.base_unit)
        if rest:
            raise ValueError(f"expected a multiple of the step {self.step_size}, was {quantity}")
        return steps

    def price(self, ticks: int) -> Decimal:
        """Return the price of `ticks`, with as many decimals as the tick size."""
        return self.tick_size * ticks

    def quantity(self, steps: int) -> Decimal:
        """Return the quantity of `steps`, with as many decimals as the step size."""
        return self.step_size * steps
