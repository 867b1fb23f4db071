"""Looking up symbols, and what of their market several topics tell."""

from services.simulator.engine import refusal
from services.simulator.engine.symbol import Symbol
from services.simulator.engine.units import ONE
from services.simulator.market.intervals import MINUTE
from services.simulator.rest.ports import Exchange
from services.simulator.venue import Venue


def engine_symbols(exchange: Exchange, venue: Venue) -> dict[str, Symbol]:
    """Return the symbols of a venue by name, in the order in which they are listed."""
    engine = exchange.spot if venue == "spot" else exchange.usdm
    return dict(engine.symbols)


def known(exchange: Exchange, venue: Venue, name: str) -> Symbol:
    """Return the symbol of that name.

    Raises:
        Refusal: -1121 if there is none.
    """
    symbol = (exchange.spot if venue == "spot" else exchange.usdm).symbols.get(name)
    if symbol is None:
        raise refusal.invalid_symbol()
    return symbol


def average(exchange: Exchange, symbol: Symbol, now: int) -> tuple[int, int]:
    """Return what was traded in the symbol's last minutes of averaging, in quote units and base units of 10^-8.

    When nothing was, the last price stands for it.
    """
    start = now - symbol.average_minutes * MINUTE
    candle, _ = exchange.live.window(symbol, start)
    if not candle.volume:
        return exchange.spot.last_price(symbol.name) * symbol.tick_unit, ONE
    return candle.quote_volume * symbol.quote_unit, candle.volume * symbol.base_unit
