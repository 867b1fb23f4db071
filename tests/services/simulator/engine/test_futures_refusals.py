"""Every refusal of a futures order with Binance's code and text, and that a refusal changes nothing."""

from typing import Any

import pytest

from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.terms import PositionSide, TimeInForce
from tests.services.simulator.engine.desk import Desk, futures_desk, request


@pytest.fixture(scope="module")
def desk() -> Desk[FuturesEngine]:
    """Return a desk with mark and last price 60,000.

    Alice is long 1 BTC in one-way mode and has an open order called `taken` and a closing stop. Carol (1,000 USDT) has
    nothing. Dora is in hedge mode.
    """
    desk = futures_desk()
    desk.open("dora", USDT="100000")
    desk.engine.set_position_mode("dora", hedge=True)
    desk.sell("bob", "1", "60000")
    desk.buy("alice", "1", "60000")
    desk.sell("bob", "1", "60100")
    desk.buy("bob", "1", "59900")
    desk.buy("alice", "0.01", "59000", client_order_id="taken")
    desk.sell("alice", None, type="STOP_MARKET", stop_price="50000", close_position=True)
    return desk


def order(side: str = "BUY", quantity: str | None = "0.01", price: str | None = "59000", **more: Any) -> NewOrder:
    return request(more.pop("account", "alice"), side, quantity, price, **more)


def stop(side: str, at: str, **more: Any) -> NewOrder:
    return order(side, more.pop("quantity", "0.01"), None, type=more.pop("type", "STOP_MARKET"), stop_price=at, **more)


def lacking(parameter: str) -> str:
    return f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."


def unwanted(parameter: str) -> str:
    return f"Parameter '{parameter}' sent when not required."


PRECISION = "Precision is over the maximum defined for this asset."
MISMATCH = "Order's position side does not match user's setting."
IDS = r"Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'."

