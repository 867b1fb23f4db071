"""Which exchanges refuse a request that comes later than its window, and take our time and window with it.

- binance: `timestamp` and `recvWindow`, of spot and USD-M futures ("Timing security" of its spot documentation).
- bybit: the headers `X-BAPI-TIMESTAMP` and `X-BAPI-RECV-WINDOW` ("Integration Guidance" of its v5 documentation).
- mexc: `timestamp` and `recvWindow`, spot only ("Time security" of its spot v3 documentation).

Of the others some check how old a request is, but by a window of their own that nobody can choose.
"""

_WINDOWED = frozenset({"binance", "bybit", "mexc"})


def has_receive_window(ccxt_id: str) -> bool:
    """Return whether an exchange keeps to the receive window of an order request."""
    return ccxt_id in _WINDOWED
