"""Orders that are changed while they rest: who is served next, what is locked, and what they can no longer do."""

from decimal import Decimal

import pytest

from services.simulator.engine.events import OrderUpdate, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.futures_amendment import MOST_MODIFICATIONS
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.terms import Execution, OrderStatus, Side
from tests.services.simulator.engine.desk import SYMBOL, Desk, executions, futures_desk, of, spot_desk


@pytest.fixture
def spot() -> Desk[SpotEngine]:
    return spot_desk()


@pytest.fixture
def futures() -> Desk[FuturesEngine]:
    return futures_desk()


def modify(desk: Desk[FuturesEngine], order_id: int, quantity: str, price: str, side: Side = Side.BUY) -> OrderUpdate:
    outcome = desk.engine.modify("alice", SYMBOL, side, Decimal(quantity), Decimal(price), order_id=order_id)
    return of(OrderUpdate, outcome)[0]


def placed(desk: Desk[FuturesEngine] | Desk[SpotEngine], account: str, quantity: str, price: str) -> int:
    order = desk.buy(account, quantity, price).order
    assert order is not None
    return order.order_id


# Spot.


def test_a_smaller_order_keeps_its_place(spot: Desk[SpotEngine]) -> None:
    first, _ = placed(spot, "alice", "1", "60000"), placed(spot, "bob", "1", "60000")
    spot.open("carol", BTC="10")
    outcome = spot.engine.amend("alice", SYMBOL, Decimal("0.6"), order_id=first)
    assert executions(outcome) == [("alice", "AMENDMENT", "NEW")]
    assert spot.book() == ([("60000", "1.6")], [])
    trades = of(Trade, spot.sell("carol", "0.7", "60000"))
    assert [(trade.buyer_account, trade.quantity) for trade in trades] == [("alice", 60000), ("bob", 10000)]


def test_what_it_locked_too_much_is_free(spot: Desk[SpotEngine]) -> None:
    order = placed(spot, "alice", "1", "60000")
    spot.engine.amend("alice", SYMBOL, Decimal("0.25"), order_id=order)
    assert spot.balance("alice", "USDT") == (985_000, 15_000)


def test_one_that_waits_for_its_trigger_can_be_made_smaller(spot: Desk[SpotEngine]) -> None:
    outcome = spot.buy("alice", "1", "61000", type="STOP_LOSS_LIMIT", stop_price="60500", time_in_force="GTC")
    assert outcome.order is not None
    amended = spot.engine.amend("alice", SYMBOL, Decimal("0.5"), order_id=outcome.order.order_id).order
    assert amended is not None
    assert (amended.quantity, amended.working) == (50000, False)
    assert spot.balance("alice", "USDT") == (969_500, 30_500)


@pytest.mark.parametrize("quantity", ["0.4", "0.3"])
def test_one_that_was_filled_so_far_ends(spot: Desk[SpotEngine], quantity: str) -> None:
    order = placed(spot, "alice", "1", "60000")
    spot.sell("bob", "0.4", "60000")
    outcome = spot.engine.amend("alice", SYMBOL, Decimal(quantity), order_id=order)
    assert executions(outcome) == [("alice", "EXPIRED", "EXPIRED")]
    assert spot.engine.open_orders("alice") == ()
    assert spot.balance("alice", "USDT") == (976_000, 0)
    assert spot.engine.imbalance() == {}


def test_its_new_name_is_what_it_is_found_by(spot: Desk[SpotEngine]) -> None:
    order = spot.buy("alice", "1", "60000", client_order_id="first").order
    assert order is not None
    outcome = spot.engine.amend("alice", SYMBOL, Decimal("0.9"), client_order_id="first", new_client_order_id="second")
    assert [(one.order.client_order_id, one.request_client_order_id) for one in of(OrderUpdate, outcome)] == [
        ("second", "first")
    ]
    assert spot.engine.order("alice", SYMBOL, client_order_id="second").order_id == order.order_id
    with pytest.raises(Refusal, match="-2013"):
        spot.engine.order("alice", SYMBOL, client_order_id="first")
    spot.buy("alice", "1", "60000", client_order_id="first")