REFUSALS: list[tuple[NewOrder, int, str]] = [
    (order(symbol="SOLUSDT"), -1121, "Invalid symbol."),
    (order(type="LIMIT_MAKER"), -1116, "Invalid orderType."),
    (order(type="STOP_LOSS_LIMIT", stop_price="61000"), -1116, "Invalid orderType."),
    (order(quote_quantity="100"), -1106, unwanted("quoteOrderQty")),
    (order(time_in_force=None), -1102, lacking("timeInForce")),
    (order(price=None, time_in_force="GTC"), -1106, unwanted("timeInForce")),
    (order(quantity=None), -1102, lacking("quantity")),
    (order(price=None, type="LIMIT"), -1102, lacking("price")),
    (order(type="MARKET"), -1106, unwanted("price")),
    (order(stop_price="61000"), -1106, unwanted("stopPrice")),
    (order(price=None, type="STOP_MARKET"), -1102, lacking("stopPrice")),
    (order(price=None, type="STOP", stop_price="61000"), -1102, lacking("price")),
    (order(close_position=True), -1106, unwanted("closePosition")),
    (stop("SELL", "59000", close_position=True), -4137, "Quantity must be zero with closePosition equals true"),
    (stop("SELL", "59000", quantity=None, close_position=True, reduce_only=True), -1106, unwanted("reduceonly")),
    (order(position_side=PositionSide.LONG), -4061, MISMATCH),
    (order(account="dora"), -4061, MISMATCH),
    (order(account="dora", position_side=PositionSide.BOTH), -4061, MISMATCH),
    (order(account="dora", position_side=PositionSide.LONG, reduce_only=True), -1106, unwanted("reduceonly")),
    (order(client_order_id="a" * 37), -4015, "Client order id length should not be more than 36 chars"),
    (order(client_order_id=""), -1100, IDS),
    (order(client_order_id="a b"), -1100, IDS),
    (order(price="59000.001"), -1111, PRECISION),
    (order(price="59000.05"), -4014, "Price not increased by tick size."),
    (order(price="0"), -4001, "Price less than 0."),
    (order(price="-5"), -4001, "Price less than 0."),
    (order(price="261"), -4013, "Price less than min price."),
    (order(price="4529764.1"), -4002, "Price greater than max price."),
    (order(price="NaN"), -1111, PRECISION),
    (stop("BUY", "0"), -4006, "Stop price less than zero."),
    (stop("BUY", "4529764.1"), -4007, "Stop price greater than max price."),
    (stop("BUY", "61000.05"), -4014, "Price not increased by tick size."),
    (order(quantity="0.0101"), -1111, PRECISION),
    (order(quantity="0"), -4003, "Quantity less than or equal to zero."),
    (order(quantity="-1"), -4003, "Quantity less than or equal to zero."),
    (order(quantity="1000.001"), -4005, "Quantity greater than max quantity."),
    (order(quantity="120.001", price=None), -4005, "Quantity greater than max quantity."),
    (order(price="63000.1"), -4016, "Limit price can't be higher than 63000.0."),
    (order("SELL", price="56999.9"), -4024, "Limit price can't be lower than 57000.0."),
    (
        order(quantity="0.001"),
        -4164,
        "Order's notional must be no smaller than 100 (unless you choose reduce only).",
    ),
    (
        order(quantity="0.001", price=None),
        -4164,
        "Order's notional must be no smaller than 100 (unless you choose reduce only).",
    ),
    (order(client_order_id="taken"), -4116, "ClientOrderId is duplicated."),
    (stop("BUY", "60000"), -2021, "Order would immediately trigger."),
    (stop("SELL", "60000"), -2021, "Order would immediately trigger."),
    (stop("SELL", "60000", type="TAKE_PROFIT_MARKET"), -2021, "Order would immediately trigger."),
    (stop("BUY", "60000", type="TAKE_PROFIT_MARKET"), -2021, "Order would immediately trigger."),
    (
        stop("SELL", "49000", quantity=None, close_position=True),
        -4130,
        "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    ),
    (order("BUY", reduce_only=True), -2022, "ReduceOnly Order is rejected."),
    (order("SELL", account="carol", price="61000", reduce_only=True), -2022, "ReduceOnly Order is rejected."),
    (
        order("SELL", account="dora", price="61000", position_side=PositionSide.LONG),
        -2022,
        "ReduceOnly Order is rejected.",
    ),
    (
        order(price="60100", time_in_force=TimeInForce.GTX),
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    (
        order(quantity="1.1", price="60100", time_in_force=TimeInForce.FOK),
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    (order(account="carol", quantity="0.34"), -2019, "Margin is insufficient."),
    (order(account="carol", quantity="0.34", price=None), -2019, "Margin is insufficient."),
    (order("SELL", account="carol", quantity="0.34", price="61000"), -2019, "Margin is insufficient."),
]


@pytest.mark.parametrize(("new", "code", "message"), REFUSALS)
def test_refusals_carry_binances_code_and_text(
    desk: Desk[FuturesEngine], new: NewOrder, code: int, message: str
) -> None:
    before = desk.engine.export()
    with pytest.raises(Refusal) as refused:
        desk.engine.place(new)
    assert (refused.value.code, refused.value.message) == (code, message)
    assert desk.engine.export() == before


def test_small_orders_may_reduce() -> None:
    desk = futures_desk()
    desk.sell("bob", "1", "60000")
    desk.buy("alice", "1", "60000")
    assert desk.sell("alice", "0.001", "61000", reduce_only=True).order is not None


def test_a_market_order_needs_a_counterparty_near_the_mark_price() -> None:
    desk = futures_desk()
    desk.sell("bob", "1", "63000")
    desk.engine.set_mark_price("BTCUSDT", 599_990)
    with pytest.raises(Refusal) as refused:
        desk.buy("alice", "0.1")
    assert (refused.value.code, refused.value.message) == (
        -4131,
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    )


def test_what_an_order_would_lose_at_once_must_be_available() -> None:
    desk = futures_desk()
    desk.engine.set_leverage("carol", "BTCUSDT", 125)
    with pytest.raises(Refusal, match="-2019"):
        desk.buy("carol", "0.9", "61000")  # margin 439, loss at mark price 900
    assert desk.buy("carol", "0.9", "60000").order is not None


def test_the_number_of_open_orders_is_limited() -> None:
    desk = futures_desk()
    for _ in range(10):
        desk.engine.place(stop("BUY", "70000"))
    with pytest.raises(Refusal) as refused:
        desk.engine.place(stop("BUY", "70000"))
    assert (refused.value.code, refused.value.message) == (-4045, "Reach max stop order limit.")
    for _ in range(190):
        desk.buy("alice", "0.01", "59000")
    with pytest.raises(Refusal) as refused:
        desk.buy("alice", "0.01", "59000")
    assert (refused.value.code, refused.value.message) == (-2025, "Reach max open order limit.")


def test_without_any_price_the_price_filters_are_silent() -> None:
    desk = futures_desk(mark=None)
    assert desk.buy("alice", "0.001", "1000").order is not None


def test_a_mark_price_is_positive() -> None:
    with pytest.raises(ValueError, match="expected a positive mark price"):
        futures_desk(mark="0")
