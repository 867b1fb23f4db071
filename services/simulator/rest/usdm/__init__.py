"""The USD-M futures exchange's REST API, /fapi, a module for each topic."""

from services.simulator.rest.routing import Route
from services.simulator.rest.usdm import (
    account_settings,
    accounts,
    algo_orders,
    books_and_trades,
    candles,
    general,
    order_queries,
    orders,
    tickers,
)

ROUTES: tuple[Route, ...] = (
    *general.ROUTES,
    *books_and_trades.ROUTES,
    *candles.ROUTES,
    *tickers.ROUTES,
    *orders.ROUTES,
    *order_queries.ROUTES,
    *algo_orders.ROUTES,
    *accounts.ROUTES,
    *account_settings.ROUTES,
)
