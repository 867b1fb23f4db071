"""What becomes of futures orders: positions, profit, fees, reduce-only, conditional orders, funding."""

from decimal import Decimal

import pytest

from services.simulator.engine.events import AccountChange, Income, IncomeKind, OrderUpdate, Reason, SettingsChange
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.terms import PositionSide, SelfTrade, Side, WorkingType
from services.simulator.engine.units import to_units
from tests.services.simulator.engine.desk import START, SYMBOL, Desk, amount, executions, futures_desk, of

HOUR = 3_600_000


@pytest.fixture
def desk() -> Desk[FuturesEngine]:
    return futures_desk()


def trade(desk: Desk[FuturesEngine], buyer: str, seller: str, quantity: str, price: str) -> None:
    desk.sell(seller, quantity, price)
    desk.buy(buyer, quantity, price, self_trade=SelfTrade.NONE)


def position(desk: Desk[FuturesEngine], account: str) -> int:
    return sum(one.position.quantity for one in desk.engine.positions(account, SYMBOL))


def test_a_fill_moves_the_position_and_pays_the_fee(desk: Desk[FuturesEngine]) -> None:
    desk.sell("alice", "0.5", "60000")
    outcome = desk.buy("bob", "0.5", "60000")
    assert executions(outcome)[-1] == ("bob", "TRADE", "FILLED")
    maker, taker = (one for one in of(OrderUpdate, outcome) if one.execution == "TRADE")
    assert (amount(maker.commission), amount(taker.commission)) == (6, 15)
    assert (maker.commission_asset, maker.realized_profit) == ("USDT", 0)
    to_alice, to_bob = of(AccountChange, outcome)
    assert (to_alice.account, to_alice.reason) == ("alice", Reason.ORDER)
    assert [(row.asset, amount(row.free), row.change) for row in to_bob.balances] == [("USDT", Decimal(999_985), 0)]
    [row] = to_bob.positions
    assert (row.position_side, row.quantity, amount(row.cost)) == (PositionSide.BOTH, 500, 30_000)
    assert [(one.account, one.kind, amount(one.amount)) for one in of(Income, outcome)] == [
        ("alice", IncomeKind.COMMISSION, -6),
        ("bob", IncomeKind.COMMISSION, -15),
    ]
    assert (position(desk, "alice"), position(desk, "bob")) == (-500, 500)


