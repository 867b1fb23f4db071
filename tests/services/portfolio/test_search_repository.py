"""Searches of stored orders and trades: newest first, each once, whatever is placed meanwhile."""

import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.portfolio import pages, totals
from services.portfolio.repository import Repository
from services.portfolio.rows import FeeTotal
from services.portfolio.search_repository import SearchRepository
from shared.contracts.portfolio.orders import Order, OrderPage, OrderSearch, OrderStatus, TradeType
from shared.contracts.portfolio.trades import Trade, TradeFee, TradePage, TradeSearch
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from tests.services.portfolio.recorded import NOON, Recorder, order, trade


class Searcher:
    """Searches and decodes as a caller does."""

    def __init__(self, database: Database) -> None:
        self._searches = SearchRepository(database)

    async def orders(self, **wanted: Any) -> OrderPage:
        return msgspec.json.decode(
            msgspec.json.encode(await self._searches.orders(OrderSearch(**wanted))), type=OrderPage
        )

    async def trades(self, **wanted: Any) -> TradePage:
        return msgspec.json.decode(
            msgspec.json.encode(await self._searches.trades(TradeSearch(**wanted))), type=TradePage
        )

    async def order_ids(self, **wanted: Any) -> list[str]:
        return [one.client_order_id for one in (await self.orders(**wanted)).orders]

    async def trade_ids(self, **wanted: Any) -> list[str]:
        return [one.trade_id for one in (await self.trades(**wanted)).trades]

    async def refused(self, **wanted: Any) -> CommandError:
        with pytest.raises(CommandError) as caught:
            await self.orders(**wanted)
        return caught.value


@pytest.fixture
def search(database: Database) -> Searcher:
    return Searcher(database)


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


async def test_an_order_is_found_as_it_was_recorded(search: Searcher, recorder: Recorder) -> None:
    full = order(
        "full",
        trading_pair="PEPE-USDT",
        amount=msgspec.convert("123456789012.123456789012345678", type=type(order().amount)),
        status=OrderStatus.FAILED,
        fee_currency="BNB",
        exchange_order_id="9" * 20,
        error_message="Account has insufficient balance for requested action. ⚠",
        version=3,
        updated_at=NOON + timedelta(microseconds=123456),
    )
    await recorder(full)
    assert await search.orders() == OrderPage((full,), 1)


async def test_nothing_is_found_where_nothing_is(search: Searcher) -> None:
    assert await search.orders() == OrderPage((), 0)
    assert await search.trades() == TradePage((), 0)


