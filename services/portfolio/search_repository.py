"""Searches of the stored orders and trades, newest first: all SQL of the reading side.

A page goes on behind the last row of the one before (a keyset), so that orders that are placed meanwhile neither
repeat nor hide any, and the thousandth page is found as fast as the first.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.portfolio.cursors import Place, in_utc, read_cursor, write_cursor
from services.portfolio.pages import EncodedOrders, EncodedTrades, fitting
from services.portfolio.records import ORDER_COLUMNS, TRADE_COLUMNS, order_of, trade_of
from services.portfolio.totals import total_of
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.orders import OrderSearch
from shared.contracts.portfolio.trades import TradeSearch
from shared.database.failures import Connection, unavailable
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode, FieldError, invalid

_encode = msgspec.json.Encoder().encode


class SearchRepository:
    """The tables of orders and trades, to be searched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders(self, wanted: OrderSearch) -> EncodedOrders:
        """Return a page of the orders that `wanted` names.

        Raises:
            CommandError: INVALID for a cursor that is none; UNAVAILABLE if the database cannot be asked.
        """
        conditions = _conditions(wanted)
        conditions.span("created_at", wanted.start_time, wanted.end_time)
        if wanted.status is not None:
            conditions.add("status = {}", wanted.status.value)
        table = _Table("orders", ORDER_COLUMNS, "created_at", "client_order_id")
        rows, total = await self._page(table, conditions, wanted.limit, wanted.cursor)
        taken = fitting((_encode(order_of(row)) for row in rows), wanted.limit)
        return EncodedOrders(taken, total, table.cursor(rows, len(taken)))

    async def trades(self, wanted: TradeSearch) -> EncodedTrades:
        """Return a page of the trades that `wanted` names.

        Raises:
            CommandError: INVALID for a cursor that is none; UNAVAILABLE if the database cannot be asked.
        """
        conditions = _conditions(wanted)
        conditions.span("at", wanted.start_time, wanted.end_time)
        if wanted.trade_types is not None:
            conditions.among("trade_type", [kind.value for kind in wanted.trade_types])
        table = _Table("trades", TRADE_COLUMNS, "at", "trade_id")
        rows, total = await self._page(table, conditions, wanted.limit, wanted.cursor)
        taken = fitting((_encode(trade_of(row)) for row in rows), wanted.limit)
        return EncodedTrades(taken, total, table.cursor(rows, len(taken)))

    async def _page(
        self, table: "_Table", conditions: "_Conditions", limit: int, cursor: str | None
    ) -> tuple[list[asyncpg.Record], int]:
        """Return up to `limit` rows and one more, if there is one, and how many match without the cursor."""
        selection, arguments = f"{table.name}{conditions}", tuple(conditions.arguments)
        if cursor is not None:
            place = read_cursor(cursor)
            conditions.add(f"({table.time}, {table.row_id}) < ({{}}, {{}})", place.time, place.row_id)
        async with self._reading() as connection:
            # Planned for the values at hand: with a plan for any value, a pair that is rare is looked for in all rows.
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            rows = await connection.fetch(
                f"SELECT {table.columns} FROM {table.name}{conditions}"
                f" ORDER BY {table.time} DESC, {table.row_id} DESC LIMIT {limit + 1}",
                *conditions.arguments,
            )
            if cursor is None and len(rows) <= limit:
                return rows, len(rows)
            return rows, await total_of(connection, selection, arguments)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction. Nothing hangs on its end, which may be lost like any other answer."""
        try:
            async with self._database.transaction() as connection:
                yield connection
        except CommandError as error:
            if error.code is ErrorCode.OUTCOME_UNKNOWN:
                raise unavailable(SERVICE) from error
            raise


class _Table(msgspec.Struct, frozen=True):
    """A table, and the two columns that say where a row stands."""

    name: str
    columns: str
    time: str
    row_id: str

    def cursor(self, rows: Sequence[asyncpg.Record], taken: int) -> str | None:
        """Return where the first `taken` of `rows` end; None if these are all."""
        if taken >= len(rows):
            return None
        last = rows[taken - 1]
        return write_cursor(Place(last[self.time], last[self.row_id]))


class _Conditions:
    """Conditions that all hold, with their arguments; as text, the WHERE clause."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self._texts: list[str] = []

    def __str__(self) -> str:
        return f" WHERE {' AND '.join(self._texts)}" if self._texts else ""

    def add(self, text: str, *arguments: Any) -> None:
        """Add a condition with a `{}` for each argument."""
        first = len(self.arguments) + 1
        self.arguments += arguments
        self._texts.append(text.format(*(f"${first + place}" for place in range(len(arguments)))))

    def among(self, column: str, names: Sequence[str]) -> None:
        """Add that `column` holds one of `names`."""
        # PostgreSQL takes no NUL in a text, so that nothing is called so.
        possible = [name for name in names if "\0" not in name]
        if len(possible) == 1:
            # Not ANY of one, by which rows do not come out of the index in their order.
            self.add(f"{column} = {{}}", possible[0])
        else:
            self.add(f"{column} = ANY({{}}::text[])", possible)

    def span(self, column: str, start: datetime | None, end: datetime | None) -> None:
        """Add that `column` lies between two times, both included.

        Raises:
            CommandError: INVALID for a time outside of the calendar.
        """
        for name, sign, time in (("start_time", ">=", start), ("end_time", "<=", end)):
            if time is None:
                continue
            try:
                self.add(f"{column} {sign} {{}}", in_utc(time))
            except OverflowError:
                text = "expected a time in the years 1 to 9999"
                raise invalid(f"{name}: {text}", FieldError((name,), text, "value_error")) from None


def _conditions(wanted: OrderSearch | TradeSearch) -> _Conditions:
    conditions = _Conditions()
    for column, names in (
        ("account_name", wanted.account_names),
        ("connector_name", wanted.connector_names),
        ("trading_pair", wanted.trading_pairs),
    ):
        if names is not None:
            conditions.among(column, names)
    return conditions
