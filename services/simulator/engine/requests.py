"""What a caller asks of an engine: a new order, as it was sent."""

from decimal import Decimal

import msgspec

from services.simulator.engine.terms import OrderType, PositionSide, SelfTrade, Side, TimeInForce, WorkingType


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to place, in decimals, None for what the caller did not send.

    Spot refuses the fields from `position_side` on; futures refuse `quote_quantity`. A `client_order_id` is made up
    when there is none.
    """

    account: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str | None = None
    self_trade: SelfTrade | None = None
    position_side: PositionSide | None = None
    reduce_only: bool | None = None
    close_position: bool = False
    working_type: WorkingType | None = None
