"""A batch as one SQL statement: one round trip and one commit, however many tables it touches.

The statement writes nothing when another simulator has started on the same schema since: its first part, on which all
others depend, then finds no row.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from services.simulator.batch import Batch
from services.simulator.engine.terms import OPEN_STATUSES
from services.simulator.venue import VENUES

#: By table: its columns with their types, and those of its key. What is in no key is replaced on conflict.
_TABLES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "accounts": (
        {"name": "text", "api_key": "text", "api_secret": "text", "created": "bigint"},
        ("name",),
    ),
    "settings": ({"venue": "text", "account": "text", "row": "json"}, ("venue", "account")),
    "balances": (
        {"venue": "text", "account": "text", "asset": "text", "row": "json"},
        ("venue", "account", "asset"),
    ),
    "positions": (
        {"venue": "text", "account": "text", "symbol": "text", "position_side": "text", "row": "json"},
        ("venue", "account", "symbol", "position_side"),
    ),
    "instruments": ({"venue": "text", "symbol": "text", "row": "json"}, ("venue", "symbol")),
    "orders": (
        {
            "venue": "text",
            "order_id": "bigint",
            "account": "text",
            "symbol": "text",
            "client_order_id": "text",
            "created": "bigint",
            "open": "boolean",
            "row": "json",
        },
        ("venue", "order_id"),
    ),
    "fills": (
        {
            "venue": "text",
            "order_id": "bigint",
            "trade_id": "bigint",
            "account": "text",
            "symbol": "text",
            "time": "bigint",
            "row": "json",
        },
        ("venue", "order_id", "trade_id"),
    ),
    "incomes": (
        {"tran_id": "bigint", "account": "text", "symbol": "text", "kind": "text", "time": "bigint", "row": "json"},
        ("tran_id",),
    ),
}
#: Where rows of an account are, and the column that names it.
_OF_ACCOUNT = {
    "accounts": "name",
    "settings": "account",
    "balances": "account",
    "positions": "account",
    "orders": "account",
    "fills": "account",
    "incomes": "account",
}

_encode = msgspec.json.Encoder().encode


def statement(batch: Batch, epoch: int) -> tuple[str, list[Any]]:
    """Return the statement that writes `batch`, and its arguments. It returns a row if it has written."""
    arguments: list[Any] = [epoch, _json(batch.spot.row), _json(batch.usdm.row)]
    parts = ["fence AS (UPDATE exchange SET spot = $2, usdm = $3 WHERE epoch = $1 RETURNING one)"]
    for table, rows in _rows(batch).items():
        if rows:
            parts.append(_upsert(table, len(arguments)))
            arguments += [list(column) for column in zip(*rows, strict=True)]
    if batch.closed:
        arguments.append(list(batch.closed))
        for table, column in _OF_ACCOUNT.items():
            parts.append(
                f"gone_{table} AS (DELETE FROM {table} USING fence WHERE {column} = ANY(${len(arguments)}::text[]))"
            )
    return f"WITH {', '.join(parts)} SELECT one FROM fence", arguments


def _upsert(table: str, before: int) -> str:
    columns, key = _TABLES[table]
    # json has no arrays that asyncpg would fill from text; it is cast row by row.
    arrays = ", ".join(
        f"${before + place}::{'text' if kind == 'json' else kind}[]"
        for place, kind in enumerate(columns.values(), start=1)
    )
    chosen = ", ".join(f"new.{name}::json" if kind == "json" else f"new.{name}" for name, kind in columns.items())
    names = ", ".join(columns)
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"new_{table} AS (INSERT INTO {table} ({names}) SELECT {chosen} FROM unnest({arrays}) AS new ({names}), fence"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed})"
    )


def _rows(batch: Batch) -> dict[str, list[Sequence[Any]]]:
    rows: dict[str, list[Sequence[Any]]] = {
        "accounts": [(a.name, a.api_key, a.api_secret, a.created) for a in batch.accounts.values()]
    }
    for venue in VENUES:
        changes = batch.of(venue)
        _add(rows, "settings", ((venue, s.account, _json(s)) for s in changes.settings.values()))
        _add(rows, "balances", ((venue, b.account, b.asset, _json(b)) for b in changes.balances.values()))
        _add(
            rows,
            "positions",
            ((venue, p.account, p.symbol, str(p.position_side), _json(p)) for p in changes.positions.values()),
        )
        _add(rows, "instruments", ((venue, i.symbol, _json(i)) for i in changes.instruments))
        _add(
            rows,
            "orders",
            (
                (
                    venue,
                    o.order_id,
                    o.account,
                    o.symbol,
                    o.client_order_id,
                    o.created,
                    o.status in OPEN_STATUSES,
                    _json(o),
                )
                for o in changes.orders.values()
            ),
        )
        _add(
            rows,
            "fills",
            (
                (venue, f.order.order_id, f.trade_id, f.order.account, f.order.symbol, f.time, _json(f))
                for f in changes.fills
            ),
        )
        _add(
            rows,
            "incomes",
            ((i.tran_id, i.account, i.symbol, str(i.kind), i.time, _json(i)) for i in changes.incomes),
        )
    return rows


def _add(rows: dict[str, list[Sequence[Any]]], table: str, more: Iterable[Sequence[Any]]) -> None:
    rows.setdefault(table, []).extend(more)


def _json(row: object) -> str:
    return _encode(row).decode()
