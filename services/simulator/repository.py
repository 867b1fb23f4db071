"""The state of the exchange in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from services.simulator.accounts import Account
from services.simulator.asked_rows import Orders, SoughtOrder, Window
from services.simulator.batch import Batch, VenueRow
from services.simulator.batch_sql import statement
from services.simulator.engine.events import (
    AccountRow,
    BalanceRow,
    Income,
    IncomeKind,
    OrderRow,
    OrderUpdate,
    PositionRow,
)
from services.simulator.engine.records import InstrumentRow, State
from services.simulator.minute_repository import SCHEMA, MinuteRepository
from services.simulator.store import Kept
from services.simulator.venue import Venue
from shared.database.migrate import ensure_migrated
from shared.settings import DatabaseSettings

R = TypeVar("R")

_OF_KIND = {
    Orders.ALL: "",
    Orders.WORKING: "AND (row->>'working')::boolean",
    Orders.CONDITIONAL: "AND (row->>'stop_price')::bigint > 0",
}


class SupersededError(RuntimeError):
    """Another simulator has started on the same schema; this one may write no more."""


class Repository(MinuteRepository):
    """A store that survives: what `write` returned from is there after any crash."""

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__(settings)
        self._settings = settings

    async def start(self) -> Kept:
        """Migrate if necessary, become the one that writes, and return what is there; wait for PostgreSQL if need be.

        Raises:
            CommandError: `UNAVAILABLE` when PostgreSQL is lost meanwhile.
        """
        await ensure_migrated(self._settings, SCHEMA)
        await self._database.start()
        async with self._database.transaction() as connection:
            venues = await connection.fetchrow("UPDATE exchange SET epoch = epoch + 1 RETURNING epoch, spot, usdm")
            assert venues is not None, "expected the one row that the migration makes"
            self._epoch = venues["epoch"]
            accounts = await connection.fetch("SELECT name, api_key, api_secret, created FROM accounts")
            states = {}
            for venue in ("spot", "usdm"):
                row = msgspec.json.decode(venues[venue], type=VenueRow)
                states[venue] = State(
                    now=row.now,
                    counters=row.counters,
                    instruments=await _all(connection, "instruments", venue, InstrumentRow),
                    accounts=await _all(connection, "settings", venue, AccountRow),
                    balances=await _all(connection, "balances", venue, BalanceRow),
                    positions=await _all(connection, "positions", venue, PositionRow),
                    orders=await _all(connection, "orders", venue, OrderRow, "AND open"),
                    fees=row.fees,
                    abandoned=row.abandoned,
                )
        return Kept(tuple(Account(*record.values()) for record in accounts), states["spot"], states["usdm"])

    async def stop(self) -> None:
        """Let go of PostgreSQL."""
        await self._database.stop()

    async def write(self, batch: Batch) -> None:
        """Write a batch in one transaction; the same one again does no harm.

        Raises:
            CommandError: if it is not known to be written.
            SupersededError: if another simulator has taken over.
        """
        sql, arguments = statement(batch, self._epoch)
        if await self._database.fetchval(sql, *arguments) is None:
            raise SupersededError("another simulator has started on the same database; this one writes no more")

    # Orders, fills and incomes.

    async def order(self, venue: Venue, account: str, sought: SoughtOrder) -> OrderRow | None:
        """Return an order as it was written last."""
        row = await self._database.fetchval(
            f"""
            SELECT row FROM orders
            WHERE account = $1 AND venue = $2 AND ($3::text IS NULL OR symbol = $3)
              AND ($4::bigint IS NULL OR order_id = $4) AND ($5::text IS NULL OR client_order_id = $5)
              {_OF_KIND[sought.kind]}
            ORDER BY order_id DESC LIMIT 1
            """,
            account,
            venue,
            sought.symbol,
            sought.order_id,
            sought.client_order_id,
        )
        return None if row is None else msgspec.json.decode(row, type=OrderRow)

    async def orders(
        self, venue: Venue, account: str, symbol: str | None, kind: Orders, window: Window
    ) -> Sequence[OrderRow]:
        """Return orders by id."""
        where = f"account = $1 AND venue = $2 AND ($3::text IS NULL OR symbol = $3) {_OF_KIND[kind]}"
        return await self._window(
            "orders", where, [account, venue, symbol], window, columns=("order_id", "created"), kind=OrderRow
        )

    async def fills(
        self, venue: Venue, account: str, symbol: str | None, order_id: int | None, window: Window
    ) -> Sequence[OrderUpdate]:
        """Return fills in their order."""
        where = """
            account = $1 AND venue = $2 AND ($3::text IS NULL OR symbol = $3) AND ($4::bigint IS NULL OR order_id = $4)
        """
        arguments = [account, venue, symbol, order_id]
        return await self._window("fills", where, arguments, window, columns=("trade_id", "time"), kind=OrderUpdate)

    async def incomes(
        self, account: str, symbol: str | None, kind: IncomeKind | None, window: Window
    ) -> Sequence[Income]:
        """Return incomes in their order."""
        where = "account = $1 AND ($2::text IS NULL OR symbol = $2) AND ($3::text IS NULL OR kind = $3)"
        arguments = [account, symbol, None if kind is None else str(kind)]
        return await self._window("incomes", where, arguments, window, columns=("tran_id", "time"), kind=Income)

    async def _window(
        self,
        table: str,
        where: str,
        arguments: list[Any],
        window: Window,
        *,
        columns: tuple[str, str],
        kind: type[R],
    ) -> list[R]:
        id_, time = columns
        first = len(arguments) + 1
        order = f"{id_} ASC" if window.forward else f"{id_} DESC"
        records = await self._database.fetch(
            f"""
            SELECT row FROM {table} WHERE {where}
              AND (${first}::bigint IS NULL OR {id_} >= ${first})
              AND (${first + 1}::bigint IS NULL OR {time} >= ${first + 1})
              AND (${first + 2}::bigint IS NULL OR {time} <= ${first + 2})
            ORDER BY {order} LIMIT ${first + 3}
            """,
            *arguments,
            *(window.from_id, window.start_ms, window.end_ms, window.limit),
        )
        rows = [msgspec.json.decode(record["row"], type=kind) for record in records]
        return rows if window.forward else rows[::-1]


async def _all(connection: Any, table: str, venue: str, kind: type[R], more: str = "") -> tuple[R, ...]:
    records = await connection.fetch(f"SELECT row FROM {table} WHERE venue = $1 {more}", venue)
    return tuple(msgspec.json.decode(record["row"], type=kind) for record in records)
