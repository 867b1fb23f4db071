"""What callers may write of orders and trades: place one, look for them."""

from decimal import Decimal

import msgspec

from services.gateway_api.inputs import fields, schema
from services.gateway_api.inputs.fields import DEFAULT_PAGE_LENGTH, E, Listed, PageLength, UnixTime
from services.gateway_api.inputs.portfolio import WHOSE, accounts_of, connectors_of
from shared.contracts.portfolio.fields import CLIENT_ORDER_ID_PATTERN, ClientOrderId
from shared.contracts.portfolio.orders import (
    OrderFilter,
    OrderPlace,
    OrderSearch,
    OrderStatus,
    OrderType,
    PositionAction,
    TradeType,
)
from shared.contracts.portfolio.trades import TradeSearch
from shared.names import Name

#: The Hummingbot API writes CANCELLED, some of its clients CANCELED.
_OTHER_SPELLINGS = {"CANCELED": OrderStatus.CANCELLED}

_WHICH = {**WHOSE, "trading_pairs": schema.pair_list("Only these pairs. A list, or one text with commas.")}
_WHEN = {
    "start_time": schema.time("Not before this time, in Unix seconds or milliseconds."),
    "end_time": schema.time("Not after this time, in Unix seconds or milliseconds."),
}

PLACE_SCHEMA = schema.body_schema(
    {
        "account_name": schema.name("The account that trades."),
        "connector_name": schema.name("The connector that it trades on."),
        "trading_pair": schema.pair(),
        "trade_type": schema.choice(TradeType, "The side.", optional=False),
        "amount": schema.amount("In base units. A number, or the same as text; it is read exactly, not as a double."),
        "order_type": schema.choice(OrderType, "LIMIT when left out."),
        "price": schema.amount("In quote units; needed for LIMIT and LIMIT_MAKER.", optional=True),
        "position_action": schema.choice(PositionAction, "OPEN when left out. Without a meaning on spot."),
        "client_order_id": schema.optional_text(
            CLIENT_ORDER_ID_PATTERN,
            "An id of your own. It is the idempotency key: the same id with the same content gives the first outcome,"
            " with other content 409.",
        ),
    },
    required=("account_name", "connector_name", "trading_pair", "trade_type", "amount"),
)
ACTIVE_SCHEMA = schema.body_schema({**_WHICH, **schema.page()})
SEARCH_SCHEMA = schema.body_schema(
    {
        **_WHICH,
        "status": schema.choice([*OrderStatus, *_OTHER_SPELLINGS], "Only orders in this state."),
        **_WHEN,
        **schema.page(),
    }
)
TRADES_SCHEMA = schema.body_schema(
    {**_WHICH, "trade_types": schema.choices(TradeType, "Only these sides."), **_WHEN, **schema.page()}
)


class PlaceBody(msgspec.Struct, frozen=True):
    """An order, as callers write it."""

    account_name: Name
    connector_name: Name
    trading_pair: str
    trade_type: str
    amount: Decimal
    order_type: str | None = None
    price: Decimal | None = None
    position_action: str | None = None
    client_order_id: ClientOrderId | None = None

    def command(self, client_order_id: str) -> OrderPlace:
        """Return the order to be placed under `client_order_id`.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return OrderPlace(
            self.account_name,
            self.connector_name,
            fields.pair(self.trading_pair, "trading_pair"),
            fields.folded(TradeType, self.trade_type, "trade_type"),
            fields.positive(self.amount, "amount"),
            client_order_id,
            _or(OrderType.LIMIT, self.order_type, "order_type"),
            None if self.price is None else fields.positive(self.price, "price"),
            _or(PositionAction.OPEN, self.position_action, "position_action"),
        )


class ActiveBody(msgspec.Struct, frozen=True):
    """Which active orders, as callers write it."""

    account_names: Listed = None
    connector_names: Listed = None
    connectors: Listed = None
    trading_pairs: Listed = None
    limit: PageLength = None
    cursor: str | None = None

    def command(self) -> OrderFilter:
        """Return what the portfolio is asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return OrderFilter(
            accounts_of(self.account_names),
            connectors_of(self.connector_names, self.connectors),
            fields.pairs(self.trading_pairs, "trading_pairs"),
            fields.whole(self.limit, DEFAULT_PAGE_LENGTH, "limit"),
            fields.cursor(self.cursor),
        )


class SearchBody(msgspec.Struct, frozen=True):
    """Which stored orders, as callers write it."""

    account_names: Listed = None
    connector_names: Listed = None
    connectors: Listed = None
    trading_pairs: Listed = None
    status: str | None = None
    start_time: UnixTime = None
    end_time: UnixTime = None
    limit: PageLength = None
    cursor: str | None = None

    def command(self) -> OrderSearch:
        """Return what the portfolio is asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return OrderSearch(
            accounts_of(self.account_names),
            connectors_of(self.connector_names, self.connectors),
            fields.pairs(self.trading_pairs, "trading_pairs"),
            _status(self.status),
            fields.time_of(self.start_time, "start_time"),
            fields.time_of(self.end_time, "end_time"),
            fields.whole(self.limit, DEFAULT_PAGE_LENGTH, "limit"),
            fields.cursor(self.cursor),
        )


class TradesBody(msgspec.Struct, frozen=True):
    """Which trades, as callers write it."""

    account_names: Listed = None
    connector_names: Listed = None
    connectors: Listed = None
    trading_pairs: Listed = None
    trade_types: Listed = None
    start_time: UnixTime = None
    end_time: UnixTime = None
    limit: PageLength = None
    cursor: str | None = None

    def command(self) -> TradeSearch:
        """Return what the portfolio is asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return TradeSearch(
            accounts_of(self.account_names),
            connectors_of(self.connector_names, self.connectors),
            fields.pairs(self.trading_pairs, "trading_pairs"),
            fields.folded_each(TradeType, self.trade_types, "trade_types"),
            fields.time_of(self.start_time, "start_time"),
            fields.time_of(self.end_time, "end_time"),
            fields.whole(self.limit, DEFAULT_PAGE_LENGTH, "limit"),
            fields.cursor(self.cursor),
        )


def _or(default: E, text: str | None, name: str) -> E:
    return default if text is None else fields.folded(type(default), text, name)


def _status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    return _OTHER_SPELLINGS.get(text.upper()) or fields.folded(OrderStatus, text, "status")
