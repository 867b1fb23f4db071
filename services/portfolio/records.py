"""What the rows of the tables stand for: the orders, trades, balances and sessions of the contract."""

from typing import Any, Protocol

import msgspec

from shared.contracts.portfolio.balances import BalanceAmount, BalancesChanged
from shared.contracts.portfolio.orders import Order, OrderStatus, OrderType, PositionAction, TradeType
from shared.contracts.portfolio.sessions import Session, SessionState
from shared.contracts.portfolio.trades import Trade, TradeFee

#: The columns that `order_of` reads.
ORDER_COLUMNS = (
    "client_order_id, account_name, connector_name, trading_pair, trade_type, order_type, position_action, amount,"
    " price, status, filled_amount, average_fill_price, fee_paid, fee_currency, exchange_order_id, error_message,"
    " created_at, updated_at, version"
)
#: The columns that `trade_of` reads.
TRADE_COLUMNS = (
    "trade_id, order_id, account_name, connector_name, trading_pair, trade_type, amount, price, fee_paid,"
    " fee_currency, at, further_fees"
)
#: The columns that `balances_of` reads.
BALANCES_COLUMNS = "account_name, connector_name, balances, at, version"
#: The columns that `session_of` reads.
SESSION_COLUMNS = "account_name, connector_name, state, since, reason, version, silent_since"


class Row(Protocol):
    """A row of a query, by the names of its columns."""

    def __getitem__(self, column: str, /) -> Any: ...


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode_fees = msgspec.json.Decoder(tuple[TradeFee, ...]).decode
_decode_balances = msgspec.json.Decoder(tuple[BalanceAmount, ...]).decode


def order_of(row: Row) -> Order:
    """Return the order that a row of `ORDER_COLUMNS` holds."""
    return Order(
        client_order_id=row["client_order_id"],
        account_name=row["account_name"],
        connector_name=row["connector_name"],
        trading_pair=row["trading_pair"],
        trade_type=TradeType(row["trade_type"]),
        order_type=OrderType(row["order_type"]),
        position_action=PositionAction(row["position_action"]),
        amount=row["amount"],
        price=row["price"],
        status=OrderStatus(row["status"]),
        filled_amount=row["filled_amount"],
        average_fill_price=row["average_fill_price"],
        fee_paid=row["fee_paid"],
        fee_currency=row["fee_currency"],
        exchange_order_id=row["exchange_order_id"],
        error_message=row["error_message"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def trade_of(row: Row) -> Trade:
    """Return the trade that a row of `TRADE_COLUMNS` holds."""
    return Trade(
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        account_name=row["account_name"],
        connector_name=row["connector_name"],
        trading_pair=row["trading_pair"],
        trade_type=TradeType(row["trade_type"]),
        amount=row["amount"],
        price=row["price"],
        fee_paid=row["fee_paid"],
        fee_currency=row["fee_currency"],
        timestamp=row["at"],
        further_fees=() if row["further_fees"] is None else _decode_fees(row["further_fees"]),
    )


def encode_fees(fees: tuple[TradeFee, ...]) -> str | None:
    """Return the column `further_fees` of a trade, which few have."""
    return _encode(fees).decode() if fees else None


def balances_of(row: Row) -> BalancesChanged:
    """Return the balances that a row of `BALANCES_COLUMNS` holds."""
    return BalancesChanged(
        account_name=row["account_name"],
        connector_name=row["connector_name"],
        balances=_decode_balances(row["balances"]),
        at=row["at"],
        version=row["version"],
    )


def session_of(row: Row) -> Session:
    """Return the session that a row of `SESSION_COLUMNS` holds."""
    return Session(
        account_name=row["account_name"],
        connector_name=row["connector_name"],
        state=SessionState(row["state"]),
        since=row["since"],
        reason=row["reason"],
        version=row["version"],
        silent_since=row["silent_since"],
    )
