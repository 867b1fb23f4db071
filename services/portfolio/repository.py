"""The SQL of orders, trades, balances and sessions; what people search by is in `search_repository`.

Whoever changes locks in one order: the lease, orders by their id, balances, the session.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec

from services.portfolio.records import (
    BALANCES_COLUMNS,
    ORDER_COLUMNS,
    SESSION_COLUMNS,
    balances_of,
    encode_fees,
    order_of,
    session_of,
)
from services.portfolio.rows import FeeTotal, Phase, StoredBalances, StoredOrder, TradeTotals
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio.balances import BalanceAmount, BalancesChanged
from shared.contracts.portfolio.orders import Order, OrderStatus
from shared.contracts.portfolio.sessions import Session
from shared.contracts.portfolio.trades import Trade
from shared.database.queries import Queries

_STORED_COLUMNS = (
    f"{ORDER_COLUMNS}, phase, reported_amount, reported_price, traded_amount, traded_value, sent_ms,"
    " receive_window_ms, request_hash, epoch"
)
_CHANGING = (
    "amount", "status", "phase", "filled_amount", "average_fill_price", "fee_paid", "fee_currency",
    "exchange_order_id", "error_message", "reported_amount", "reported_price", "traded_amount", "traded_value",
    "version", "updated_at",
)  # fmt: skip
_WRITE_ORDER = (
    f"UPDATE orders SET {', '.join(f'{name} = ${place}' for place, name in enumerate(_CHANGING, 2))}"
    " WHERE client_order_id = $1"
)
_OF_SESSION = f"SELECT {_STORED_COLUMNS} FROM orders WHERE account_name = $1 AND connector_name = $2"
# As constants in the text: only so does PostgreSQL see that the index of active orders fits.
_FINAL = "(" + ", ".join(f"'{status.value}'" for status in OrderStatus if status.is_final) + ")"

_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode_balances = msgspec.json.Decoder(tuple[BalanceAmount, ...]).decode


class Repository:
    """The tables of the schema, through a transaction's connection or through the pool."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    # Orders

    async def order(self, client_order_id: str) -> StoredOrder | None:
        """Return an order, whatever its account."""
        row = await self._queries.fetchrow(
            f"SELECT {_STORED_COLUMNS} FROM orders WHERE client_order_id = $1", client_order_id
        )
        return None if row is None else _stored_order(row)

    async def order_of(self, key: SessionKey, order_id: str) -> StoredOrder | None:
        """Return the order of a session by its client order id, or else by the exchange's; the newest of several."""
        rows = await self._queries.fetch(
            f"{_OF_SESSION} AND (client_order_id = $3 OR exchange_order_id = $3)"
            " ORDER BY client_order_id = $3 DESC, created_at DESC LIMIT 1",
            *key, order_id,
        )  # fmt: skip
        return _stored_order(rows[0]) if rows else None

    async def unfinished_orders(self, also: Collection[str]) -> list[Order]:
        """Return the orders that are not final, and those of the client order ids `also`, final or not."""
        rows = await self._queries.fetch(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE status NOT IN {_FINAL} OR client_order_id = ANY($1::text[])",
            list(also),
        )
        return [order_of(row) for row in rows]

    async def unsettled_orders(self, key: SessionKey, patience_seconds: float) -> list[StoredOrder]:
        """Return the orders of a session about which the exchange has more to say, the oldest first.

        Trades that an exchange has not told of `patience_seconds` after an order's last change are not waited for.
        """
        rows = await self._queries.fetch(
            f"{_OF_SESSION} AND status NOT IN {_FINAL}"
            f" UNION ALL {_OF_SESSION} AND status IN {_FINAL} AND traded_amount < reported_amount"
            " AND updated_at > now() - $3 * interval '1 second' ORDER BY created_at, client_order_id",
            *key, patience_seconds,
        )  # fmt: skip
        return [_stored_order(row) for row in rows]

    async def lock_orders(
        self, key: SessionKey, client_ids: Iterable[str], exchange_ids: Iterable[tuple[str, str]]
    ) -> list[StoredOrder]:
        """Return those orders of a session, locked, that have one of the client order ids or one of the exchange's.

        `exchange_ids` are pairs of trading pair and exchange order id, as an exchange may number each pair by itself.
        """
        of_exchange = list(exchange_ids)
        rows = await self._queries.fetch(
            f"{_OF_SESSION} AND (client_order_id = ANY($3) OR (exchange_order_id = ANY($4)"
            " AND (trading_pair, exchange_order_id) IN (SELECT * FROM unnest($5::text[], $4::text[]))))"
            " ORDER BY client_order_id FOR UPDATE",
            *key, list(client_ids), [order_id for _, order_id in of_exchange], [pair for pair, _ in of_exchange],
        )  # fmt: skip
        return [_stored_order(row) for row in rows]

    async def write_order(self, stored: StoredOrder) -> None:
        """Store an order that is locked. What was asked for never changes, but an amount that an exchange has cut."""
        row = order_row(stored)
        await self._queries.execute(_WRITE_ORDER, row["client_order_id"], *(row[name] for name in _CHANGING))

    # Trades

    async def add_trades(self, trades: Sequence[Trade]) -> set[str]:
        """Store trades of orders that are locked; return the ids of those that were not stored yet."""
        if not trades:
            return set()
        rows = await self._queries.fetch(
            "INSERT INTO trades SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],"
            " $6::text[], $7::numeric[], $8::numeric[], $9::numeric[], $10::text[], $11::timestamptz[], $12::jsonb[])"
            " ON CONFLICT DO NOTHING RETURNING trade_id",
            *([getattr(trade, name) for trade in trades] for name in Trade.__struct_fields__ if name != "further_fees"),
            [encode_fees(trade.further_fees) for trade in trades],
        )
        return {row["trade_id"] for row in rows}

    async def trade_totals(self, client_order_ids: Iterable[str]) -> Mapping[str, TradeTotals]:
        """Return the sums of the recorded trades of orders that have any."""
        rows = await self._queries.fetch(
            "SELECT order_id, fee_currency, sum(amount) AS amount, sum(value) AS value, sum(fee_paid) AS fee FROM ("
            " SELECT order_id, fee_currency, amount, amount * price AS value, fee_paid FROM trades"
            " WHERE order_id = ANY($1) UNION ALL"
            " SELECT order_id, fee ->> 'currency', 0, 0, (fee ->> 'amount')::numeric"
            " FROM trades, jsonb_array_elements(further_fees) AS fee WHERE order_id = ANY($1)"
            ") AS parts GROUP BY order_id, fee_currency ORDER BY order_id, fee_currency",
            list(client_order_ids),
        )
        totals: dict[str, TradeTotals] = {}
        for row in rows:
            before = totals.get(row["order_id"], TradeTotals(Decimal(0), Decimal(0), ()))
            fee = () if row["fee_currency"] is None else (FeeTotal(row["fee"], row["fee_currency"]),)
            totals[row["order_id"]] = TradeTotals(
                before.amount + row["amount"], before.value + row["value"], (*before.fees, *fee)
            )
        return totals

    # Balances

    async def all_balances(self) -> list[BalancesChanged]:
        """Return the balances of every session that has any."""
        return [balances_of(row) for row in await self._queries.fetch(f"SELECT {BALANCES_COLUMNS} FROM balances")]

    async def lock_balances(self, key: SessionKey) -> StoredBalances | None:
        """Return the balances of a session, locked; None where there are none yet."""
        row = await self._queries.fetchrow(
            "SELECT balances, at, version FROM balances WHERE account_name = $1 AND connector_name = $2 FOR UPDATE",
            *key,
        )
        return None if row is None else StoredBalances(_decode_balances(row["balances"]), row["at"], row["version"])

    async def write_balances(self, key: SessionKey, stored: StoredBalances) -> None:
        """Store the balances of a session, whose lease is held."""
        await self._queries.execute(
            "INSERT INTO balances (account_name, connector_name, balances, at, version) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (account_name, connector_name) DO UPDATE SET balances = $3, at = $4, version = $5",
            *key, _encode(stored.balances).decode(), stored.at, stored.version,
        )  # fmt: skip

    # Sessions

    async def all_sessions(self) -> list[Session]:
        """Return what is stored of every session that was ever seen."""
        return [session_of(row) for row in await self._queries.fetch(f"SELECT {SESSION_COLUMNS} FROM sessions")]

    async def lock_session(self, key: SessionKey) -> Session | None:
        """Return what is stored of a session, locked; None if it was never seen."""
        row = await self._queries.fetchrow(
            f"SELECT {SESSION_COLUMNS} FROM sessions WHERE account_name = $1 AND connector_name = $2 FOR UPDATE",
            *key,
        )
        return None if row is None else session_of(row)

    async def write_session(self, session: Session) -> None:
        """Store the state of a session, whose lease is held."""
        await self._queries.execute(
            "INSERT INTO sessions (account_name, connector_name, state, since, reason, version, silent_since)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_name, connector_name)"
            " DO UPDATE SET state = $3, since = $4, reason = $5, version = $6, silent_since = $7",
            session.account_name, session.connector_name, session.state.value, session.since, session.reason,
            session.version, session.silent_since,
        )  # fmt: skip


def order_row(stored: StoredOrder) -> dict[str, Any]:
    """Return the row of an order, column to value."""
    order = stored.order
    return {
        **{name: getattr(order, name) for name in Order.__struct_fields__},
        "trade_type": order.trade_type.value,
        "order_type": order.order_type.value,
        "position_action": order.position_action.value,
        "status": order.status.value,
        "phase": stored.phase.value,
        **{name: getattr(stored, name) for name in StoredOrder.__struct_fields__ if name not in ("order", "phase")},
    }


def _stored_order(row: asyncpg.Record) -> StoredOrder:
    return StoredOrder(
        order=order_of(row),
        phase=Phase(row["phase"]),
        reported_amount=row["reported_amount"],
        reported_price=row["reported_price"],
        traded_amount=row["traded_amount"],
        traded_value=row["traded_value"],
        sent_ms=row["sent_ms"],
        receive_window_ms=row["receive_window_ms"],
        request_hash=row["request_hash"],
        epoch=row["epoch"],
    )
