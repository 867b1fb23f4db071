"""What becomes of spot orders: their states, fills, fees, locks and what is told of them."""

from decimal import Decimal

import pytest

from services.simulator.engine.events import AccountChange, OrderUpdate, Reason, Trade
from services.simulator.engine.refusal import Refusal
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.terms import SelfTrade
from services.simulator.engine.units import to_units
from tests.services.simulator.engine.desk import SYMBOL, Desk, book_changes, executions, of, request, spot_desk


@pytest.fixture
def desk() -> Desk[SpotEngine]:
    return spot_desk()


def test_a_resting_order_is_new_locked_and_on_the_book(desk: Desk[SpotEngine]) -> None:
    outcome = desk.buy("alice", "0.5", "60000", client_order_id="mine")
    assert executions(outcome) == [("alice", "NEW", "NEW")]
    assert outcome.order is not None
    assert (outcome.order.client_order_id, outcome.order.working, outcome.order.executed) == ("mine", True, 0)
    assert desk.balance("alice", "USDT") == (Decimal(970_000), Decimal(30_000))
    assert desk.book() == ([("60000", "0.5")], [])
    [change] = of(AccountChange, outcome)
    assert [(row.asset, row.free, row.locked) for row in change.balances] == [
        ("USDT", to_units(Decimal(970_000)), to_units(Decimal(30_000)))
    ]
    [book] = book_changes(outcome)
    assert (book.bids, book.asks) == (((6_000_000, 50_000),), ())
    assert desk.engine.open_orders("alice") == (outcome.order,)


def test_a_fill_is_told_to_both_sides_with_fees_from_what_they_receive(desk: Desk[SpotEngine]) -> None:
    maker = desk.sell("alice", "0.3", "60000").order
    outcome = desk.buy("bob", "0.1", "61000")
    assert maker is not None
    assert outcome.order is not None
    assert executions(outcome) == [
        ("bob", "NEW", "NEW"),
        ("alice", "TRADE", "PARTIALLY_FILLED"),
        ("bob", "TRADE", "FILLED"),
    ]
    [trade] = of(Trade, outcome)
    assert (trade.price, trade.quantity, trade.quote) == (6_000_000, 10_000, to_units(Decimal(6000)))
    assert (trade.buyer_order_id, trade.seller_order_id) == (outcome.order.order_id, maker.order_id)
    assert (trade.trade_id, trade.aggregate_id, trade.buyer_is_maker) == (1, 1, False)
    to_alice, to_bob = (one for one in of(OrderUpdate, outcome) if one.execution == "TRADE")
    assert (to_alice.commission, to_alice.commission_asset, to_alice.is_maker) == (to_units(Decimal(6)), "USDT", True)
    assert (to_bob.commission, to_bob.commission_asset, to_bob.is_maker) == (to_units(Decimal("0.0001")), "BTC", False)
    assert (to_bob.last_quantity, to_bob.last_price, to_bob.last_quote) == (10_000, 6_000_000, trade.quote)
    assert (to_bob.order.executed, to_bob.order.cumulative_quote) == (10_000, trade.quote)
    assert desk.balance("bob", "BTC") == (Decimal("10.0999"), 0)
    assert desk.balance("bob", "USDT") == (Decimal(994_000), 0), "the better price must not stay locked"
    assert desk.balance("alice", "BTC") == (Decimal("9.7"), Decimal("0.2"))
    assert desk.balance("alice", "USDT") == (Decimal(1_005_994), 0)
    assert {change.account for change in of(AccountChange, outcome)} == {"alice", "bob"}


def test_fees_are_cut_to_eight_decimals(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "0.00123", "60000.07")
    outcome = desk.buy("bob", "0.00123", "60000.07")
    maker, taker = (one for one in of(OrderUpdate, outcome) if one.execution == "TRADE")
    assert taker.commission == 123, "0.1 % of 0.00123 BTC"
    assert maker.commission == 7_380_008, "0.1 % of 73.8000861 USDT, cut"
    assert desk.engine.fees == {"BTC": 123, "USDT": 7_380_008}


