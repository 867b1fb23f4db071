"""Which connectors rates can come from: one rule for settings, for changes, and for what is stored."""

from shared.connectors.catalogue import CONNECTORS, ConnectorKind
from shared.exchanges.day_tickers import has_day_tickers

#: Spot markets that give the tickers of all their pairs. Perpetuals have few pairs, and testnets invented prices.
SOURCES = tuple(
    name
    for name, connector in CONNECTORS.items()
    if connector.kind is ConnectorKind.SPOT and not connector.testnet and has_day_tickers(connector)
)


def why_no_source(name: str) -> str | None:
    """Return why rates cannot come from a connector, in words for users; None if they can."""
    return None if name in SOURCES else f"Rates cannot come from '{name}'; sources are {', '.join(SOURCES)}"
