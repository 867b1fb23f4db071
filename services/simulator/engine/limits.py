"""A symbol's filters in the engine's units, computed once."""

from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import ONE, RATE_ONE, to_units


class Limits:
    """The bounds of prices in ticks, of quantities in steps and of notional values in quote units."""

    __slots__ = (
        "ask_down",
        "ask_up",
        "bid_down",
        "bid_up",
        "market_max_steps",
        "max_notional",
        "max_steps",
        "max_ticks",
        "min_notional",
        "min_steps",
        "min_ticks",
        "tick_unit",
    )

    def __init__(self, symbol: Symbol) -> None:
        self.tick_unit = symbol.tick_unit
        self.min_ticks, self.max_ticks = symbol.ticks(symbol.min_price), symbol.ticks(symbol.max_price)
        self.min_steps, self.max_steps = symbol.steps(symbol.min_qty), symbol.steps(symbol.max_qty)
        self.market_max_steps = symbol.steps(symbol.market_max_qty)
        self.min_notional, self.max_notional = to_units(symbol.min_notional), to_units(symbol.max_notional)
        self.bid_up, self.bid_down = to_units(symbol.bid_multiplier_up), to_units(symbol.bid_multiplier_down)
        self.ask_up, self.ask_down = to_units(symbol.ask_multiplier_up), to_units(symbol.ask_multiplier_down)

    def within_percent(self, ticks: int, reference: tuple[int, int], *, is_buy: bool) -> bool:
        """Return whether a price is within the multipliers of a reference price, given as quote over base units."""
        quote, base = reference
        price = ticks * self.tick_unit * base * RATE_ONE
        one = quote * ONE
        if is_buy:
            return self.bid_down * one <= price <= self.bid_up * one
        return self.ask_down * one <= price <= self.ask_up * one
