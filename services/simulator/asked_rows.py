"""Which rows of an account's past are asked for: orders, fills, incomes."""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows are meant: by time (ms, both ends count) and id. With a start the first `limit`, else the last."""

    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    @property
    def forward(self) -> bool:
        """Whether the first rows of the range are meant, and not the last."""
        return self.from_id is not None or self.start_ms is not None


class Orders(Enum):
    """Which orders: all, those that work or have worked, or those that have or had to wait for a trigger."""

    ALL = auto()
    WORKING = auto()
    CONDITIONAL = auto()


@dataclass(frozen=True, slots=True)
class SoughtOrder:
    """Which order is meant, of an account: by its id, which a client order id then must fit, or by that alone.

    Of several the newest is meant; without a symbol it may be on any.
    """

    symbol: str | None
    order_id: int | None
    client_order_id: str | None
    kind: Orders = Orders.ALL
