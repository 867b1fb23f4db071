"""Pages of orders and trades as they are sent: rows that are encoded already, as many as fit into one message."""

from collections.abc import Iterable

import msgspec

#: What the rows of a page may take as JSON, in bytes: three quarters of what NATS takes by default in one message.
PAGE_BYTES = 768 * 1024


class EncodedOrders(msgspec.Struct, frozen=True):
    """An `OrderPage` with its orders as JSON."""

    orders: tuple[msgspec.Raw, ...]
    total: int
    next_cursor: str | None


class EncodedTrades(msgspec.Struct, frozen=True):
    """A `TradePage` with its trades as JSON."""

    trades: tuple[msgspec.Raw, ...]
    total: int
    next_cursor: str | None


def fitting(rows: Iterable[bytes | msgspec.Raw], limit: int) -> tuple[msgspec.Raw, ...]:
    """Return the first `limit` of `rows`, or fewer where they would be too large for a message; at least one."""
    taken: list[msgspec.Raw] = []
    size = 0
    for row in rows:
        raw = row if isinstance(row, msgspec.Raw) else msgspec.Raw(row)
        size += len(memoryview(raw)) + 1
        if len(taken) == limit or (taken and size > PAGE_BYTES):
            break
        taken.append(raw)
    return tuple(taken)
