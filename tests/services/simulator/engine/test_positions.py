"""The arithmetic of positions and margin."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.futures_views import entry_price
from services.simulator.engine.positions import Position
from services.simulator.engine.symbols import USDM
from services.simulator.engine.terms import PositionSide
from services.simulator.engine.units import to_units
from tests.services.simulator.engine.desk import SYMBOL, Desk, amount, futures_desk

FILLS = st.lists(
    st.tuples(st.integers(min_value=-1000, max_value=1000).filter(bool), st.integers(min_value=1, max_value=10**12)),
    max_size=30,
)


@given(FILLS, st.integers(min_value=1, max_value=10**12))
def test_profit_realised_and_not_is_the_cash_flow_and_the_worth(fills: list[tuple[int, int]], mark: int) -> None:
    position = Position("alice", SYMBOL, PositionSide.BOTH)
    realized = cash = 0
    for steps, price in fills:
        realized += position.apply(steps, price)
        cash -= steps * price
    assert position.quantity == sum(steps for steps, _ in fills)
    assert position.realized == realized
    assert realized + position.unrealized(mark) == cash + position.quantity * mark
    assert position.quantity or position.cost == 0, "a closed position has no cost left"
    assert position.cost * position.quantity >= 0


@given(FILLS)
def test_adding_realises_nothing_and_the_entry_price_stays_between_the_fills(fills: list[tuple[int, int]]) -> None:
    position = Position("alice", SYMBOL, PositionSide.BOTH)
    bought = [(abs(steps), price) for steps, price in fills]
    for steps, price in bought:
        assert position.apply(steps, price) == 0
    if bought:
        assert min(price for _, price in bought) * position.quantity <= position.cost
        assert position.cost <= max(price for _, price in bought) * position.quantity


CASES = [
    # fills (steps, price), quantity, cost, realized
    ([(10, 100)], 10, 1000, 0),
    ([(10, 100), (-4, 110)], 6, 600, 40),
    ([(10, 100), (-10, 90)], 0, 0, -100),
    ([(10, 100), (-15, 110)], -5, -550, 100),
    ([(-10, 100), (4, 90)], -6, -600, 40),
    ([(-10, 100), (15, 90)], 5, 450, 100),
    ([(1, 100), (2, 101), (-1, 101)], 2, 202, 1),  # cost 302, of which a third is cut to 100
    ([(-1, 100), (-2, 101), (1, 101)], -2, -202, -1),
]


@pytest.mark.parametrize(("fills", "quantity", "cost", "realized"), CASES)
def test_positions_by_example(fills: list[tuple[int, int]], quantity: int, cost: int, realized: int) -> None:
    position = Position("alice", SYMBOL, PositionSide.BOTH)
    for steps, price in fills:
        position.apply(steps, price)
    assert (position.quantity, position.cost, position.realized) == (quantity, cost, realized)


@pytest.mark.parametrize(("quantity", "is_buy", "closable"), [(5, False, 5), (5, True, 0), (-5, True, 5), (0, True, 0)])
def test_only_the_other_side_closes(quantity: int, is_buy: bool, closable: int) -> None:
    position = Position("alice", SYMBOL, PositionSide.BOTH)
    position.quantity = quantity
    assert position.closable(is_buy) == closable


def test_entry_prices_are_decimals_per_whole_asset() -> None:
    assert entry_price(USDM[0], 3, to_units(Decimal(180) + Decimal("0.1"))) == Decimal("60033.33333333")
    assert entry_price(USDM[0], -3, to_units(Decimal("-180.1"))) == Decimal("60033.33333333")
    assert entry_price(USDM[0], 0, 0) == 0


def margins(desk: Desk[FuturesEngine], account: str) -> tuple[Any, Any, Any]:
    """Return initial margin, margin of orders, available."""
    [asset] = desk.engine.assets(account)
    return amount(asset.initial_margin), amount(asset.order_margin), amount(asset.available)


def test_orders_and_positions_need_margin_at_the_leverage() -> None:
    desk = futures_desk()
    desk.buy("alice", "1", "60000")
    assert margins(desk, "alice") == (3000, 3000, 997_000)
    desk.sell("alice", "0.5", "61000")
    assert margins(desk, "alice") == (3000, 3000, 997_000), "one-way: the greater side counts"
    desk.engine.set_leverage("alice", SYMBOL, 100)
    assert margins(desk, "alice") == (600, 600, 999_400)
    desk.sell("bob", "1", "60000")
    [position] = desk.engine.positions("alice", SYMBOL)
    assert (position.position.quantity, position.entry_price, position.leverage) == (1000, Decimal(60_000), 100)
    assert amount(position.notional) == 60_000
    assert amount(position.initial_margin) == 600
    assert amount(position.maintenance_margin) == 240
    fee = Decimal(60_000) * Decimal("0.0002")
    assert margins(desk, "alice") == (600, 0, 999_400 - fee), "an order that reduces needs none"


def test_unrealised_profit_follows_the_mark_price_and_is_available() -> None:
    desk = futures_desk()
    desk.buy("alice", "1", "60000")
    desk.sell("bob", "1", "60000")
    desk.engine.set_mark_price(SYMBOL, 610_000)
    [alice], [bob] = desk.engine.assets("alice"), desk.engine.assets("bob")
    assert (amount(alice.unrealized), amount(bob.unrealized)) == (1000, -1000)
    assert alice.margin_balance == alice.wallet + alice.unrealized
    assert amount(alice.available) == Decimal(1_000_000) - 12 + 1000 - 3050
    assert desk.engine.positions("bob")[0].position.unrealized == bob.unrealized
    assert desk.engine.imbalance() == {}


def test_hedge_mode_adds_both_sides() -> None:
    desk = futures_desk()
    desk.engine.set_position_mode("alice", hedge=True)
    desk.buy("bob", "1", "60000")
    desk.sell("bob", "1", "60100")
    desk.buy("alice", "1", position_side=PositionSide.LONG)
    desk.sell("alice", "0.4", position_side=PositionSide.SHORT)
    assert [(one.position.position_side, one.position.quantity) for one in desk.engine.positions("alice", SYMBOL)] == [
        (PositionSide.LONG, 1000),
        (PositionSide.SHORT, -400),
    ]
    assert margins(desk, "alice")[0] == 3000 + 1200
    desk.buy("alice", "0.1", "50000", position_side=PositionSide.LONG)
    assert margins(desk, "alice")[:2] == (4450, 250)
    desk.sell("alice", "0.1", "70000", position_side=PositionSide.LONG)
    assert margins(desk, "alice")[:2] == (4450, 250), "what closes needs no margin"
