"""What the rows of the tables hold."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from shared.contracts.portfolio.balances import BalanceAmount
from shared.contracts.portfolio.orders import Order


class Phase(StrEnum):
    """What is certain about an order on the exchange.

    UNCONFIRMED: it may have been sent, and the exchange has not said yet whether it has it. CONFIRMED: the exchange has
    it, and it may still change. ENDED: nothing more is expected of it. PRESUMED: the same, but inferred from the
    exchange not knowing it, or refusing it; should it show the order after all, the inference was wrong.
    """

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    ENDED = "ended"
    PRESUMED = "presumed"


class StoredOrder(msgspec.Struct, frozen=True):
    """An order with what users do not see.

    Attributes:
        reported_amount, reported_price: filled and average price, as the exchange says of the order.
        traded_amount, traded_value: the sum of its recorded trades, in base and in quote units.
        sent_ms, receive_window_ms: what its request was signed with, so from when on it can arrive no more.
        request_hash: of the command that asked for it.
        epoch: of the lease that it was recorded under.
    """

    order: Order
    phase: Phase
    reported_amount: Decimal
    reported_price: Decimal | None
    traded_amount: Decimal
    traded_value: Decimal
    sent_ms: int
    receive_window_ms: int
    request_hash: bytes
    epoch: int

    @property
    def lacks_trades(self) -> bool:
        """Whether the exchange has told of more fills than there are recorded trades."""
        return self.traded_amount < self.reported_amount

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to ask of the exchange about it."""
        return self.order.status.is_final and not self.lacks_trades


class FeeTotal(msgspec.Struct, frozen=True):
    """What an order's trades have cost in one currency; None where the exchange named none."""

    amount: Decimal
    currency: str | None


class TradeTotals(msgspec.Struct, frozen=True):
    """The sum of an order's recorded trades, `value` in quote units."""

    amount: Decimal
    value: Decimal
    fees: tuple[FeeTotal, ...]


class StoredBalances(msgspec.Struct, frozen=True):
    """The balances of a session, sorted by token."""

    balances: tuple[BalanceAmount, ...]
    at: datetime
    version: int