def test_the_taker_walks_the_book_and_its_rest_stays(desk: Desk[SpotEngine]) -> None:
    for price in ("60002", "60000", "60001"):
        desk.sell("alice", "1", price)
    outcome = desk.buy("bob", "2.5", "60001")
    assert [(one.price, one.quantity) for one in of(Trade, outcome)] == [(6_000_000, 100_000), (6_000_100, 100_000)]
    assert [one.aggregate_id for one in of(Trade, outcome)] == [1, 2]
    assert desk.book() == ([("60001", "0.5")], [("60002", "1")])
    assert outcome.order is not None
    assert outcome.order.status == "PARTIALLY_FILLED"
    assert desk.balance("bob", "USDT")[1] == Decimal("30000.5")
    [book] = book_changes(outcome)
    assert book.asks == ((6_000_000, 0), (6_000_100, 0))
    assert book.bids == ((6_000_100, 50_000),)
    assert (book.first_update_id, book.last_update_id) == (4, 6)


def test_fills_at_one_price_share_an_aggregate_id(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "1", "60000")
    desk.sell("alice", "1", "60000")
    desk.sell("alice", "1", "60000")
    assert [one.aggregate_id for one in of(Trade, desk.buy("bob", "2", "60000"))] == [1, 1]
    assert [one.aggregate_id for one in of(Trade, desk.buy("bob", "1", "60000"))] == [2]


