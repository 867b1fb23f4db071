"""When an exchange's "no such order" is final: pure."""

from services.portfolio.rows import StoredOrder


def seconds_until_final(stored: StoredOrder, *, our_ms: int, venue_ms: int, margin_ms: int) -> float:
    """Return how long an absence may still be followed by the order's appearance; 0 or less when it may not any more.

    A request that comes later than its receive window is refused by the exchange. The margin is for an exchange that
    shows an order with a delay. The slower of two clocks counts, ours and the exchange's, both read *before* the
    exchange was asked for the order: the request was signed with one of them.
    """
    final_ms = stored.sent_ms + stored.receive_window_ms + margin_ms
    return (final_ms - min(our_ms, venue_ms)) / 1000
