"""Settings that make short what takes seconds in the product, so that a test need not wait for it."""

QUICK = {
    "PORTFOLIO_LEASE_SECONDS": "1.5",
    "PORTFOLIO_RECEIVE_WINDOW_MS": "1000",
    "PORTFOLIO_ABSENCE_MARGIN_MS": "500",
    "PORTFOLIO_RECONCILE_SECONDS": "3",
}
