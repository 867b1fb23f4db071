"""Every refusal of a spot order with Binance's code and text, and that a refusal changes nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from services.simulator.engine.refusal import Refusal
from services.simulator.engine.requests import NewOrder
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.terms import PositionSide, Side, TimeInForce, WorkingType
from tests.services.simulator.engine.desk import SYMBOL, Desk, amount, request, spot_desk

LEGAL = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"


@pytest.fixture(scope="module")
def desk() -> Desk[SpotEngine]:
    """Return a desk with a book around 60,000, a last price of 60,000 and an open order of alice called `taken`."""
    desk = spot_desk()
    desk.sell("bob", "1", "60100")
    desk.buy("bob", "1", "59900")
    desk.sell("bob", "0.01", "60000")
    desk.buy("alice", "0.01", "60000")
    desk.buy("alice", "0.01", "50000", client_order_id="taken")
    return desk


def order(side: str = "BUY", quantity: str | None = "0.01", price: str | None = "50000", **more: Any) -> NewOrder:
    return request("alice", side, quantity, price, **more)


def lacking(parameter: str) -> str:
    return f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."


def unwanted(parameter: str) -> str:
    return f"Parameter '{parameter}' sent when not required."


REFUSALS: list[tuple[NewOrder, int, str]] = [
    (order(symbol="NONSENSE"), -1121, "Invalid symbol."),
    (order(time_in_force=None), -1102, lacking("timeInForce")),
    (order(quantity=None), -1102, lacking("quantity")),
    (order(price=None, type="LIMIT"), -1102, lacking("price")),
    (order(price=None, type="STOP_LOSS"), -1102, lacking("stopPrice")),
    (order(type="TAKE_PROFIT_LIMIT"), -1102, lacking("stopPrice")),
    (order(type="LIMIT_MAKER", time_in_force="GTC"), -1106, unwanted("timeInForce")),
    (order(type="MARKET"), -1106, unwanted("price")),
    (order(price=None, time_in_force="IOC"), -1106, unwanted("timeInForce")),
    (order(stop_price="60000"), -1106, unwanted("stopPrice")),
    (order(quote_quantity="100"), -1106, unwanted("quoteOrderQty")),
    (order(type="STOP_LOSS", stop_price="61000"), -1106, unwanted("price")),
    (order(position_side=PositionSide.LONG), -1106, unwanted("positionSide")),
    (order(reduce_only=False), -1106, unwanted("reduceOnly")),
    (order(working_type=WorkingType.MARK_PRICE), -1106, unwanted("workingType")),
    (order(close_position=True), -1106, unwanted("closePosition")),
    (
        order(quantity=None, price=None),
        -1102,
        "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
    ),
    (order(price=None, quote_quantity="100"), -1128, "Combination of optional parameters invalid."),
    (order(time_in_force=TimeInForce.GTX), -1115, "Invalid timeInForce."),
    (order(type="STOP_MARKET", price=None, stop_price="61000"), -1116, "Invalid orderType."),
    (order(type="TAKE_PROFIT_MARKET", price=None, stop_price="61000"), -1116, "Invalid orderType."),
    *[
        (
            order(client_order_id=bad),
            -1100,
            f"Illegal characters found in parameter 'newClientOrderId'; legal range is '{LEGAL}'.",
        )
        for bad in ("", "a" * 37, "white space", "ümlaut", "new\nline", "trailing\n", "semi;colon", "a#b")
    ],
    (order(price="50000.000000001"), -1111, "Parameter 'price' has too much precision."),
    (order(quantity="0.010000001"), -1111, "Parameter 'quantity' has too much precision."),
    (
        order(price=None, quantity=None, quote_quantity="1e-9"),
        -1111,
        "Parameter 'quoteOrderQty' has too much precision.",
    ),
    (order(price="NaN"), -1111, "Parameter 'price' has too much precision."),
    (order(quantity="Infinity"), -1111, "Parameter 'quantity' has too much precision."),
    (order(quantity="1e999999"), -1111, "Parameter 'quantity' has too much precision."),
    (order(price="0"), -1013, "Invalid price."),
    (order(price="-1"), -1013, "Invalid price."),
    (order(quantity="0"), -1013, "Invalid quantity."),
    (order(quantity="-0.01"), -1013, "Invalid quantity."),
    (order(price=None, quantity=None, quote_quantity="0"), -1013, "Invalid quoteOrderQty."),
    (order(price=None, type="STOP_LOSS", stop_price="0"), -1013, "Invalid stopPrice."),
    (order(price="50000.001"), -1013, "Filter failure: PRICE_FILTER"),
    (order(price="1000000.01"), -1013, "Filter failure: PRICE_FILTER"),
    (order(price=None, type="STOP_LOSS", stop_price="61000.001"), -1013, "Filter failure: PRICE_FILTER"),
    (order(quantity="0.000015"), -1013, "Filter failure: LOT_SIZE"),
    (order(quantity="9000.00001"), -1013, "Filter failure: LOT_SIZE"),
    (order(price=None, quantity="120.00001"), -1013, "Filter failure: MARKET_LOT_SIZE"),
    (order(price="300000.01"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (order(price="11999.99"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (order(side="SELL", price="300000.01"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (order(side="SELL", price="11999.99"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (order(quantity="0.00009"), -1013, "Filter failure: NOTIONAL"),
    (order(quantity="200"), -1013, "Filter failure: NOTIONAL"),
    (order(price=None, quantity="0.00008"), -1013, "Filter failure: NOTIONAL"),
    (order(price=None, quantity=None, quote_quantity="4.99"), -1013, "Filter failure: NOTIONAL"),
    (order(client_order_id="taken"), -2010, "Duplicate order sent."),
    (order(price=None, type="STOP_LOSS", stop_price="60000"), -2010, "Order would trigger immediately."),
    (order(price=None, type="STOP_LOSS", stop_price="59999"), -2010, "Order would trigger immediately."),
    (order(side="SELL", price=None, type="TAKE_PROFIT", stop_price="59999"), -2010, "Order would trigger immediately."),
    (order(price="60100", type="LIMIT_MAKER"), -2010, "Order would immediately match and take."),
    (order(side="SELL", price="59900", type="LIMIT_MAKER"), -2010, "Order would immediately match and take."),
    (order(quantity="20.1"), -2010, "Account has insufficient balance for requested action."),
    (order(side="SELL", quantity="10.1"), -2010, "Account has insufficient balance for requested action."),
    (order(side="SELL", quantity="10.1", price=None), -2010, "Account has insufficient balance for requested action."),
    (
        order(quantity="18", price=None, type="STOP_LOSS", stop_price="61000"),
        -2010,
        "Account has insufficient balance for requested action.",
    ),
]


@pytest.mark.parametrize(("new", "code", "message"), REFUSALS)
def test_refusals_carry_binances_code_and_text(desk: Desk[SpotEngine], new: NewOrder, code: int, message: str) -> None:
    before = desk.engine.export()
    with pytest.raises(Refusal) as refused:
        desk.engine.place(new)
    assert (refused.value.code, refused.value.message) == (code, message)
    assert desk.engine.export() == before


def test_a_market_order_is_checked_against_the_book() -> None:
    desk = spot_desk()
    desk.open("carol", USDT="60050")
    desk.sell("bob", "1", "60000")
    desk.sell("bob", "1", "60100")
    with pytest.raises(Refusal, match="-2010: Account has insufficient balance"):
        desk.buy("carol", "1.1")
    with pytest.raises(Refusal, match="-2010: Account has insufficient balance"):
        desk.buy("carol", None, quote_quantity="60050.01")
    assert desk.buy("carol", "1").order is not None
    assert desk.balance("carol", "USDT") == (50, 0)


@pytest.mark.parametrize(
    ("asks", "quote", "message"),
    [
        ([], "100", "Order book liquidity is less than symbol minimum quantity."),
        ([("0.0001", "60000")], "5.5", "Filter failure: LOT_SIZE"),
    ],
)
def test_quote_quantities_need_a_book(asks: list[tuple[str, str]], quote: str, message: str) -> None:
    desk = spot_desk()
    for quantity, price in asks:
        desk.sell("bob", quantity, price)
    if asks:  # a price so high that the amount does not pay for one step
        desk.engine.cancel_all("bob", SYMBOL)
        desk.sell("bob", "0.001", "600000")
    with pytest.raises(Refusal) as refused:
        desk.buy("alice", None, quote_quantity=quote)
    assert refused.value.message == message


def test_the_number_of_open_orders_is_limited() -> None:
    desk = spot_desk()
    for _ in range(5):
        desk.buy("alice", "0.001", type="STOP_LOSS", stop_price="61000")
    with pytest.raises(Refusal, match="Filter failure: MAX_NUM_ALGO_ORDERS"):
        desk.buy("alice", "0.001", type="STOP_LOSS", stop_price="61000")
    for _ in range(195):
        desk.buy("alice", "0.001", "60000")
    with pytest.raises(Refusal, match="Filter failure: MAX_NUM_ORDERS"):
        desk.buy("alice", "0.001", "60000")
    desk.buy("bob", "0.001", "60000")
    desk.buy("alice", "0.01", "3000", symbol="ETHUSDT")


def test_a_client_order_id_is_free_again_when_its_order_has_ended() -> None:
    desk = spot_desk()
    for _ in range(2):
        desk.buy("alice", "1", "60000", client_order_id="mine")
        with pytest.raises(Refusal, match="Duplicate order sent"):
            desk.buy("alice", "1", "60000", client_order_id="mine")
        desk.buy("alice", "1", "3000", symbol="ETHUSDT", client_order_id="mine")
        desk.buy("bob", "1", "60000", client_order_id="mine")
        desk.engine.cancel("alice", SYMBOL, client_order_id="mine")
        desk.engine.cancel("alice", "ETHUSDT", client_order_id="mine")
        desk.engine.cancel("bob", SYMBOL, client_order_id="mine")
    desk.sell("bob", "1", "60000")
    desk.buy("alice", "1", "60000", client_order_id="mine")
    desk.buy("alice", "1", "59000", client_order_id="mine")


def test_an_id_that_the_engine_would_give_is_nothing_special() -> None:
    desk = spot_desk()
    first = desk.buy("alice", "1", "60000").order
    assert first is not None
    coming = first.client_order_id[:-1] + str(int(first.client_order_id[-1]) + 2)
    desk.buy("alice", "1", "60000", client_order_id=coming)
    with pytest.raises(Refusal, match="Duplicate order sent"):
        desk.buy("alice", "1", "60000")
    assert len(desk.engine.open_orders("alice")) == 2


CANCELS: list[tuple[dict[str, Any], int, str]] = [
    ({}, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"),
    ({"order_id": 10**12}, -2011, "Unknown order sent."),
    ({"order_id": -1}, -2011, "Unknown order sent."),
    ({"client_order_id": "unheard"}, -2011, "Unknown order sent."),
    ({"order_id": 1, "client_order_id": "other"}, -2011, "Unknown order sent."),
]


@pytest.mark.parametrize(("which", "code", "message"), CANCELS)
def test_cancelling_what_is_not_there(which: dict[str, Any], code: int, message: str) -> None:
    desk = spot_desk()
    desk.buy("alice", "1", "60000", client_order_id="mine")
    with pytest.raises(Refusal) as refused:
        desk.engine.cancel("alice", SYMBOL, **which)
    assert (refused.value.code, refused.value.message) == (code, message)
    assert len(desk.engine.open_orders("alice")) == 1


def test_nobody_reaches_anothers_orders() -> None:
    desk = spot_desk()
    order = desk.buy("alice", "1", "60000").order
    assert order is not None
    with pytest.raises(Refusal, match="-2011: Unknown order sent"):
        desk.engine.cancel("bob", SYMBOL, order_id=order.order_id)
    with pytest.raises(Refusal, match="-2011: Unknown order sent"):
        desk.engine.cancel("alice", "ETHUSDT", order_id=order.order_id)
    with pytest.raises(Refusal, match="-2013: Order does not exist"):
        desk.engine.order("bob", SYMBOL, order_id=order.order_id)


def test_unknown_symbols_and_accounts() -> None:
    engine = spot_desk().engine
    asks: list[Callable[[], object]] = [
        lambda: engine.depth("NONSENSE", 5),
        lambda: engine.last_price("NONSENSE"),
        lambda: engine.open_orders("alice", "NONSENSE"),
        lambda: engine.cancel_all("alice", "NONSENSE"),
        lambda: engine.order("alice", "NONSENSE", order_id=1),
    ]
    for ask in asks:
        with pytest.raises(Refusal, match="-1121: Invalid symbol"):
            ask()
    with pytest.raises(Refusal, match="-2015"):
        engine.place(NewOrder(account="mallory", symbol=SYMBOL, side=Side.BUY, type=request("a", "BUY", "1").type))
    with pytest.raises(Refusal, match="-2015"):
        engine.balances("mallory")


def test_percent_price_refers_to_the_average_of_the_last_minutes() -> None:
    desk = spot_desk()
    desk.sell("bob", "3", "20000")
    desk.buy("alice", "3", "20000")
    desk.sell("bob", "1", "60000")
    desk.buy("alice", "1", "60000")
    assert amount(desk.engine.average_price(SYMBOL)) == 30_000
    assert desk.buy("alice", "0.01", "6000.00").order is not None, "a fifth of the average of 30,000"
    with pytest.raises(Refusal, match="PERCENT_PRICE_BY_SIDE"):
        desk.buy("alice", "0.01", "5999.99")
    desk.engine.advance(desk.engine.now + 6 * 60_000)
    assert amount(desk.engine.average_price(SYMBOL)) == 60_000
    with pytest.raises(Refusal, match="PERCENT_PRICE_BY_SIDE"):
        desk.buy("alice", "0.01", "11999.99")
    assert desk.buy("alice", "0.01", str(Decimal(12_000))).order is not None, "a fifth of the last price"
