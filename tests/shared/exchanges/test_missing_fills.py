"""Fills that have to be asked for: what orders tell against what lists have."""

from decimal import Decimal

from shared.contracts.portfolio.orders import TradeType
from shared.exchanges.interface import VenueOrder, VenueStatus, VenueTrade
from shared.exchanges.missing_fills import MissingFills

NOW = 1_700_000_000_000


def _order(number: str, filled: str, pair: str = "A-B") -> VenueOrder:
    return VenueOrder(
        number, None, pair, TradeType.BUY, None, VenueStatus.OPEN, Decimal(9), None, Decimal(filled), None, NOW
    )


def _trade(number: str, order: str, amount: str, at_ms: int = NOW, pair: str = "A-B") -> VenueTrade:
    return VenueTrade(number, pair, order, None, TradeType.BUY, Decimal(1), Decimal(amount), None, at_ms)


def test_an_order_that_is_not_filled_is_no_reason_to_ask() -> None:
    missing = MissingFills(NOW)
    missing.note(_order("1", "0"))
    assert missing.pairs() == ()


def test_a_pair_is_asked_for_until_its_fills_are_known() -> None:
    missing = MissingFills(NOW)
    missing.note(_order("1", "3"))
    assert missing.pairs() == ("A-B",)
    first, second = _trade("t1", "1", "1"), _trade("t2", "1", "2", NOW + 5)

    assert missing.take("A-B", ()) == ()
    assert missing.take("A-B", (first,)) == (first,)
    assert missing.pairs() == ("A-B",)
    assert missing.take("A-B", (first, second)) == (second,)
    assert missing.pairs() == ()
    missing.note(_order("1", "3"))
    assert missing.pairs() == (), "expected a word that comes twice to be no news"
    missing.note(_order("1", "4"))
    assert missing.pairs() == ("A-B",)


def test_fills_that_never_come_are_given_up() -> None:
    missing = MissingFills(NOW)
    missing.note(_order("1", "3"))
    asked = 0
    while missing.pairs():
        assert missing.take("A-B", ()) == ()
        asked += 1
    assert asked == 5


def test_pairs_are_asked_for_each_by_itself() -> None:
    missing = MissingFills(NOW)
    missing.note(_order("1", "1"))
    missing.note(_order("2", "1", "C-D"))

    missing.take("A-B", (_trade("t1", "1", "1"),))
    assert missing.pairs() == ("C-D",)
    # Ids of fills are unique within a pair alone.
    assert missing.take("C-D", (_trade("t1", "2", "1", pair="C-D"),))
    assert missing.pairs() == ()


def test_lists_are_asked_for_from_a_little_before_the_last_fill() -> None:
    missing = MissingFills(NOW)
    assert missing.since_ms("A-B") == NOW
    missing.take("A-B", (_trade("t1", "1", "1", NOW + 10), _trade("t2", "1", "1", NOW + 500_000)))

    assert missing.since_ms("A-B") == NOW + 440_000
    assert missing.since_ms("C-D") == NOW
    assert missing.take("A-B", (_trade("t2", "1", "1", NOW + 500_000),)) == ()


def test_what_an_order_has_from_long_ago_counts() -> None:
    missing = MissingFills(NOW)
    missing.note(_order("1", "1"))
    missing.take("A-B", (_trade("t1", "1", "1", NOW),))
    missing.take("A-B", (_trade("t2", "2", "1", NOW + 900_000),))
    missing.note(_order("1", "2"))

    assert missing.take("A-B", (_trade("t3", "1", "1", NOW + 900_001),))
    assert missing.pairs() == ()
