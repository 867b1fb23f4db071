"""Which connectors give all their tickers at once: our list against ccxt's own word."""

import ccxt.async_support
import pytest

from shared.connectors.catalogue import CONNECTORS, Connector
from shared.exchanges.day_tickers import has_day_tickers

REACHED = [connector for connector in CONNECTORS.values() if connector.trades and connector.ccxt_id is not None]


@pytest.mark.parametrize("connector", REACHED, ids=lambda connector: connector.name)
def test_the_list_is_ccxts(connector: Connector) -> None:
    exchange = getattr(ccxt.async_support, str(connector.ccxt_id))()
    assert has_day_tickers(connector) is bool(exchange.has["fetchTickers"])


def test_what_cannot_be_reached_has_none() -> None:
    assert not any(has_day_tickers(connector) for connector in CONNECTORS.values() if connector.ccxt_id is None)
