"""An order while it lives: the mutable state that the book, the triggers and the ledgers share.

Outside the engine only `OrderRow`s are seen.
"""

from typing import NamedTuple

from services.simulator.engine.events import OrderRow
from services.simulator.engine.terms import OrderStatus, OrderTerms, OrderType, SelfTrade

#: Above every price in ticks: how far a market buy may go.
NO_LIMIT = 1 << 62


class Account:
    """What every account has, whatever it trades.

    Attributes:
        name: its id.
        unbounded: a synthetic participant: no balance is checked or locked, no update is told.
        open: its open orders by symbol and client order id.
    """

    __slots__ = ("name", "open", "unbounded")

    def __init__(self, name: str, unbounded: bool) -> None:
        self.name = name
        self.unbounded = unbounded
        self.open: dict[str, dict[str, Order]] = {}


class Order:
    """An accepted order. The terms' fields are copied, because some change and all are read often.

    Attributes:
        remaining: steps that can still trade; quantity = executed + remaining + prevented while the order is open.
        limit_key: the lowest key (see `book.Ladder`) of the opposite side that it may trade with.
        priority: its place among the orders of its price level; 0 before it was on the book.
        row: the row of the last update that was told.
    """

    __slots__ = (
        "account",
        "amendments",
        "client_order_id",
        "close_position",
        "created",
        "cumulative_quote",
        "executed",
        "id",
        "is_buy",
        "limit_key",
        "original_type",
        "position_side",
        "prevented",
        "price",
        "priority",
        "quantity",
        "quote_quantity",
        "reduce_only",
        "remaining",
        "row",
        "self_trade",
        "side",
        "status",
        "stop_price",
        "symbol",
        "time_in_force",
        "type",
        "updated",
        "working",
        "working_time",
        "working_type",
    )

    account: Account
    row: OrderRow | None

    def __init__(self, account: Account, symbol: str, order_id: int, terms: OrderTerms, now: int) -> None:
        self.account = account
        self.symbol = symbol
        self.id = order_id
        # A caller may use ids of this form as well: the duplicate rule holds for both.
        self.client_order_id = terms.client_order_id or ("" if account.unbounded else f"simulator{order_id:013d}")
        self.side = terms.side
        self.is_buy = terms.side is terms.side.BUY
        self.type = self.original_type = terms.type
        self.time_in_force = terms.time_in_force
        self.price = terms.price
        self.quantity = self.remaining = terms.quantity
        self.quote_quantity = terms.quote_quantity
        self.stop_price = terms.stop_price
        self.status = OrderStatus.NEW
        self.executed = 0
        self.cumulative_quote = 0
        self.prevented = 0
        self.created = self.updated = now
        self.working = False
        self.working_time = 0
        self.priority = 0
        self.self_trade = SelfTrade.NONE if account.unbounded else terms.self_trade
        self.position_side = terms.position_side
        self.reduce_only = terms.reduce_only
        self.close_position = terms.close_position
        self.working_type = terms.working_type
        self.amendments = 0
        self.row = None
        self.limit_key = -(terms.price or NO_LIMIT) if self.is_buy else terms.price

    @property
    def rests(self) -> bool:
        """Whether what does not trade at once stays on the book."""
        return bool(self.price) and self.time_in_force in {"GTC", "GTX"}

    @property
    def post_only(self) -> bool:
        """Whether it may never take."""
        return self.type is OrderType.LIMIT_MAKER or self.time_in_force == "GTX"

    def resize(self, size: "Size") -> None:
        """Give it another price and quantity, of which something must be left. It must not be on the book."""
        self.price, self.quantity = size
        self.remaining = self.quantity - self.executed - self.prevented
        self.limit_key = -self.price if self.is_buy else self.price

    def snapshot(self) -> OrderRow:
        """Return the order as it stands, and keep that as `row`."""
        self.row = row = OrderRow(
            self.account.name,
            self.symbol,
            self.id,
            self.client_order_id,
            self.side,
            self.type,
            self.original_type,
            self.time_in_force,
            self.price,
            self.quantity,
            self.quote_quantity,
            self.stop_price,
            self.status,
            self.executed,
            self.cumulative_quote,
            self.prevented,
            self.created,
            self.updated,
            self.working,
            self.working_time,
            self.priority,
            self.self_trade,
            self.position_side,
            self.reduce_only,
            self.close_position,
            self.working_type,
            self.amendments,
        )
        return row


class Size(NamedTuple):
    """A price in ticks and a quantity in steps: what an amendment changes of an order."""

    price: int
    quantity: int


def terms_of(row: OrderRow) -> OrderTerms:
    """Return the terms of a stored order."""
    return OrderTerms(
        side=row.side,
        type=row.original_type,
        time_in_force=row.time_in_force,
        price=row.price,
        quantity=row.quantity,
        quote_quantity=row.quote_quantity,
        stop_price=row.stop_price,
        client_order_id=row.client_order_id,
        self_trade=row.self_trade,
        position_side=row.position_side,
        reduce_only=row.reduce_only,
        close_position=row.close_position,
        working_type=row.working_type,
    )


def restore_progress(order: Order, row: OrderRow) -> None:
    """Bring `order`, made from the terms of `row`, to the state that `row` says."""
    order.type = row.type
    order.status = row.status
    order.executed = row.executed
    order.cumulative_quote = row.cumulative_quote
    order.prevented = row.prevented
    order.remaining = row.quantity - row.executed - row.prevented
    order.created, order.updated = row.created, row.updated
    order.working, order.working_time = row.working, row.working_time
    order.priority = row.priority
    order.amendments = row.amendments
    order.row = row
