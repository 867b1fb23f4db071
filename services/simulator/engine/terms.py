"""The words of an order, as Binance writes them, and the order's terms after every rule has been applied to them."""

from enum import StrEnum

import msgspec


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """Spot has the first seven, futures LIMIT, MARKET, TAKE_PROFIT (there a limit order) and the last three."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"


class TimeInForce(StrEnum):
    """GTX is post only, on futures alone."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


#: The statuses in which an order can still trade.
OPEN_STATUSES = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


class Execution(StrEnum):
    """Why an order update was sent. TRIGGERED is our own word, as Binance's protocols tell it in different ways.

    Spot sends a triggered order as NEW again. Futures sent EXPIRED and then NEW with the order type LIMIT or MARKET;
    their algo service sends it as the status TRIGGERED. AMENDMENT: a user changed it, or it was a reduce-only order and
    shrank with its position; spot calls it REPLACED.
    """

    NEW = "NEW"
    TRIGGERED = "TRIGGERED"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    TRADE_PREVENTION = "TRADE_PREVENTION"
    AMENDMENT = "AMENDMENT"


class PositionSide(StrEnum):
    """BOTH is the one position of one-way mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class WorkingType(StrEnum):
    """Which price triggers a conditional futures order."""

    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class SelfTrade(StrEnum):
    """What happens when an order would trade with another of its own account; the taker's mode counts."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


#: What applies when an order does not say, as in Binance's `defaultSelfTradePreventionMode` for its spot pairs.
DEFAULT_SELF_TRADE = SelfTrade.EXPIRE_MAKER

_RISING = frozenset(
    {
        (OrderType.STOP_LOSS, Side.BUY),
        (OrderType.STOP_LOSS_LIMIT, Side.BUY),
        (OrderType.STOP, Side.BUY),
        (OrderType.STOP_MARKET, Side.BUY),
        (OrderType.TAKE_PROFIT, Side.SELL),
        (OrderType.TAKE_PROFIT_LIMIT, Side.SELL),
        (OrderType.TAKE_PROFIT_MARKET, Side.SELL),
    }
)


def waits_for_rise(kind: OrderType, side: Side) -> bool:
    """Return whether a conditional order triggers at or above its stop price; otherwise it does at or below."""
    return (kind, side) in _RISING


class OrderTerms(msgspec.Struct, frozen=True, gc=False):
    """What an order asks for, checked and in ints: prices in ticks (0: none), quantities in steps, quote in units.

    `quantity` is 0 while it is not known: of a `close_position` order, and of one with a `quote_quantity`.
    """

    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    quote_quantity: int = 0
    stop_price: int = 0
    client_order_id: str | None = None
    self_trade: SelfTrade = DEFAULT_SELF_TRADE
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
