"""How orders change by what is learnt: by table, and in any order, doubled and late, by property."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.portfolio.orders.intents import intended
from services.portfolio.orders.rules import Terms
from services.portfolio.orders.state_machine import absent, cancelling, refused, reported, traded
from services.portfolio.rows import FeeTotal, Phase, StoredOrder, TradeTotals
from shared.contracts.portfolio.orders import OrderPlace, OrderStatus, OrderType, PositionAction, TradeType
from shared.exchanges.interface import VenueOrder, VenueStatus

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
AMOUNT = Decimal(2)
PRICE = Decimal(100)


def intent() -> StoredOrder:
    request = OrderPlace("main", "paper", "BTC-USDT", TradeType.BUY, AMOUNT, "o1", OrderType.LIMIT, PRICE)
    return intended(request, Terms(AMOUNT, PRICE), at=AT, receive_window_ms=3000, epoch=1)


def told(status: VenueStatus = VenueStatus.OPEN, filled: str = "0", **changes: Any) -> VenueOrder:
    order = VenueOrder(
        exchange_order_id="77",
        client_order_id="o1",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        status=status,
        amount=AMOUNT,
        price=PRICE,
        filled=Decimal(filled),
        average_price=PRICE if Decimal(filled) else None,
        updated_ms=0,
    )
    return replace(order, **changes)


def totals(amount: str, value: str | None = None, *fees: FeeTotal) -> TradeTotals:
    return TradeTotals(Decimal(amount), Decimal(value) if value else Decimal(amount) * PRICE, fees)


def status_after(*orders: VenueOrder) -> OrderStatus:
    stored = intent()
    for order in orders:
        stored = reported(stored, order, LATER)
    return stored.order.status


@pytest.mark.parametrize(
    ("orders", "status"),
    [
        ((), OrderStatus.SUBMITTED),
        ((told(),), OrderStatus.OPEN),
        ((told(filled="1"),), OrderStatus.PARTIALLY_FILLED),
        ((told(filled="1"), told()), OrderStatus.PARTIALLY_FILLED),
        ((told(VenueStatus.FILLED, "2"),), OrderStatus.FILLED),
        ((told(filled="2"),), OrderStatus.FILLED),
        ((told(VenueStatus.FILLED, "2"), told(filled="1")), OrderStatus.FILLED),
        ((told(VenueStatus.CANCELLED),), OrderStatus.CANCELLED),
        ((told(VenueStatus.CANCELLED), told()), OrderStatus.CANCELLED),
        ((told(VenueStatus.CANCELLED, "1"), told(filled="1")), OrderStatus.CANCELLED),
        ((told(VenueStatus.REJECTED),), OrderStatus.FAILED),
        ((told(VenueStatus.REJECTED), told()), OrderStatus.FAILED),
    ],
)
def test_the_status_follows_what_the_exchange_says(orders: tuple[VenueOrder, ...], status: OrderStatus) -> None:
    assert status_after(*orders) is status


def test_what_is_known_already_changes_nothing() -> None:
    once = reported(intent(), told(filled="1"), LATER)
    assert (once.order.version, once.order.updated_at) == (2, LATER)
    assert reported(once, told(filled="1"), AT) is once
    assert reported(once, told(), AT) is once
    assert traded(traded(once, totals("1"), "77", AT), totals("1"), "77", LATER).order.updated_at == AT


def test_a_fill_is_known_from_either_and_agrees_in_the_end() -> None:
    by_order = reported(intent(), told(filled="1.5"), LATER)
    assert by_order.lacks_trades
    assert by_order.order.average_fill_price == PRICE
    both = traded(by_order, totals("1.5", "151.5", FeeTotal(Decimal("0.01"), "BNB")), "77", LATER)
    assert not both.lacks_trades
    assert (both.order.filled_amount, both.order.average_fill_price) == (Decimal("1.5"), Decimal(101))
    assert (both.order.fee_paid, both.order.fee_currency) == (Decimal("0.01"), "BNB")
    by_trades = traded(intent(), totals("2"), "77", LATER)
    assert by_trades.order.status is OrderStatus.FILLED
    assert by_trades.order.exchange_order_id == "77"
    assert by_trades.is_settled


def test_an_average_price_has_no_exponent_and_an_end() -> None:
    assert str(traded(intent(), totals("2", "100000"), "77", AT).order.average_fill_price) == "50000"
    assert str(traded(intent(), totals("1.5", "1"), "77", AT).order.average_fill_price) == "0.666666666667"


def test_fees_in_two_currencies_are_not_summed() -> None:
    fees = (FeeTotal(Decimal(1), "BNB"), FeeTotal(Decimal(2), "BTC"))
    mixed = traded(intent(), totals("1", None, *fees), "77", AT).order
    assert (mixed.fee_paid, mixed.fee_currency) == (None, None)


def test_a_late_fill_of_a_cancelled_order_is_counted() -> None:
    cancelled = reported(intent(), told(VenueStatus.CANCELLED), AT)
    late = traded(cancelled, totals("1"), "77", LATER)
    assert (late.order.status, late.order.filled_amount) == (OrderStatus.CANCELLED, Decimal(1))


def test_an_order_that_is_to_end_stays_so_until_it_has() -> None:
    wished = cancelling(reported(intent(), told(), AT), AT)
    assert wished.order.status is OrderStatus.PENDING_CANCEL
    assert reported(wished, told(filled="1"), AT).order.status is OrderStatus.PENDING_CANCEL
    assert reported(wished, told(VenueStatus.CANCELLED, "1"), AT).order.status is OrderStatus.CANCELLED
    assert reported(wished, told(VenueStatus.FILLED, "2"), AT).order.status is OrderStatus.FILLED
    final = reported(intent(), told(VenueStatus.FILLED, "2"), AT)
    assert cancelling(final, LATER) is final


def test_a_refusal_ends_only_what_the_exchange_was_not_seen_to_have() -> None:
    failed = refused(intent(), "not enough balance", AT)
    assert (failed.order.status, failed.order.error_message) == (OrderStatus.FAILED, "not enough balance")
    seen = reported(intent(), told(), AT)
    assert refused(seen, "a late answer to a request that was done", AT) is seen


def test_a_refusal_that_was_none_is_proved_wrong_by_the_order_itself() -> None:
    failed = refused(intent(), "system error, try again later", AT)
    shown = reported(failed, told(filled="1"), LATER)
    assert (shown.order.status, shown.order.error_message) == (OrderStatus.PARTIALLY_FILLED, None)
    assert traded(failed, totals("2"), "77", LATER).order.status is OrderStatus.FILLED
    listed = reported(failed, told(VenueStatus.REJECTED), LATER)
    assert (listed.order.status, listed.order.error_message) == (OrderStatus.FAILED, "system error, try again later")


def test_an_absence_is_believed_until_the_exchange_shows_the_order() -> None:
    failed = absent(intent(), AT)
    assert failed.order.status is OrderStatus.FAILED
    assert failed.is_settled
    shown = reported(failed, told(filled="1"), LATER)
    assert (shown.order.status, shown.order.error_message) == (OrderStatus.PARTIALLY_FILLED, None)
    assert shown.phase is Phase.CONFIRMED
    gone = absent(reported(intent(), told(), AT), AT)
    assert gone.order.status is OrderStatus.CANCELLED
    assert reported(gone, told(), LATER).order.status is OrderStatus.OPEN
    ended = reported(intent(), told(VenueStatus.FILLED, "2"), AT)
    assert absent(ended, LATER) is ended


@given(seed=st.integers(0, 2**32), fills=st.integers(0, 5), ends=st.booleans())
def test_any_order_of_news_ends_in_the_same_state_and_nothing_shrinks(seed: int, fills: int, ends: bool) -> None:
    """The news of a life come in any order, some twice; versions and fills only grow, a final status stays."""
    steps = [Decimal(number) * AMOUNT / 5 for number in range(1, fills + 1)]
    news: list[VenueOrder | TradeTotals] = [told(), *(told(filled=str(step)) for step in steps)]
    filled = steps[-1] if steps else Decimal(0)
    if filled == AMOUNT:
        news.append(told(VenueStatus.FILLED, str(filled)))
    elif ends:
        news.append(told(VenueStatus.CANCELLED, str(filled)))
    chosen = random.Random(seed)
    news += chosen.choices(news, k=3)
    chosen.shuffle(news)
    stored = intent()
    seen_trades = 0
    for one in news:
        before = stored
        if chosen.random() < 0.5 and seen_trades < fills:  # trades are stored one by one, so their sum only grows
            seen_trades += 1
            stored = traded(stored, totals(str(steps[seen_trades - 1])), "77", LATER)
        assert isinstance(one, VenueOrder)
        stored = reported(stored, one, LATER)
        assert stored.order.filled_amount >= before.order.filled_amount
        assert (stored.order.version > before.order.version) == (stored != before)
        if before.order.status.is_final:
            assert stored.order.status is before.order.status
    if steps:
        stored = traded(stored, totals(str(filled)), "77", LATER)
    assert stored.order.filled_amount == filled
    assert not stored.lacks_trades
    expected = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN
    if filled == AMOUNT:
        expected = OrderStatus.FILLED
    elif ends:
        expected = OrderStatus.CANCELLED
    assert stored.order.status is expected


def closing() -> StoredOrder:
    stored = intent()
    return replace(stored, order=replace(stored.order, position_action=PositionAction.CLOSE))


def test_an_order_that_closes_more_than_there_is_has_the_amount_that_the_exchange_gave_it() -> None:
    stored = reported(closing(), told(amount=Decimal("1.5")), LATER)
    assert (stored.order.amount, stored.order.status, stored.order.version) == (Decimal("1.5"), OrderStatus.OPEN, 2)
    assert reported(stored, told(), LATER) is stored  # an older word does not make it larger again
    stored = reported(stored, told(amount=Decimal(1), filled="0.5"), LATER)
    assert (stored.order.amount, stored.order.status) == (Decimal(1), OrderStatus.PARTIALLY_FILLED)
    stored = traded(stored, totals("1"), "77", LATER)
    assert (stored.order.amount, stored.order.filled_amount, stored.order.status) == (
        Decimal(1), Decimal(1), OrderStatus.FILLED,
    )  # fmt: skip


@pytest.mark.parametrize("amount", ["0", "3"])
def test_amounts_that_an_exchange_does_not_tell_or_tells_larger_change_nothing(amount: str) -> None:
    assert reported(closing(), told(amount=Decimal(amount)), LATER).order.amount == AMOUNT


def test_the_amount_of_an_order_that_opens_is_what_was_sent() -> None:
    """Exchanges that buy at the market by cost tell another amount."""
    assert reported(intent(), told(amount=Decimal(1)), LATER).order.amount == AMOUNT