def test_ioc_expires_what_it_cannot_fill(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "1", "60000")
    outcome = desk.buy("bob", "3", "60000", time_in_force="IOC")
    assert [one[1:] for one in executions(outcome)] == [
        ("NEW", "NEW"),
        ("TRADE", "FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    assert desk.engine.open_orders("bob") == ()
    assert desk.balance("bob", "USDT")[1] == 0


def test_fok_fills_all_or_nothing(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "1", "60000")
    outcome = desk.buy("bob", "1.1", "60000", time_in_force="FOK")
    assert executions(outcome) == [("bob", "NEW", "NEW"), ("bob", "EXPIRED", "EXPIRED")]
    assert of(Trade, outcome) == []
    assert executions(desk.buy("bob", "1", "60000", time_in_force="FOK"))[-1] == ("bob", "TRADE", "FILLED")


def test_market_orders_by_quantity(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "1", "60000")
    desk.sell("alice", "1", "60010")
    outcome = desk.buy("bob", "1.5")
    assert outcome.order is not None
    assert outcome.order.status == "FILLED"
    assert outcome.order.cumulative_quote == to_units(Decimal(90_005))
    assert executions(desk.buy("bob", "1"))[-1] == ("bob", "EXPIRED", "EXPIRED"), "the book held only half of it"
    assert executions(desk.buy("bob", "1")) == [("bob", "NEW", "NEW"), ("bob", "EXPIRED", "EXPIRED")]


def test_a_market_buy_by_quote_quantity_spends_at_most_that(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "0.01", "60000")
    desk.sell("alice", "1", "60010")
    outcome = desk.buy("bob", None, quote_quantity="1000")
    assert outcome.order is not None
    assert (outcome.order.status, outcome.order.quantity, outcome.order.executed) == ("FILLED", 1666, 1666)
    assert outcome.order.quote_quantity == to_units(Decimal(1000))
    spent = Decimal(1_000_000) - desk.balance("bob", "USDT")[0]
    assert spent == Decimal("0.01") * 60000 + Decimal("0.00666") * 60010
    assert Decimal(1000) - spent < Decimal("0.60010"), "another step would cost more than is left"


def test_a_market_sell_by_quote_quantity_expires_with_the_book(desk: Desk[SpotEngine]) -> None:
    desk.buy("alice", "0.01", "60000")
    outcome = desk.sell("bob", None, quote_quantity="1000")
    assert outcome.order is not None
    assert (outcome.order.status, outcome.order.executed) == ("EXPIRED", 1000)
    assert desk.balance("bob", "BTC")[0] == Decimal("9.99")
    desk.buy("alice", "0.01", "60000")
    exact = desk.sell("bob", None, quote_quantity="600").order
    assert exact is not None
    assert exact.status == "FILLED", "a book that is used up to the last is no book too small"


def test_limit_maker_never_takes(desk: Desk[SpotEngine]) -> None:
    desk.sell("alice", "1", "60000")
    with pytest.raises(Refusal) as refused:
        desk.buy("bob", "1", "60000", type="LIMIT_MAKER")
    assert (refused.value.code, refused.value.message) == (-2010, "Order would immediately match and take.")
    assert executions(desk.buy("bob", "1", "59999.99", type="LIMIT_MAKER")) == [("bob", "NEW", "NEW")]


def test_cancel_frees_what_remains(desk: Desk[SpotEngine]) -> None:
    placed = desk.buy("alice", "1", "60000", client_order_id="mine").order
    desk.sell("bob", "0.25", "60000")
    outcome = desk.engine.cancel("alice", SYMBOL, client_order_id="mine", request_id="please")
    assert placed is not None
    assert outcome.order is not None
    assert (outcome.order.order_id, outcome.order.status, outcome.order.executed) == (
        placed.order_id,
        "CANCELED",
        25_000,
    )
    [update] = of(OrderUpdate, outcome)
    assert (update.execution, update.request_client_order_id, update.trade_id) == ("CANCELED", "please", -1)
    assert desk.balance("alice", "USDT") == (Decimal(985_000), 0)
    assert desk.book() == ([], [])


def test_cancel_all_is_for_one_account_and_symbol(desk: Desk[SpotEngine]) -> None:
    desk.buy("alice", "1", "60000")
    desk.buy("alice", "1", "59000", type="LIMIT_MAKER")
    desk.buy("alice", "1", "61000", type="STOP_LOSS_LIMIT", stop_price="61000")
    desk.buy("alice", "1", "3000", symbol="ETHUSDT")
    desk.buy("bob", "1", "60000")
    outcome = desk.engine.cancel_all("alice", SYMBOL)
    assert executions(outcome) == [("alice", "CANCELED", "CANCELED")] * 3
    assert [row.symbol for row in desk.engine.open_orders("alice")] == ["ETHUSDT"]
    assert desk.balance("alice", "USDT")[1] == 3000
    assert len(book_changes(outcome)) == 1
    assert desk.engine.cancel_all("alice", SYMBOL).events == ()


def test_cancel_replace_reports_both_halves(desk: Desk[SpotEngine]) -> None:
    order = desk.buy("alice", "1", "60000").order
    assert order is not None
    replaced = desk.engine.cancel_replace(request("alice", "BUY", "16", "59000"), order_id=order.order_id)
    assert not isinstance(replaced.cancelled, Refusal)
    assert not isinstance(replaced.placed, Refusal)
    assert desk.book() == ([("59000", "16")], [])
    failed = desk.engine.cancel_replace(request("alice", "BUY", "1", "59000"), order_id=order.order_id)
    assert isinstance(failed.cancelled, Refusal)
    assert failed.placed is None
    again = desk.engine.cancel_replace(request("alice", "BUY", "1", "59000"), order_id=order.order_id, go_on=True)
    assert isinstance(again.cancelled, Refusal)
    assert isinstance(again.placed, Refusal), "16 BTC at 59,000 leave too little"


STOPS = [
    # type, side, stop, price that triggers it, price that does not
    ("STOP_LOSS", "SELL", "59000", "59000", "59000.01"),
    ("STOP_LOSS", "BUY", "61000", "61000", "60999.99"),
    ("TAKE_PROFIT", "SELL", "61000", "61500", "60999.99"),
    ("TAKE_PROFIT", "BUY", "59000", "58000", "59000.01"),
]


@pytest.mark.parametrize("case", STOPS)
@pytest.mark.parametrize("limit", [None, "60000"])
def test_conditional_orders_wait_for_the_last_price(
    desk: Desk[SpotEngine], case: tuple[str, str, str, str, str], limit: str | None
) -> None:
    kind, side, stop, hit, miss = case

    def trade(price: str) -> None:
        desk.sell("bob", "0.01", price)
        desk.buy("bob", "0.01", price, self_trade=SelfTrade.NONE)

    trade("60000")
    place = desk.buy if side == "BUY" else desk.sell
    placed = place("alice", "0.1", limit, type=kind + ("_LIMIT" if limit else ""), stop_price=stop)
    assert executions(placed) == [("alice", "NEW", "NEW")]
    assert placed.order is not None
    assert not placed.order.working
    assert desk.balance("alice", "USDT" if side == "BUY" else "BTC")[1] > 0, "it locks while it waits"
    trade(miss)
    assert desk.engine.order("alice", SYMBOL, order_id=placed.order.order_id) == placed.order
    desk.engine.advance(desk.engine.now + 5)
    desk.sell("bob", "0.01", hit)
    outcome = desk.buy("bob", "0.01", hit, self_trade=SelfTrade.NONE)
    [triggered] = [one for one in of(OrderUpdate, outcome) if one.execution == "TRIGGERED"]
    assert (triggered.order.working, triggered.order.working_time) == (True, desk.engine.now)
    if limit is None:
        assert executions(outcome)[-1] == ("alice", "EXPIRED", "EXPIRED"), "there is nothing left to trade with"
        assert desk.balance("alice", "USDT") == (Decimal(1_000_000), 0)
    else:
        assert [row.order_id for row in desk.engine.open_orders("alice")] == [placed.order.order_id]
        assert desk.book() == (([("60000", "0.1")], []) if side == "BUY" else ([], [("60000", "0.1")]))


def test_one_trigger_sets_off_the_next(desk: Desk[SpotEngine]) -> None:
    desk.sell("bob", "0.01", "60000")
    desk.buy("alice", "0.01", "60000")
    for price in ("59900", "59800", "59700"):
        desk.buy("bob", "0.1", price)
    desk.sell("alice", "0.1", type="STOP_LOSS", stop_price="59800", client_order_id="second")
    desk.sell("alice", "0.1", type="STOP_LOSS", stop_price="59900", client_order_id="first")
    outcome = desk.sell("alice", "0.1", "59900")
    told = [
        (one.order.client_order_id, one.execution) for one in of(OrderUpdate, outcome) if one.order.account == "alice"
    ]
    assert told[2:] == [("first", "TRIGGERED"), ("first", "TRADE"), ("second", "TRIGGERED"), ("second", "TRADE")]
    assert [one.price for one in of(Trade, outcome)] == [5_990_000, 5_980_000, 5_970_000]


def test_a_triggered_buy_that_cannot_be_paid_is_rejected(desk: Desk[SpotEngine]) -> None:
    desk.sell("bob", "0.01", "60000")
    desk.buy("alice", "0.01", "60000")
    desk.buy("alice", "9", type="STOP_LOSS", stop_price="62000")
    desk.engine.set_balances("alice", {"USDT": to_units(Decimal(9 * 62_000))})
    assert desk.balance("alice", "USDT") == (0, 9 * 62_000)
    desk.sell("bob", "0.01", "62000")
    desk.sell("bob", "9", "70000")
    outcome = desk.buy("bob", "0.01", "62000", self_trade=SelfTrade.NONE)
    assert executions(outcome)[-1] == ("alice", "REJECTED", "REJECTED")
    assert of(OrderUpdate, outcome)[-1].reason == "insufficient balance"
    assert desk.balance("alice", "USDT") == (9 * 62_000, 0)
    assert desk.engine.open_orders("alice") == ()


SELF_TRADES = [
    # mode, executions of the taker's command, what is left on the book
    (SelfTrade.NONE, [("NEW", "NEW"), ("TRADE", "FILLED"), ("TRADE", "FILLED")], ([], [])),
    (SelfTrade.EXPIRE_MAKER, [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")], ([("60000", "1")], [])),
    (None, [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")], ([("60000", "1")], [])),
    (SelfTrade.EXPIRE_TAKER, [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")], ([], [("60000", "1")])),
    (
        SelfTrade.EXPIRE_BOTH,
        [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")],
        ([], []),
    ),
]


@pytest.mark.parametrize(("mode", "expected", "left"), SELF_TRADES)
def test_self_trade_prevention(
    desk: Desk[SpotEngine],
    mode: SelfTrade | None,
    expected: list[tuple[str, str]],
    left: tuple[list[tuple[str, str]], list[tuple[str, str]]],
) -> None:
    desk.sell("alice", "1", "60000")
    outcome = desk.buy("alice", "1", "60000", self_trade=mode)
    assert [one[1:] for one in executions(outcome)] == expected
    assert desk.book() == left
    locked = (desk.balance("alice", "USDT")[1], desk.balance("alice", "BTC")[1])
    assert locked == (60_000 if left[0] else 0, 1 if left[1] else 0)
    for update in of(OrderUpdate, outcome):
        if update.execution == "TRADE_PREVENTION":
            assert update.order.prevented == 100_000


@pytest.mark.parametrize("mode", [SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH, SelfTrade.EXPIRE_MAKER])
def test_fok_does_not_count_own_orders(desk: Desk[SpotEngine], mode: SelfTrade) -> None:
    desk.sell("bob", "1", "60000")
    desk.sell("alice", "1", "60000")
    outcome = desk.buy("alice", "2", "60000", time_in_force="FOK", self_trade=mode)
    assert executions(outcome) == [("alice", "NEW", "NEW"), ("alice", "EXPIRED", "EXPIRED")]


@pytest.mark.parametrize("mode", [SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH])
def test_fok_does_not_reach_past_an_own_order_that_would_end_it(desk: Desk[SpotEngine], mode: SelfTrade) -> None:
    desk.sell("bob", "1", "60000")
    desk.sell("alice", "1", "60001")
    desk.sell("bob", "1", "60002")
    outcome = desk.buy("alice", "2", "60002", time_in_force="FOK", self_trade=mode)
    assert executions(outcome) == [("alice", "NEW", "NEW"), ("alice", "EXPIRED", "EXPIRED")]


def test_deposits_and_withdrawals_are_told_apart_from_trading(desk: Desk[SpotEngine]) -> None:
    desk.buy("alice", "1", "60000")
    outcome = desk.engine.set_balances("alice", {"USDT": to_units(Decimal(1_000_100)), "XRP": 5})
    [change] = of(AccountChange, outcome)
    assert change.reason is Reason.DEPOSIT
    assert [(row.asset, row.change) for row in change.balances] == [("USDT", to_units(Decimal(100))), ("XRP", 5)]
    assert desk.balance("alice", "USDT") == (Decimal(940_100), Decimal(60_000))
    with pytest.raises(ValueError, match="expected at least"):
        desk.engine.set_balances("alice", {"BTC": 1, "USDT": to_units(Decimal(59_999))})
    assert desk.balance("alice", "BTC") == (10, 0)
    [after] = of(AccountChange, desk.buy("alice", "1", "60000"))
    assert [row.change for row in after.balances] == [0]


def test_a_closed_account_leaves_nothing_behind(desk: Desk[SpotEngine]) -> None:
    desk.buy("alice", "1", "60000")
    outcome = desk.engine.close_account("alice")
    assert executions(outcome) == [("alice", "CANCELED", "CANCELED")]
    assert of(AccountChange, outcome) == []
    assert desk.book() == ([], [])
    assert desk.engine.imbalance() == {}
    with pytest.raises(Refusal):
        desk.engine.balances("alice")
    desk.open("alice", USDT="5")
    assert desk.balance("alice", "USDT") == (5, 0)


def test_an_account_has_one_name(desk: Desk[SpotEngine]) -> None:
    with pytest.raises(ValueError, match="new account name"):
        desk.engine.open_account("alice")


def test_time_never_goes_back(desk: Desk[SpotEngine]) -> None:
    now = desk.engine.now
    desk.engine.advance(now - 1)
    assert desk.engine.now == now


def test_ids_only_grow(desk: Desk[SpotEngine]) -> None:
    seen = []
    for _ in range(3):
        seen += [one.execution_id for one in of(OrderUpdate, desk.buy("alice", "1", "60000"))]
        seen += [one.execution_id for one in of(OrderUpdate, desk.sell("bob", "1", "60000"))]
    assert seen == list(range(1, len(seen) + 1))
