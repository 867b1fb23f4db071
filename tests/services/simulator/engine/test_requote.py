"""Synthetic participants: bulk quotes with small changes, users' places in the queue, takers."""

from random import Random

import pytest

from services.simulator.engine.events import AccountChange, BookChange, OrderUpdate, Trade
from services.simulator.engine.spot import SpotEngine
from services.simulator.engine.terms import Side
from tests.services.simulator.engine.desk import SYMBOL, Desk, book_changes, executions, of, spot_desk
from tests.services.simulator.engine.test_priority import FollowedBook

BID, ASK = 5_999_000, 6_001_000


@pytest.fixture
def desk() -> Desk[SpotEngine]:
    desk = spot_desk()
    desk.engine.open_account("makers", unbounded=True)
    desk.engine.open_account("takers", unbounded=True)
    return desk


def test_quotes_become_what_is_wanted_and_only_differences_are_told(desk: Desk[SpotEngine]) -> None:
    first = desk.engine.requote("makers", SYMBOL, [(BID, 100), (BID - 1, 200)], [(ASK, 100)])
    [change] = book_changes(first)
    assert (change.bids, change.asks) == (((BID, 100), (BID - 1, 200)), ((ASK, 100),))
    assert first.events == (change,), "nobody is told of synthetic orders"
    second = desk.engine.requote("makers", SYMBOL, [(BID, 100), (BID - 1, 150), (BID - 2, 1)], [(ASK + 1, 100)])
    [change] = book_changes(second)
    assert (change.bids, change.asks) == (((BID - 1, 150), (BID - 2, 1)), ((ASK, 0), (ASK + 1, 100)))
    assert (change.first_update_id, change.last_update_id) == (4, 7)
    assert (
        desk.engine.requote("makers", SYMBOL, [(BID, 100), (BID - 1, 150), (BID - 2, 1)], [(ASK + 1, 100)]).events == ()
    )
    desk.engine.requote("makers", SYMBOL, [], [])
    assert desk.book() == ([], [])


def fill_order(desk: Desk[SpotEngine], steps: int) -> list[tuple[str, int]]:
    """Let a taker sell into the bids; return (buyer, steps) of its fills."""
    return [
        (one.buyer_account, one.quantity) for one in of(Trade, desk.engine.take("takers", SYMBOL, Side.SELL, steps))
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1000, [("makers", 1000), ("alice", 1000)]),  # unchanged: in its place, ahead of the user
        (400, [("makers", 400), ("alice", 1000)]),  # smaller: in its place as well
        (1500, [("alice", 1000), ("makers", 1500)]),  # greater: behind the user
        (0, [("alice", 1000)]),
    ],
)
def test_a_users_order_keeps_its_place(desk: Desk[SpotEngine], steps: int, expected: list[tuple[str, int]]) -> None:
    desk.engine.requote("makers", SYMBOL, [(BID, 1000)], [])
    desk.buy("alice", "0.01", "59990")
    desk.engine.requote("makers", SYMBOL, [(BID, steps)], [])
    assert fill_order(desk, 10_000) == expected


def test_a_quote_alone_at_its_price_grows_in_place(desk: Desk[SpotEngine]) -> None:
    desk.engine.requote("makers", SYMBOL, [(BID, 100)], [])
    [change] = book_changes(desk.engine.requote("makers", SYMBOL, [(BID, 300)], []))
    assert change.bids == ((BID, 300),)
    desk.buy("alice", "0.01", "59990")
    assert fill_order(desk, 10_000) == [("makers", 300), ("alice", 1000)]


def test_filled_quotes_are_refilled(desk: Desk[SpotEngine]) -> None:
    desk.engine.requote("makers", SYMBOL, [(BID, 1000), (BID - 1, 1000)], [])
    assert fill_order(desk, 1500) == [("makers", 1000), ("makers", 500)]
    [change] = book_changes(desk.engine.requote("makers", SYMBOL, [(BID, 1000), (BID - 1, 1000)], []))
    assert change.bids == ((BID, 1000), (BID - 1, 1000))


