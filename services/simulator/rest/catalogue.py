"""All routes of the REST API."""

from services.simulator.rest import listen_keys
from services.simulator.rest.routing import Route
from services.simulator.rest.spot import accounts, books_and_trades, general, order_queries, orders, tickers, wallet

ROUTES: tuple[Route, ...] = (
    *general.ROUTES,
    *books_and_trades.ROUTES,
    *tickers.ROUTES,
    *orders.ROUTES,
    *order_queries.ROUTES,
    *accounts.ROUTES,
    *listen_keys.ROUTES,
    *wallet.ROUTES,
)
