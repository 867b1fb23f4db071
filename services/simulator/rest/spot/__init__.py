"""The spot exchange's REST API, /api/v3 and what goes with it, a module for each topic."""

from services.simulator.rest.routing import Route
from services.simulator.rest.spot import (
    accounts,
    books_and_trades,
    general,
    order_changes,
    order_queries,
    orders,
    tickers,
    wallet,
)

ROUTES: tuple[Route, ...] = (
    *general.ROUTES,
    *books_and_trades.ROUTES,
    *tickers.ROUTES,
    *orders.ROUTES,
    *order_changes.ROUTES,
    *order_queries.ROUTES,
    *accounts.ROUTES,
    *wallet.ROUTES,
)