def test_quotes_that_reach_a_users_order_fill_it(desk: Desk[SpotEngine]) -> None:
    desk.engine.requote("makers", SYMBOL, [(BID, 1000)], [(ASK, 1000)])
    desk.sell("alice", "0.017", "60005")
    outcome = desk.engine.requote("makers", SYMBOL, [(6_000_600, 1500), (6_000_500, 200)], [(6_001_500, 1000)])
    assert executions(outcome) == [("alice", "TRADE", "PARTIALLY_FILLED"), ("alice", "TRADE", "FILLED")]
    assert [(one.price, one.quantity) for one in of(Trade, outcome)] == [(6_000_500, 1500), (6_000_500, 200)]
    update = of(OrderUpdate, outcome)[0]
    assert update.is_maker
    assert update.last_price == 6_000_500, "at the user's price, which came first"
    assert desk.engine.open_orders("alice") == ()
    assert desk.book() == ([], [("60015", "0.01")])
    assert {change.account for change in of(AccountChange, outcome)} == {"alice"}


def test_takers_stop_at_their_price(desk: Desk[SpotEngine]) -> None:
    desk.engine.requote("makers", SYMBOL, [], [(ASK, 100), (ASK + 10, 100)])
    assert len(of(Trade, desk.engine.take("takers", SYMBOL, Side.BUY, 500, ASK))) == 1
    assert len(of(Trade, desk.engine.take("takers", SYMBOL, Side.BUY, 500))) == 1
    assert desk.engine.take("takers", SYMBOL, Side.BUY, 500).events == ()


def test_takers_set_off_users_stops(desk: Desk[SpotEngine]) -> None:
    desk.engine.requote("makers", SYMBOL, [(BID, 5000)], [(ASK, 5000)])
    desk.engine.take("takers", SYMBOL, Side.BUY, 1)
    desk.sell("alice", "0.01", type="STOP_LOSS", stop_price="59990")
    outcome = desk.engine.take("takers", SYMBOL, Side.SELL, 1)
    assert [one[1] for one in executions(outcome)] == ["TRIGGERED", "TRADE"]


def test_only_synthetic_accounts_quote_and_take(desk: Desk[SpotEngine]) -> None:
    with pytest.raises(ValueError, match="expected an unbounded account"):
        desk.engine.requote("alice", SYMBOL, [(BID, 1)], [])
    with pytest.raises(ValueError, match="expected an unbounded account"):
        desk.engine.take("alice", SYMBOL, Side.BUY, 1)
    with pytest.raises(ValueError, match="expected a user's account"):
        desk.engine.close_account("makers")
    with pytest.raises(ValueError, match="expected bids below asks"):
        desk.engine.requote("makers", SYMBOL, [(ASK, 1)], [(ASK, 1)])


def test_the_book_is_what_was_wanted_and_what_the_changes_say(seed: int, desk: Desk[SpotEngine]) -> None:
    random = Random(seed)
    followed = FollowedBook()
    middle = 6_000_000
    for _ in range(300):
        middle += random.randrange(-3, 4)
        bids = {middle - random.randrange(1, 30): random.randrange(1, 50) for _ in range(10)}
        asks = {middle + random.randrange(1, 30): random.randrange(1, 50) for _ in range(10)}
        outcome = desk.engine.requote("makers", SYMBOL, bids.items(), asks.items())
        assert of(Trade, outcome) == []
        changes = book_changes(outcome)
        if random.random() < 0.5:
            taken = desk.engine.take("takers", SYMBOL, random.choice((Side.BUY, Side.SELL)), random.randrange(1, 400))
            changes += of(BookChange, taken)
        else:
            depth = desk.engine.depth(SYMBOL, 100)
            assert (dict(depth.bids), dict(depth.asks)) == (bids, asks)
        for change in changes:
            followed.apply(change)
        depth = desk.engine.depth(SYMBOL, 100)
        assert (depth.bids, depth.asks) == followed.levels()
    assert desk.engine.imbalance() == {}