# Futures.


def test_a_modified_order_goes_behind_the_others(futures: Desk[FuturesEngine]) -> None:
    first, _ = placed(futures, "alice", "1", "59000"), placed(futures, "bob", "1", "59000")
    update = modify(futures, first, "0.5", "59000")
    assert (update.execution, update.order.status, update.order.amendments) == (Execution.AMENDMENT, "NEW", 1)
    futures.open("seller", USDT="1000000")
    trades = of(Trade, futures.sell("seller", "1.2", "59000"))
    assert [(trade.buyer_account, trade.quantity) for trade in trades] == [("bob", 1000), ("alice", 200)]


def test_one_that_is_refused_keeps_its_place(futures: Desk[FuturesEngine]) -> None:
    first, _ = placed(futures, "alice", "1", "59000"), placed(futures, "bob", "1", "59000")
    with pytest.raises(Refusal, match="-2019"):
        modify(futures, first, "900", "59000")
    futures.open("seller", USDT="1000000")
    [trade] = of(Trade, futures.sell("seller", "0.5", "59000"))
    assert trade.buyer_account == "alice"


def test_the_margin_of_the_old_order_counts_for_the_new_one(futures: Desk[FuturesEngine]) -> None:
    # 20 times 1,000,000 are 20,000,000: 300 at 60,000 take most of it, and 310 instead of them fit as well.
    order = placed(futures, "alice", "300", "60000")
    modify(futures, order, "310", "60000")
    with pytest.raises(Refusal, match="-2019"):
        futures.buy("alice", "300", "60000")


def test_a_modified_order_trades_at_once(futures: Desk[FuturesEngine]) -> None:
    futures.sell("bob", "0.4", "60100")
    order = placed(futures, "alice", "1", "59000")
    outcome = futures.engine.modify("alice", SYMBOL, Side.BUY, Decimal(1), Decimal(60200), order_id=order)
    assert [one for one in executions(outcome) if one[0] == "alice"] == [
        ("alice", "AMENDMENT", "NEW"),
        ("alice", "TRADE", "PARTIALLY_FILLED"),
    ]
    [trade] = of(Trade, outcome)
    assert (trade.price, trade.buyer_is_maker) == (601_000, False)
    assert futures.book() == ([("60200", "0.6")], [])


def test_one_that_was_filled_up_to_the_new_quantity_is_cancelled(futures: Desk[FuturesEngine]) -> None:
    order = placed(futures, "alice", "1", "59000")
    futures.sell("bob", "0.4", "59000")
    update = modify(futures, order, "0.4", "59000")
    assert (update.execution, update.order.status) == (Execution.CANCELED, OrderStatus.CANCELED)
    assert futures.engine.open_orders("alice") == ()


def test_a_reduce_only_order_does_not_outgrow_its_position(futures: Desk[FuturesEngine]) -> None:
    futures.sell("bob", "1", "60000")
    futures.buy("alice", "1", "60000")
    order = futures.sell("alice", "0.4", "61000", reduce_only=True).order
    assert order is not None
    update = modify(futures, order.order_id, "5", "61000", Side.SELL)
    assert update.order.quantity == 1000


def test_what_waits_for_its_trigger_is_not_the_order_services(futures: Desk[FuturesEngine]) -> None:
    waiting = futures.buy("alice", "1", type="STOP_MARKET", stop_price="61000").order
    assert waiting is not None
    with pytest.raises(Refusal, match="-2013"):
        modify(futures, waiting.order_id, "0.5", "60000")


def test_an_order_is_modified_only_so_often(futures: Desk[FuturesEngine]) -> None:
    order = placed(futures, "alice", "1", "59000")
    for number in range(MOST_MODIFICATIONS):
        modify(futures, order, "1", f"{59000 - number % 2 - 1}")
    with pytest.raises(Refusal, match="-5026"):
        modify(futures, order, "1", "58000")
