"""Trading rules and order types. Rules are exact decimals, text on the wire."""

from decimal import Decimal

import msgspec

from shared.contracts.declaration import Command
from shared.contracts.marketdata.fields import OF_A_CONNECTOR, SERVICE, MarketRef, Pairs
from shared.contracts.portfolio.orders import OrderType
from shared.names import Name


class RulesFilter(msgspec.Struct, frozen=True):
    """The trading rules of a connector; of these pairs, or of all."""

    connector_name: Name
    trading_pairs: Pairs | None = None


class TradingRule(msgspec.Struct, frozen=True):
    """What orders of a pair must keep to. Sizes in base units, prices and notional values in quote units.

    A value of zero means that there is no such rule; `max_order_size` is None where there is no bound.
    """

    min_order_size: Decimal
    max_order_size: Decimal | None
    min_price_increment: Decimal
    min_base_amount_increment: Decimal
    min_quote_amount_increment: Decimal
    min_notional_size: Decimal
    min_order_value: Decimal
    max_price_significant_digits: Decimal
    supports_limit_orders: bool
    supports_market_orders: bool
    buy_order_collateral_token: str | None
    sell_order_collateral_token: str | None


class OrderTypes(msgspec.Struct, frozen=True):
    """The order types that a connector takes."""

    connector: str
    supported_order_types: tuple[OrderType, ...]


LIST_RULES = Command(
    SERVICE, "rule", "list", RulesFilter, dict[str, TradingRule],
    "Give the trading rules of a connector's pairs; unknown pairs are left out.",
    errors=OF_A_CONNECTOR, timeout=15.0, streams=True,
)  # fmt: skip
LIST_ORDER_TYPES = Command(
    SERVICE, "order_type", "list", MarketRef, OrderTypes, "List the order types that a connector takes.",
    errors=OF_A_CONNECTOR,
)  # fmt: skip

COMMANDS = (LIST_RULES, LIST_ORDER_TYPES)
