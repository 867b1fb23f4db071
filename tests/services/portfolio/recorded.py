"""Orders, trades, balances and sessions as tests need them, and how they get into the tables with their events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from services.portfolio.changes import Change
from services.portfolio.repository import order_row
from services.portfolio.rows import Phase, StoredBalances, StoredOrder
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.balances import BALANCES_CHANGED, BalanceAmount, BalancesChanged
from shared.contracts.portfolio.orders import ORDER_CHANGED, Order, OrderStatus, OrderType, PositionAction, TradeType
from shared.contracts.portfolio.sessions import SESSION_CHANGED, Session, SessionState
from shared.contracts.portfolio.trades import TRADE_RECORDED, Trade
from shared.database.change import Told
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.relay import Relay
from shared.settings import DatabaseSettings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def order(client_order_id: str = "o1", **changes: Any) -> Order:
    """Return an open order for 2 BTC at 100.5."""
    made = Order(
        client_order_id=client_order_id,
        account_name="main",
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        position_action=PositionAction.OPEN,
        amount=Decimal("2"),
        price=Decimal("100.50"),
        status=OrderStatus.OPEN,
        filled_amount=Decimal(0),
        average_fill_price=None,
        fee_paid=None,
        fee_currency=None,
        exchange_order_id=None,
        error_message=None,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    return msgspec.structs.replace(made, **changes)


def trade(trade_id: str = "t1", **changes: Any) -> Trade:
    """Return a fill of the order `o1`."""
    made = Trade(
        trade_id=trade_id,
        order_id="o1",
        account_name="main",
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        amount=Decimal("0.5"),
        price=Decimal("100.5"),
        fee_paid=Decimal("0.0005"),
        fee_currency="BTC",
        timestamp=NOON,
    )
    return msgspec.structs.replace(made, **changes)


def balances(
    amounts: dict[str, str], account: str = "main", connector: str = "paper", *, version: int = 1, minutes: int = 0
) -> BalancesChanged:
    """Return balances, all of them available; `minutes` after noon."""
    held = tuple(BalanceAmount(token, Decimal(units), Decimal(units)) for token, units in sorted(amounts.items()))
    return BalancesChanged(account, connector, held, NOON + timedelta(minutes=minutes), version)


def session(
    state: SessionState = SessionState.READY, account: str = "main", connector: str = "paper", **more: Any
) -> Session:
    """Return a session as it is since noon."""
    return Session(account, connector, state, **{"since": NOON, "version": 1, **more})


class Recorder:
    """Writes what a session would, with its event, in one transaction."""

    def __init__(self, settings: DatabaseSettings, database: Database) -> None:
        self.database = database
        self.relay = Relay(settings, SERVICE, database)
        self._unit = UnitOfWork(database, self.relay)

    async def start(self) -> None:
        await self.relay.start()

    async def stop(self) -> None:
        await self.relay.stop()

    async def __call__(self, *recorded: Order | Trade | BalancesChanged | Session) -> tuple[int, ...]:
        """Record all of `recorded`; return the ids of their events."""
        told: Told = []

        async def record(change: Change) -> None:
            for one in recorded:
                await _record(change, one)

        _, event_ids = await self._unit.change(SERVICE, lambda work: record(Change(work, told)))
        return event_ids


async def _record(change: Change, recorded: Order | Trade | BalancesChanged | Session) -> None:
    match recorded:
        case Order():
            await _write_order(change, recorded)
            change.tell(ORDER_CHANGED, recorded)
        case Trade():
            await change.repository.add_trades([recorded])
            change.tell(TRADE_RECORDED, recorded)
        case BalancesChanged():
            key = SessionKey(recorded.account_name, recorded.connector_name)
            stored = StoredBalances(recorded.balances, recorded.at, recorded.version)
            await change.repository.write_balances(key, stored)
            change.tell(BALANCES_CHANGED, recorded)
        case Session():
            await change.repository.write_session(recorded)
            change.tell(SESSION_CHANGED, recorded)


async def _write_order(change: Change, recorded: Order) -> None:
    phase = Phase.ENDED if recorded.status.is_final else Phase.CONFIRMED
    row = order_row(StoredOrder(recorded, phase, Decimal(0), None, Decimal(0), Decimal(0), 0, 0, b"", 1))
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    await change.connection.execute(
        f"INSERT INTO orders ({', '.join(row)}) VALUES ({places})"
        f" ON CONFLICT (client_order_id) DO UPDATE SET {changes}",
        *row.values(),
    )
