"""Storing and restoring: what the rows say, and what a restart may change."""

from decimal import Decimal

import msgspec
import pytest

from services.simulator.engine.events import OrderUpdate, SettingsChange, Trade
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.records import State, changed_rows
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.symbols import spot_symbols, usdm_symbols
from services.simulator.engine.terms import Side
from tests.services.simulator.engine.desk import (
    START,
    SYMBOL,
    Desk,
    amount,
    book_changes,
    executions,
    futures_desk,
    of,
    spot_desk,
)


def restored(state: State, count: int = 5) -> Desk[SpotEngine]:
    engine = SpotEngine(spot_symbols(count))
    engine.restore(state)
    return Desk(engine)


def test_the_rows_of_a_command_are_named_once() -> None:
    desk = spot_desk()
    desk.sell("alice", "1", "60000")
    desk.sell("alice", "1", "60001")
    changes = changed_rows(desk.buy("bob", "1.5", "60001"))
    assert [(row.account, row.status, row.executed) for row in changes.orders] == [
        ("bob", "FILLED", 150_000),
        ("alice", "FILLED", 100_000),
        ("alice", "PARTIALLY_FILLED", 50_000),
    ]
    assert len(changes.fills) == 4
    assert {(row.account, row.asset) for row in changes.balances} == {
        (account, asset) for account in ("alice", "bob") for asset in ("USDT", "BTC")
    }
    assert (changes.symbols, changes.positions, changes.incomes, changes.closed) == ((SYMBOL,), (), (), ())


def test_funding_changes_the_row_of_its_symbol_so_that_it_is_never_paid_twice() -> None:
    desk = futures_desk()
    desk.sell("alice", "1", "60000")
    desk.buy("bob", "1", "60000")
    outcome = desk.engine.apply_funding(SYMBOL, Decimal("0.0001"), START + 1)
    assert changed_rows(outcome).symbols == (SYMBOL,)
    engine = FuturesEngine(usdm_symbols())
    engine.restore(desk.engine.export())
    assert engine.apply_funding(SYMBOL, Decimal("0.0001"), START + 1).events == ()


def test_a_new_account_is_a_row() -> None:
    engine = FuturesEngine(usdm_symbols())
    changes = changed_rows(engine.open_account("alice"))
    assert [row.account for row in changes.accounts] == ["alice"]
    assert changed_rows(engine.close_account("alice")).closed == ("alice",)
    [change] = of(SettingsChange, engine.open_account("bob"))
    assert change.settings.leverages == {}


def test_state_survives_json() -> None:
    desk = futures_desk()
    desk.sell("alice", "1", "60000")
    desk.buy("bob", "0.5", "60000")
    desk.buy("bob", "0.5", type="STOP_MARKET", stop_price="70000")
    state = desk.engine.export()
    assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state


def test_orders_keep_their_places_in_the_queue() -> None:
    desk = spot_desk()
    desk.buy("alice", "1", type="STOP_LOSS_LIMIT", price="60000", stop_price="60100")
    desk.buy("bob", "1", "60000")
    desk.sell("bob", "0.1", "60100")
    desk.buy("bob", "0.1", "60100", self_trade="NONE")
    again = restored(desk.engine.export())
    assert [row.account for row in sorted(again.engine.export().orders, key=lambda row: row.priority)] == [
        "bob",
        "alice",
    ]
    again.engine.set_balances("alice", {"BTC": 10**9})
    outcome = again.sell("alice", "1", "60000", self_trade="NONE")
    assert [one.buyer_account for one in of(Trade, outcome)] == ["bob"]


def test_ids_go_on() -> None:
    desk = spot_desk()
    first = desk.sell("alice", "1", "60000").order
    last = desk.buy("bob", "0.4", "60000")
    again = restored(desk.engine.export())
    outcome = again.buy("bob", "0.4", "60000")
    assert first is not None
    assert outcome.order is not None
    assert outcome.order.order_id == first.order_id + 2
    assert [one.trade_id for one in of(Trade, outcome)] == [2]
    assert [one.aggregate_id for one in of(Trade, outcome)] == [2]
    assert of(OrderUpdate, outcome)[0].execution_id == of(OrderUpdate, last)[-1].execution_id + 1
    assert book_changes(outcome)[0].first_update_id == book_changes(last)[0].last_update_id + 1