async def test_newest_first_and_by_id_where_the_time_is_the_same(search: Searcher, recorder: Recorder) -> None:
    await recorder(order("b"), order("d"), order("c", created_at=minute(1)), order("a", created_at=minute(-1)))
    assert await search.order_ids() == ["c", "d", "b", "a"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_give_each_order_once(search: Searcher, recorder: Recorder, limit: int) -> None:
    chance = random.Random(limit)
    orders = [order(f"o{number:02}", created_at=minute(chance.randrange(5))) for number in range(23)]
    await recorder(*orders)
    seen: list[Order] = []
    cursor: str | None = None
    while True:
        found = await search.orders(limit=limit, cursor=cursor)
        assert found.total == 23
        assert 0 < len(found.orders) <= limit
        seen += found.orders
        cursor = found.next_cursor
        if cursor is None:
            break
        # Newer ones neither repeat nor hide any.
        newer = order(f"newer{len(seen)}", account_name="other", created_at=minute(10 + len(seen)))
        await recorder(newer)
        await search.orders(limit=limit)
        await recorder.database.execute("DELETE FROM orders WHERE account_name = 'other'")
    assert seen == sorted(orders, key=lambda one: (one.created_at, one.client_order_id), reverse=True)


async def test_pages_give_each_trade_once_whatever_stands_in_its_id(search: Searcher, recorder: Recorder) -> None:
    trades = [
        trade(f"main:paper:BTC-USDT:{number}", timestamp=NOON + timedelta(microseconds=number // 3))
        for number in range(11)
    ]
    await recorder(order("o1"), *trades)
    seen: list[Trade] = []
    cursor: str | None = None
    while True:
        found = await search.trades(limit=4, cursor=cursor)
        assert found.total == 11
        seen += found.trades
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == sorted(trades, key=lambda one: (one.timestamp, one.trade_id), reverse=True)


async def test_filters_of_orders(search: Searcher, recorder: Recorder) -> None:
    await recorder(
        order("a", account_name="x"),
        order("b", account_name="y", connector_name="binance"),
        order("c", trading_pair="ETH-USDT", status=OrderStatus.FILLED),
        order("d", created_at=minute(5)),
    )
    assert await search.order_ids(account_names=("x",)) == ["a"]
    assert await search.order_ids(account_names=("x", "y")) == ["b", "a"]
    assert await search.order_ids(account_names=()) == []
    assert await search.order_ids(account_names=("nobody",)) == []
    assert await search.order_ids(connector_names=("binance", "okx")) == ["b"]
    assert await search.order_ids(trading_pairs=("ETH-USDT",)) == ["c"]
    assert await search.order_ids(status=OrderStatus.FILLED) == ["c"]
    assert await search.order_ids(account_names=("main",), trading_pairs=("BTC-USDT",), status=OrderStatus.OPEN) == [
        "d"
    ]
    found = await search.orders(account_names=("x", "y"), limit=1)
    assert (found.total, found.next_cursor is not None) == (2, True)


async def test_filters_of_trades(search: Searcher, recorder: Recorder) -> None:
    await recorder(
        order("o1"),
        trade("a"),
        trade("b", trade_type=TradeType.SELL, fee_currency=None),
        trade("c", trading_pair="ETH-USDT", timestamp=minute(3)),
    )
    assert await search.trade_ids() == ["c", "b", "a"]
    assert await search.trade_ids(trade_types=(TradeType.SELL,)) == ["b"]
    assert await search.trade_ids(trade_types=(TradeType.SELL, TradeType.BUY)) == ["c", "b", "a"]
    assert await search.trade_ids(trading_pairs=("ETH-USDT",), account_names=("main",)) == ["c"]
    assert await search.trade_ids(end_time=minute(2)) == ["b", "a"]
    assert (await search.trades(trade_types=(TradeType.SELL,))).trades[0].fee_currency is None


async def test_both_ends_of_a_span_are_included(search: Searcher, recorder: Recorder) -> None:
    await recorder(*(order(f"o{number}", created_at=minute(number)) for number in range(5)))
    assert await search.order_ids(start_time=minute(1), end_time=minute(3)) == ["o3", "o2", "o1"]
    assert await search.order_ids(start_time=minute(4)) == ["o4"]
    assert await search.order_ids(start_time=minute(3), end_time=minute(1)) == []
    east = timezone(timedelta(hours=9))
    assert await search.order_ids(start_time=minute(4).astimezone(east)) == ["o4"]
    # Without a zone it is UTC.
    assert await search.order_ids(start_time=minute(4).replace(tzinfo=None)) == ["o4"]
    assert await search.order_ids(
        start_time=datetime.min.replace(tzinfo=UTC), end_time=datetime.max.replace(tzinfo=UTC)
    )


async def test_a_cursor_of_upstream_goes_on_where_it_says(search: Searcher, recorder: Recorder) -> None:
    await recorder(order("a"), order("b"), order("c"), order("d", created_at=minute(1)))
    assert await search.order_ids(cursor="2026-03-01T12:00:00:c") == ["b", "a"]
    assert await search.order_ids(cursor="2026-03-01T12:00:00Z:b") == ["a"]
    assert await search.order_ids(cursor=f"{int(minute(1).timestamp() * 1000)}:a") == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cursor", "o1"),
        ("cursor", "2026-03-01T12:00:00:a\0"),
        ("start_time", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
        ("end_time", datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))),
    ],
)
async def test_what_cannot_be_searched_by_is_refused_with_its_field(
    search: Searcher, field: str, value: object
) -> None:
    error = await search.refused(**{field: value})
    assert error.code is ErrorCode.INVALID
    assert error.fields[0].loc == (field,)


async def test_text_that_the_database_cannot_hold_matches_nothing(search: Searcher, recorder: Recorder) -> None:
    await recorder(order("a"))
    assert await search.order_ids(trading_pairs=("BTC\0USDT",)) == []
    assert await search.order_ids(trading_pairs=("BTC\0USDT", "BTC-USDT")) == ["a"]
    assert await search.order_ids(trading_pairs=("'; DROP TABLE orders; --", "%")) == []


async def test_a_page_is_shorter_where_its_rows_are_too_large_for_a_message(
    search: Searcher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 4_000)
    await recorder(*(order(f"o{number}", error_message="x" * 1_500) for number in range(3)))
    first = await search.orders()
    assert [one.client_order_id for one in first.orders] == ["o2", "o1"]
    assert first.total == 3
    assert await search.order_ids(cursor=first.next_cursor) == ["o0"]


