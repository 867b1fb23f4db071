"""Active orders in memory: whatever order their events come in, those that are not final are there, as they are."""

from collections.abc import Container, Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio import orders_view, pages
from services.portfolio.orders_view import OrdersView
from shared.contracts.portfolio.balances import BALANCES_CHANGED
from shared.contracts.portfolio.orders import ORDER_CHANGED, Order, OrderFilter, OrderPage, OrderStatus
from shared.database.pool import Database
from tests.services.portfolio.recorded import Recorder, balances, order

_decode = msgspec.json.Decoder(OrderPage).decode

HISTORY = [
    order("a", status=OrderStatus.SUBMITTED, version=1),
    order("a", status=OrderStatus.OPEN, version=2, exchange_order_id="7"),
    order("b", status=OrderStatus.SUBMITTED, version=1),
    order("b", status=OrderStatus.FAILED, version=2, error_message="no funds"),
    order("c", status=OrderStatus.OPEN, version=1),
    order("c", status=OrderStatus.CANCELLED, version=2),
    order("c", status=OrderStatus.CANCELLED, version=3, filled_amount=Decimal("0.5")),
    order("a", status=OrderStatus.PARTIALLY_FILLED, version=3, filled_amount=Decimal("1")),
    order("d", status=OrderStatus.FILLED, version=1),
]


def told(orders: Sequence[Order]) -> OrdersView:
    view = OrdersView()
    for one in orders:
        view.apply(ORDER_CHANGED, one)
    return view


class Every:
    """All sessions there could be."""

    def __contains__(self, _: object) -> bool:
        return True


def page(
    view: OrdersView,
    wanted: OrderFilter = OrderFilter(),  # noqa: B008 - frozen
    sessions: Container[tuple[str, str]] = Every(),
) -> OrderPage:
    return _decode(msgspec.json.encode(view.page(wanted, sessions)))


def ids(found: OrderPage) -> list[str]:
    return [one.client_order_id for one in found.orders]


@given(st.permutations(HISTORY), st.integers(0, len(HISTORY)))
def test_any_order_of_events_with_repetitions_ends_in_the_same(events: list[Order], repeated: int) -> None:
    view = told([*events, *events[:repeated]])
    assert page(view) == OrderPage((HISTORY[7],), 1)
    assert view.get("a") == HISTORY[7]
    assert view.get("b") is None
    assert len(view) == 1


def test_what_is_not_about_orders_changes_nothing() -> None:
    view = told(HISTORY)
    before = view.generation
    view.apply(BALANCES_CHANGED, balances({"BTC": "1"}))
    view.apply(ORDER_CHANGED, HISTORY[0])
    assert view.generation == before


def test_each_visible_change_is_another_generation() -> None:
    view = told([order("a")])
    seen = {view.generation}
    for version, status in enumerate((OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED), 2):
        view.apply(ORDER_CHANGED, order("a", version=version, status=status))
        seen.add(view.generation)
    assert len(seen) == 3


def test_a_filter_names_accounts_connectors_and_pairs() -> None:
    orders = [
        order(f"{account}-{connector}-{pair}", account_name=account, connector_name=connector, trading_pair=pair)
        for account in ("x", "y")
        for connector in ("binance", "paper")
        for pair in ("BTC-USDT", "ETH-USDT")
    ]
    view = told(orders)
    assert page(view).total == 8
    assert page(view, OrderFilter(account_names=("x",), trading_pairs=("ETH-USDT",))).total == 2
    assert ids(page(view, OrderFilter(("y",), ("paper",), ("BTC-USDT",)))) == ["y-paper-BTC-USDT"]
    assert page(view, OrderFilter(account_names=("nobody",))) == OrderPage((), 0)
    assert page(view, OrderFilter(connector_names=())) == OrderPage((), 0)


@given(st.sets(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), max_size=40), st.integers(1, 12))
def test_pages_give_each_order_once_in_the_order_of_ids(names: set[str], limit: int) -> None:
    view = told([order(name) for name in names])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        found = page(view, OrderFilter(limit=limit, cursor=cursor))
        assert found.total == len(names)
        assert len(found.orders) <= limit
        seen += ids(found)
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == sorted(names)


def test_a_page_goes_on_where_the_order_of_its_cursor_has_ended_meanwhile() -> None:
    view = told([order(name) for name in "abcd"])
    first = page(view, OrderFilter(limit=2))
    view.apply(ORDER_CHANGED, order("b", version=2, status=OrderStatus.FILLED))
    assert ids(page(view, OrderFilter(limit=2, cursor=first.next_cursor))) == ["c", "d"]


def test_a_page_is_shorter_where_its_orders_are_too_large_for_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 4_000)
    view = told([order(f"o{number}", error_message="x" * 1_500) for number in range(5)])
    first = page(view)
    assert (ids(first), first.total, first.next_cursor) == (["o0", "o1"], 5, "o1")
    monkeypatch.setattr(pages, "PAGE_BYTES", 10)
    assert ids(page(view, OrderFilter(cursor="o1"))) == ["o2"]


def test_an_order_that_ended_stays_so_whatever_older_news_comes() -> None:
    view = told([order("a", version=3, status=OrderStatus.CANCELLED), order("a", version=2, status=OrderStatus.OPEN)])
    assert page(view).total == 0


def test_an_order_that_nobody_could_find_is_active_again_when_it_turns_up() -> None:
    view = told([order("a", version=2, status=OrderStatus.FAILED), order("a", version=3, status=OrderStatus.OPEN)])
    assert ids(page(view)) == ["a"]
    view.apply(ORDER_CHANGED, order("a", version=4, status=OrderStatus.FILLED))
    assert page(view).total == 0


def test_orders_of_a_credential_that_is_gone_are_not_active_here() -> None:
    view = told([order("a", account_name="x"), order("b", account_name="y")])
    assert ids(page(view, sessions={("y", order("b").connector_name)})) == ["b"]


def test_orders_that_ended_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders_view, "_REMEMBERED", 2)
    view = told([order(name, status=OrderStatus.FILLED, version=2) for name in "abc"])
    for name in "bc":
        view.apply(ORDER_CHANGED, order(name, version=1))
    assert page(view).total == 0
    view.apply(ORDER_CHANGED, order("a", version=1))
    assert ids(page(view)) == ["a"]


async def test_from_the_tables_come_those_that_are_not_final(recorder: Recorder, database: Database) -> None:
    await recorder(
        *(order(name, status=status, version=3) for name, status in zip("abcdefg", OrderStatus, strict=True))
    )
    view = OrdersView()
    async with database.transaction() as connection:
        await view.load(connection)
    assert ids(page(view)) == ["a", "b", "c", "d"]
    assert view.get("a") == order("a", status=OrderStatus.SUBMITTED, version=3)


async def test_what_ended_unseen_is_gone_after_a_load_and_what_is_newer_in_memory_stays(
    recorder: Recorder, database: Database
) -> None:
    view = told([order("ended"), order("newer", version=5), order("gone", version=4, status=OrderStatus.FILLED)])
    await recorder(
        order("ended", version=2, status=OrderStatus.CANCELLED), order("newer", version=4), order("gone", version=3)
    )
    async with database.transaction() as connection:
        await view.load(connection)
    assert ids(page(view)) == ["newer"]
    assert view.get("newer") == order("newer", version=5)