def test_ids_can_be_skipped() -> None:
    desk = spot_desk()
    desk.engine.skip_ids(SYMBOL, order_id=1000, trade_id=500, update_id=77)
    desk.engine.skip_ids(SYMBOL, order_id=10, trade_id=5, update_id=7)
    desk.sell("alice", "1", "60000")
    outcome = desk.buy("bob", "1", "60000")
    assert outcome.order is not None
    assert outcome.order.order_id == 1002
    [trade] = of(Trade, outcome)
    assert (trade.trade_id, trade.aggregate_id) == (501, 501)
    assert book_changes(outcome)[0].last_update_id == 79


def test_waiting_orders_wait_on() -> None:
    desk = futures_desk()
    desk.sell("alice", "1", "60000")
    desk.buy("bob", "1", "60000")
    desk.sell("bob", "1", type="STOP_MARKET", stop_price="59000", working_type="MARK_PRICE", reduce_only=True)
    desk.sell("bob", None, type="STOP_MARKET", stop_price="59500", close_position=True)
    desk.buy("alice", "3", "59900")
    engine = FuturesEngine(usdm_symbols())
    assert engine.restore(desk.engine.export()) == ()
    outcome = engine.set_mark_price(SYMBOL, 590_000)
    assert executions(outcome)[0][:2] == ("bob", "TRIGGERED")
    assert executions(outcome)[-1] == ("bob", "TRADE", "FILLED")
    assert len(engine.open_orders("bob")) == 1


def test_settings_come_back() -> None:
    desk = futures_desk()
    desk.engine.set_leverage("alice", SYMBOL, 3)
    desk.engine.set_position_mode("bob", hedge=True)
    engine = FuturesEngine(usdm_symbols())
    engine.restore(desk.engine.export())
    assert (engine.leverage("alice", SYMBOL), engine.is_hedge("alice"), engine.is_hedge("bob")) == (3, False, True)


def test_symbols_that_are_gone_leave_their_locks_free() -> None:
    desk = spot_desk()
    desk.buy("alice", "10", "3000", symbol="ETHUSDT")
    desk.buy("alice", "1", "60000")
    engine = SpotEngine(spot_symbols(1))
    left_out = engine.restore(desk.engine.export())
    assert [row.symbol for row in left_out] == ["ETHUSDT"]
    usdt = next(row for row in engine.balances("alice") if row.asset == "USDT")
    assert (amount(usdt.free), amount(usdt.locked)) == (940_000, 60_000)
    assert engine.imbalance() == {}


def test_locks_without_orders_are_a_damaged_state() -> None:
    desk = spot_desk()
    desk.buy("alice", "1", "60000")
    state = msgspec.structs.replace(desk.engine.export(), orders=())
    with pytest.raises(ValueError, match="expected 0 of USDT locked for the orders of 'alice'"):
        SpotEngine(spot_symbols()).restore(state)


def test_synthetic_orders_are_not_stored_but_their_balances_are() -> None:
    desk = spot_desk()
    desk.engine.open_account("makers", unbounded=True)
    desk.engine.requote("makers", SYMBOL, [(5_999_000, 100)], [(6_000_000, 100)])
    desk.buy("alice", "0.0005")
    state = desk.engine.export()
    assert state.orders == ()
    again = restored(state)
    assert again.book() == ([], [])
    assert again.engine.imbalance() == {}
    assert again.balance("makers", "BTC")[0] == Decimal("-0.0005")
    again.engine.requote("makers", SYMBOL, [(5_999_000, 100)], [(6_000_000, 100)])
    assert len(of(Trade, again.engine.take("makers", SYMBOL, Side.BUY, 50))) == 1


def test_an_engine_is_restored_once() -> None:
    desk = spot_desk()
    with pytest.raises(ValueError, match="new account name"):
        desk.engine.restore(desk.engine.export())