async def test_without_a_database_a_search_says_so(search: Searcher, database: Database) -> None:
    await database.stop()
    assert (await search.refused()).code is ErrorCode.UNAVAILABLE


async def test_beyond_a_bound_the_total_is_an_estimate(
    search: Searcher, recorder: Recorder, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "EXACT_UP_TO", 5)
    await recorder(*(order(f"o{number}", trading_pair="BTC-USDT" if number else "A-B") for number in range(9)))
    await database.execute("ANALYZE orders")
    assert (await search.orders(limit=3)).total == 9  # what the statistics say
    assert (await search.orders(trading_pairs=("BTC-USDT",), limit=3)).total == 8
    assert (await search.orders(start_time=minute(-1), status=OrderStatus.OPEN, limit=3)).total > 5
    monkeypatch.setattr(totals, "EXACT_UP_TO", 9)
    await database.execute("UPDATE pg_class SET reltuples = 1000 WHERE relname = 'orders'")
    assert (await search.orders(limit=3)).total == 9  # counted


async def test_each_search_is_planned_for_its_own_values(
    search: Searcher, recorder: Recorder, database: Database
) -> None:
    """A plan for any value looks for a pair that is rare in all rows."""
    await recorder(order("a"))
    await many_orders(database)
    for _ in range(10):
        assert len(await search.order_ids(trading_pairs=("BTC-USDT",), limit=5)) == 5
    assert await search.order_ids(trading_pairs=("X-Y",), limit=5) == []
    (used,) = await database.fetch(
        "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%FROM orders%LIMIT 6'"
    )
    assert tuple(used) == (11, 0)
    plan = await database.fetch(
        "EXPLAIN SELECT * FROM orders WHERE trading_pair = 'X-Y' ORDER BY created_at DESC, client_order_id DESC LIMIT 6"
    )
    assert "orders_of_pair" in "\n".join(row[0] for row in plan)


async def many_orders(database: Database) -> None:
    """Add 20,000 orders like the one that there is, each a second later."""
    await database.execute(
        "INSERT INTO orders SELECT 'n' || n, account_name, connector_name, trading_pair, trade_type, order_type,"
        " position_action, amount, price, status, phase, filled_amount, average_fill_price, fee_paid, fee_currency,"
        " exchange_order_id, error_message, reported_amount, reported_price, traded_amount, traded_value, sent_ms,"
        " receive_window_ms, request_hash, epoch, version, created_at + n * interval '1 second', updated_at"
        " FROM orders, generate_series(1, 20000) AS n"
    )
    await database.execute("ANALYZE orders")


@pytest.mark.parametrize("accounts", [None, ("main",)])
async def test_a_far_page_is_found_by_the_index(
    search: Searcher, recorder: Recorder, database: Database, accounts: tuple[str, ...] | None
) -> None:
    await recorder(order("a"))
    await many_orders(database)
    found = await search.orders(account_names=accounts, cursor="2026-03-01T12:00:30:n30", limit=5)
    assert [one.client_order_id for one in found.orders] == ["n29", "n28", "n27", "n26", "n25"]
    assert found.total == pytest.approx(20_001, rel=0.05)  # an estimate
    account = "account_name = 'main' AND " if accounts else ""
    plan = await database.fetch(
        f"EXPLAIN SELECT * FROM orders WHERE {account}(created_at, client_order_id)"
        " < (TIMESTAMPTZ '2026-03-01T12:00:30Z', 'n30') ORDER BY created_at DESC, client_order_id DESC LIMIT 5"
    )
    text = "\n".join(row[0] for row in plan)
    assert "Index Scan" in text
    assert "Sort" not in text


async def test_all_fees_of_a_fill_are_kept(search: Searcher, recorder: Recorder, database: Database) -> None:
    several = trade("t1", further_fees=(TradeFee(Decimal("0.02"), "GT"), TradeFee(Decimal("1E-18"), "POINT")))
    single = trade("t2", fee_paid=Decimal("0.01"), fee_currency="GT", timestamp=minute(-1))
    await recorder(order("o1"), several, single)
    assert (await search.trades()).trades == (several, single)
    sums = (await Repository(database).trade_totals(["o1"]))["o1"]
    assert (sums.amount, sums.value) == (Decimal(1), Decimal("100.5"))
    assert sums.fees == (
        FeeTotal(Decimal("0.0005"), "BTC"),
        FeeTotal(Decimal("0.03"), "GT"),
        FeeTotal(Decimal("1E-18"), "POINT"),
    )
