"""The symbols that the tests of the market look at: known ones, made-up ones and perpetuals of the simulator."""

from services.simulator.engine.symbols import Symbol, spot_symbols, usdm_symbols

SYMBOLS: tuple[Symbol, ...] = (*spot_symbols(10), *usdm_symbols(4))
#: 1 June 2025, 00:00 UTC.
JUNE = 1_748_736_000_000


def symbol(name: str, market: str = "spot") -> Symbol:
    """Return one of `SYMBOLS`."""
    return next(symbol for symbol in SYMBOLS if (symbol.name, symbol.market) == (name, market))


def shown(symbol: Symbol) -> str:
    """Return how a test names a symbol."""
    return f"{symbol.market}-{symbol.name}"
