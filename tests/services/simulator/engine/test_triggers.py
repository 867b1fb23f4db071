from random import Random

from services.simulator.engine.order import Account, Order
from services.simulator.engine.terms import OrderTerms, OrderType, Side, TimeInForce
from services.simulator.engine.triggers import Triggers, is_due


def waiting(order_id: int, kind: OrderType, side: Side, stop: int) -> Order:
    terms = OrderTerms(side, kind, TimeInForce.GTC, 0, 1, stop_price=stop)
    return Order(Account("alice", unbounded=False), "BTCUSDT", order_id, terms, 0)


def test_stop_losses_follow_the_price_and_take_profits_oppose_it() -> None:
    assert is_due(waiting(1, OrderType.STOP_LOSS, Side.BUY, 100), 100)
    assert not is_due(waiting(1, OrderType.STOP_LOSS, Side.BUY, 100), 99)
    assert is_due(waiting(1, OrderType.STOP_MARKET, Side.SELL, 100), 99)
    assert not is_due(waiting(1, OrderType.STOP, Side.SELL, 100), 101)
    assert is_due(waiting(1, OrderType.TAKE_PROFIT, Side.SELL, 100), 101)
    assert is_due(waiting(1, OrderType.TAKE_PROFIT_MARKET, Side.BUY, 100), 99)


def test_due_orders_come_nearest_first_and_rises_before_falls() -> None:
    triggers: Triggers[Order] = Triggers()
    for order_id, (side, stop) in enumerate(
        [(Side.BUY, 110), (Side.BUY, 105), (Side.SELL, 90), (Side.SELL, 95), (Side.BUY, 105), (Side.BUY, 120)], 1
    ):
        triggers.add(waiting(order_id, OrderType.STOP_LOSS, side, stop))
    due = []
    while (order := triggers.pop_due(90, 110)) is not None:
        due.append(order.id)
    assert due == [2, 5, 1, 4, 3]


def test_it_finds_what_a_look_at_every_order_finds(seed: int) -> None:
    random = Random(seed)
    triggers: Triggers[Order] = Triggers()
    orders: dict[int, Order] = {}
    kinds = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
    for order_id in range(1, 400):
        order = waiting(order_id, random.choice(kinds), random.choice((Side.BUY, Side.SELL)), random.randrange(1, 50))
        triggers.add(order)
        orders[order_id] = order
        if random.random() < 0.4:
            removed = orders.pop(random.choice(list(orders)))
            assert removed in triggers
            triggers.remove(removed)
            assert removed not in triggers
        if random.random() < 0.2:
            price = random.randrange(1, 50)
            expected = {order_id for order_id, order in orders.items() if is_due(order, price)}
            found = set()
            while (due := triggers.pop_due(price, price)) is not None:
                found.add(due.id)
                del orders[due.id]
            assert found == expected
