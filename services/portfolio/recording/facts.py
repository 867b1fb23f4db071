"""What an exchange has told of an account, and whose orders it concerns: pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from services.portfolio.rows import StoredOrder
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio.trades import Trade, TradeFee
from shared.exchanges.interface import AccountUpdate, AssetBalance, VenueOrder, VenueTrade


class Facts(msgspec.Struct, frozen=True):
    """States of orders, fills, and the balances of single tokens, in the order in which they were told."""

    orders: tuple[VenueOrder, ...] = ()
    trades: tuple[VenueTrade, ...] = ()
    balances: tuple[AssetBalance, ...] = ()

    def client_ids(self) -> set[str]:
        """Return the client order ids that are named."""
        return {told.client_order_id for told in self._named() if told.client_order_id is not None}

    def exchange_ids(self) -> set[tuple[str, str]]:
        """Return the exchange's ids that are named, each behind its pair."""
        return {(told.trading_pair, told.exchange_order_id) for told in self._named()}

    def _named(self) -> "tuple[VenueOrder | VenueTrade, ...]":
        return (*self.orders, *self.trades)


def together(updates: Iterable[AccountUpdate]) -> Facts:
    """Return what several updates say, in their order."""
    told = tuple(updates)
    return Facts(
        tuple(order for update in told for order in update.orders),
        tuple(trade for update in told for trade in update.trades),
        tuple(balance for update in told for balance in update.balances),
    )


class Owners:
    """Which of our orders a told order or trade is: by its client order id, or else by the exchange's."""

    def __init__(self, stored: Sequence[StoredOrder]) -> None:
        self._by_client_id = {one.order.client_order_id: one for one in stored}
        self._by_exchange_id = {
            (one.order.trading_pair, one.order.exchange_order_id): one
            for one in stored
            if one.order.exchange_order_id is not None
        }

    def of(self, told: VenueOrder | VenueTrade) -> StoredOrder | None:
        """Return our order, None for one that was not placed through here."""
        by_exchange = self._by_exchange_id.get((told.trading_pair, told.exchange_order_id))
        if by_exchange is not None:
            return by_exchange
        ours = None if told.client_order_id is None else self._by_client_id.get(told.client_order_id)
        if ours is None or (ours.order.trading_pair, ours.order.trade_type) != (told.trading_pair, told.trade_type):
            return None
        # Exchanges let a client order id be used again when its order is over: that would be somebody else's order.
        return ours if ours.order.exchange_order_id in (None, told.exchange_order_id) else None


def trade_of(key: SessionKey, ours: StoredOrder, told: VenueTrade) -> Trade:
    """Return the trade as it is stored. Its id is unique over all accounts, as an exchange's is not."""
    return Trade(
        trade_id=f"{key.account_name}:{key.connector_name}:{told.trading_pair}:{told.trade_id}",
        order_id=ours.order.client_order_id,
        account_name=key.account_name,
        connector_name=key.connector_name,
        trading_pair=told.trading_pair,
        trade_type=told.trade_type,
        amount=told.amount,
        price=told.price,
        fee_paid=Decimal(0) if told.fee is None else told.fee.amount,
        fee_currency=None if told.fee is None else told.fee.currency,
        timestamp=datetime.fromtimestamp(told.at_ms / 1000, UTC),
        further_fees=tuple(TradeFee(fee.amount, fee.currency) for fee in told.further_fees),
    )
