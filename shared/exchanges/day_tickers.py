"""Which connectors give the tickers of all their pairs at once."""

from shared.connectors.catalogue import Connector

#: Exchanges of the catalogue that have no such answer, by ccxt's names; a test asks ccxt.
_WITHOUT = frozenset({"btcmarkets", "derive", "dydx", "grvt", "ndax"})


def has_day_tickers(connector: Connector) -> bool:
    """Return whether the tickers of all pairs of a connector can be had."""
    return connector.trades and connector.ccxt_id is not None and connector.ccxt_id not in _WITHOUT