def test_reducing_realises_profit(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.buy("bob", "0.4", "60500")
    outcome = desk.sell("alice", "0.4", "60500")
    update = next(one for one in of(OrderUpdate, outcome) if one.order.account == "alice" and one.execution == "TRADE")
    assert amount(update.realized_profit) == 200
    profits = [(one.account, amount(one.amount)) for one in of(Income, outcome) if one.kind == "REALIZED_PNL"]
    assert profits == [("bob", -200), ("alice", 200)]
    assert all(one.trade_id == 2 for one in of(Income, outcome))
    [risk] = desk.engine.positions("alice", SYMBOL)
    assert (risk.position.quantity, risk.entry_price, amount(risk.position.realized)) == (600, Decimal(60_000), 200)


def test_a_position_can_flip_in_one_order(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    trade(desk, "bob", "alice", "3", "60100")
    [risk] = desk.engine.positions("alice", SYMBOL)
    assert (risk.position.quantity, risk.entry_price, amount(risk.position.realized)) == (-2000, Decimal(60_100), 100)


def test_reduce_only_orders_are_cut_to_the_position(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    order = desk.sell("alice", "5", "61000", reduce_only=True).order
    assert order is not None
    assert (order.quantity, order.reduce_only) == (1000, True)
    assert desk.engine.assets("alice")[0].order_margin == 0


def test_resting_reduce_only_orders_shrink_with_the_position(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.sell("alice", "1", "61000", reduce_only=True, client_order_id="far")
    desk.sell("alice", "0.3", "60500", reduce_only=True, client_order_id="near")
    outcome = desk.buy("bob", "0.2", "60500")
    told = [
        (one.order.client_order_id, one.execution, one.order.quantity)
        for one in of(OrderUpdate, outcome)
        if one.order.account == "alice"
    ]
    assert told == [("near", "TRADE", 300), ("far", "AMENDMENT", 800)]
    assert desk.book() == ([], [("60500", "0.1"), ("61000", "0.8")])
    desk.buy("bob", "1", "59000")
    closing = desk.sell("alice", "0.8")
    ended = [one.order.client_order_id for one in of(OrderUpdate, closing) if one.execution == "EXPIRED"]
    assert ended == ["far", "near"]
    assert position(desk, "alice") == 0
    assert desk.engine.open_orders("alice") == ()


def test_a_reduce_only_taker_never_turns_the_position(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.buy("bob", "5", "59000")
    outcome = desk.sell("alice", "5", reduce_only=True)
    assert outcome.order is not None
    assert (outcome.order.status, outcome.order.executed) == ("FILLED", 1000)
    assert position(desk, "alice") == 0


def test_in_hedge_mode_closing_orders_are_reduce_only(desk: Desk[FuturesEngine]) -> None:
    desk.engine.set_position_mode("alice", hedge=True)
    desk.sell("bob", "1", "60000")
    desk.buy("alice", "1", "60000", position_side=PositionSide.LONG)
    order = desk.sell("alice", "1", "61000", position_side=PositionSide.LONG).order
    assert order is not None
    assert order.reduce_only
    with pytest.raises(Refusal, match="-2022: ReduceOnly Order is rejected"):
        desk.sell("alice", "1.001", "61000", position_side=PositionSide.LONG)
    with pytest.raises(Refusal, match="-2022: ReduceOnly Order is rejected"):
        desk.buy("alice", "0.1", "59000", position_side=PositionSide.SHORT)
    desk.buy("bob", "1", "61000")
    assert [one.position.quantity for one in desk.engine.positions("alice", SYMBOL)] == [0, 0]


CONDITIONAL = [
    # type, side, stop, the price that triggers it
    ("STOP_MARKET", "SELL", "59000", "59000"),
    ("STOP", "BUY", "61000", "61000"),
    ("TAKE_PROFIT_MARKET", "SELL", "61000", "61000"),
    ("TAKE_PROFIT", "BUY", "59000", "59000"),
]


@pytest.mark.parametrize("case", CONDITIONAL)
@pytest.mark.parametrize("working", [WorkingType.CONTRACT_PRICE, WorkingType.MARK_PRICE])
def test_conditional_orders_trigger_by_contract_or_mark_price(
    desk: Desk[FuturesEngine], case: tuple[str, str, str, str], working: WorkingType
) -> None:
    kind, side, stop, price = case
    trade(desk, "alice", "bob", "0.01", "60000")
    limit = "60000" if kind in {"STOP", "TAKE_PROFIT"} else None
    place = desk.buy if side == "BUY" else desk.sell
    placed = place("alice", "0.1", limit, type=kind, stop_price=stop, working_type=working).order
    assert placed is not None
    assert (placed.status, placed.type, placed.working) == ("NEW", kind, False)
    assert desk.engine.assets("alice")[0].order_margin == 0
    ticks = desk.engine.symbols[SYMBOL].ticks(Decimal(price))
    if working is WorkingType.MARK_PRICE:
        trade(desk, "bob", "bob", "0.01", price)
        assert desk.engine.order("alice", SYMBOL, order_id=placed.order_id) == placed
        outcome = desk.engine.set_mark_price(SYMBOL, ticks)
    else:
        assert executions(desk.engine.set_mark_price(SYMBOL, ticks)) == []
        desk.sell("bob", "0.01", price)
        outcome = desk.buy("bob", "0.01", price, self_trade=SelfTrade.NONE)
    triggered = next(one for one in of(OrderUpdate, outcome) if one.execution == "TRIGGERED")
    assert (triggered.order.order_id, triggered.order.original_type) == (placed.order_id, kind)
    assert triggered.order.type == ("LIMIT" if limit else "MARKET")
    assert triggered.order.working


def test_close_position_closes_whatever_there_is(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    placed = desk.sell("alice", None, type="STOP_MARKET", stop_price="59500", close_position=True).order
    assert placed is not None
    assert (placed.quantity, placed.close_position, placed.reduce_only) == (0, True, True)
    trade(desk, "alice", "bob", "0.5", "60000")
    desk.buy("bob", "2", "59400")
    desk.sell("bob", "0.01", "59500")
    outcome = desk.buy("bob", "0.01", "59500", self_trade=SelfTrade.NONE)
    last = of(OrderUpdate, outcome)[-1]
    assert executions(outcome)[-1] == ("alice", "TRADE", "FILLED")
    assert (last.order.order_id, last.order.quantity, last.order.type) == (placed.order_id, 1500, "MARKET")
    assert position(desk, "alice") == 0


def test_close_position_without_a_position_is_rejected(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.sell("alice", None, type="STOP_MARKET", stop_price="59500", close_position=True)
    trade(desk, "bob", "alice", "1", "60000")
    desk.sell("bob", "0.01", "59500")
    outcome = desk.buy("bob", "0.01", "59500", self_trade=SelfTrade.NONE)
    assert executions(outcome)[-1] == ("alice", "REJECTED", "REJECTED")
    assert of(OrderUpdate, outcome)[-1].reason == "ReduceOnly Order is rejected."
    assert desk.engine.open_orders("alice") == ()


def test_a_triggered_order_without_margin_is_rejected(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "0.01", "60000")
    desk.buy("carol", "1", type="STOP_MARKET", stop_price="61000")
    desk.sell("bob", "5", "61000")
    outcome = desk.buy("alice", "0.01", "61000")
    assert executions(outcome)[-1] == ("carol", "REJECTED", "REJECTED")
    assert of(OrderUpdate, outcome)[-1].reason == "Margin is insufficient."


def test_post_only_orders_wait_or_are_refused(desk: Desk[FuturesEngine]) -> None:
    desk.sell("alice", "1", "60000")
    with pytest.raises(Refusal, match="-5022"):
        desk.buy("bob", "1", "60000", time_in_force="GTX")
    assert executions(desk.buy("bob", "1", "59999.9", time_in_force="GTX")) == [("bob", "NEW", "NEW")]


def test_a_triggered_post_only_order_that_would_take_is_rejected(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "0.01", "60000")
    desk.buy("alice", "1", "61500", type="STOP", stop_price="61000", time_in_force="GTX")
    desk.sell("bob", "2", "61000")
    outcome = desk.buy("bob", "0.01", "61000", self_trade=SelfTrade.NONE)
    assert executions(outcome)[-1] == ("alice", "REJECTED", "REJECTED")


def test_market_and_ioc_orders_expire_unfilled(desk: Desk[FuturesEngine]) -> None:
    assert executions(desk.buy("alice", "1")) == [("alice", "NEW", "NEW"), ("alice", "EXPIRED", "EXPIRED")]
    desk.sell("bob", "0.4", "60000")
    assert executions(desk.buy("alice", "1", "60000", time_in_force="IOC"))[-1] == ("alice", "EXPIRED", "EXPIRED")
    assert position(desk, "alice") == 400


def test_funding_goes_from_longs_to_shorts(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    outcome = desk.engine.apply_funding(SYMBOL, Decimal("0.0001"), START + 8 * HOUR)
    assert [(one.account, one.kind, amount(one.amount)) for one in of(Income, outcome)] == [
        ("alice", IncomeKind.FUNDING_FEE, -6),
        ("bob", IncomeKind.FUNDING_FEE, 6),
    ]
    assert {change.reason for change in of(AccountChange, outcome)} == {Reason.FUNDING_FEE}
    assert [amount(change.balances[0].change) for change in of(AccountChange, outcome)] == [-6, 6]
    negative = desk.engine.apply_funding(SYMBOL, Decimal("-0.0001"), START + 16 * HOUR)
    assert [amount(one.amount) for one in of(Income, negative)] == [6, -6]


def test_funding_is_applied_once(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.engine.apply_funding(SYMBOL, Decimal("0.0001"), START + 8 * HOUR)
    assert desk.engine.apply_funding(SYMBOL, Decimal("0.0001"), START + 8 * HOUR).events == ()
    assert desk.engine.instrument_row(SYMBOL).funding_time == START + 8 * HOUR


def test_what_rounding_of_funding_leaves_is_the_exchanges(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "0.003", "60000")
    trade(desk, "alice", "carol", "0.002", "60000")
    desk.engine.set_mark_price(SYMBOL, 600_001)
    desk.engine.apply_funding(SYMBOL, Decimal("0.00000007"), START + 8 * HOUR)
    assert desk.engine.imbalance() == {}


def test_leverage_can_be_set_within_its_range(desk: Desk[FuturesEngine]) -> None:
    assert desk.engine.leverage("alice", SYMBOL) == 20
    outcome = desk.engine.set_leverage("alice", SYMBOL, 50)
    [change] = of(SettingsChange, outcome)
    assert (change.symbol, change.settings.leverages) == (SYMBOL, {SYMBOL: 50})
    for leverage in (0, -1, 126):
        with pytest.raises(Refusal, match=f"-4028: Leverage {leverage} is not valid"):
            desk.engine.set_leverage("alice", SYMBOL, leverage)
    trade(desk, "carol", "bob", "0.3", "60000")
    with pytest.raises(Refusal, match="-2028"):
        desk.engine.set_leverage("carol", SYMBOL, 10)
    assert desk.engine.leverage("carol", SYMBOL) == 20


def test_the_position_mode_changes_only_when_nothing_is_open(desk: Desk[FuturesEngine]) -> None:
    with pytest.raises(Refusal, match="-4059: No need to change position side"):
        desk.engine.set_position_mode("alice", hedge=False)
    desk.sell("alice", "1", "60000")
    with pytest.raises(Refusal, match="-4067"):
        desk.engine.set_position_mode("alice", hedge=True)
    desk.buy("bob", "1", "60000")
    with pytest.raises(Refusal, match="-4068"):
        desk.engine.set_position_mode("alice", hedge=True)
    trade(desk, "alice", "bob", "1", "60000")
    [change] = of(SettingsChange, desk.engine.set_position_mode("alice", hedge=True))
    assert change.settings.hedge
    assert desk.engine.is_hedge("alice")


def test_margin_stays_cross(desk: Desk[FuturesEngine]) -> None:
    with pytest.raises(Refusal, match="-4046: No need to change margin type"):
        desk.engine.set_margin_type("alice", SYMBOL, isolated=False)
    with pytest.raises(Refusal, match="-1020: This operation is not supported"):
        desk.engine.set_margin_type("alice", SYMBOL, isolated=True)


def test_transfers_are_income(desk: Desk[FuturesEngine]) -> None:
    outcome = desk.engine.set_balances("carol", {"USDT": to_units(Decimal(1500))})
    [income] = of(Income, outcome)
    assert (income.kind, income.symbol, amount(income.amount)) == (IncomeKind.TRANSFER, "", 500)
    [change] = of(AccountChange, outcome)
    assert (change.reason, amount(change.balances[0].change)) == (Reason.DEPOSIT, 500)
    assert desk.balance("carol", "USDT") == (1500, 0)


def test_a_closed_account_leaves_its_position_to_the_exchange(desk: Desk[FuturesEngine]) -> None:
    trade(desk, "alice", "bob", "1", "60000")
    desk.buy("alice", "1", "50000")
    desk.engine.close_account("alice")
    assert desk.engine.abandoned == {SYMBOL: (1000, to_units(Decimal(60_000)))}
    assert desk.engine.imbalance() == {}
    assert desk.book() == ([], [])


def test_synthetic_participants_hold_positions_without_margin(desk: Desk[FuturesEngine]) -> None:
    desk.engine.open_account("makers", unbounded=True)
    desk.engine.requote("makers", SYMBOL, [(599_990, 10**6)], [(600_010, 10**6)])
    desk.buy("alice", "2")
    assert position(desk, "makers") == -2000
    assert executions(desk.engine.take("makers", SYMBOL, Side.SELL, 5)) == []
    assert desk.engine.imbalance() == {}
