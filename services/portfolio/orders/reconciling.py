"""Compares what is stored of a session with what the exchange has, and records the difference.

A fill always shows in the order: as a larger fill of one that is open, or in the end of one that is not. So orders are
compared, and trades are asked for where an order has more of them than are recorded.
"""

import asyncio

from services.portfolio.orders.resolving import Resolver
from services.portfolio.recording.facts import Facts, Owners
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository
from services.portfolio.rows import Phase, StoredOrder
from shared.contracts.portfolio.orders import OrderStatus
from shared.exchanges.errors import KeysRefused, Refused, StaleRequest
from shared.exchanges.interface import TradingAccount
from shared.telemetry.logs import logger

#: Seconds after an order's last change from which on nothing is asked about trades of it that are missing.
_TRADES_MATTER = 7 * 86400.0
#: Orders that are looked at together; when the exchange fails at one of them, those behind them are not looked at.
_TOGETHER = 16

_log = logger("reconciling")


class Reconciler:
    """Reconciles one session while it is open."""

    def __init__(self, repository: Repository, recorder: Recorder, account: TradingAccount, resolver: Resolver) -> None:
        self._repository = repository
        self._recorder = recorder
        self._account = account
        self._resolver = resolver

    async def reconcile(self) -> None:
        """Ask for open orders, for those that are not among them, for missing trades and for all balances.

        When it returns, every order that the exchange still has something to say about was asked for. One whose absence
        is not final yet, and one that is to end, is pursued in the background.

        Raises:
            ExchangeError: if the exchange does not say.
            LeaseLost: if the session is not ours any more.
            CommandError: if the database cannot be asked.
        """
        await self._reconcile_orders()
        await self._reconcile_balances()

    async def _reconcile_orders(self) -> None:
        # Ours first: an order that comes between the two questions is not taken for one that has ended.
        ours = await self._repository.unsettled_orders(self._recorder.key, _TRADES_MATTER)
        told = await self._account.open_orders()
        if not ours and not told:
            return
        # All that is told: also an order that was taken for one that does not exist may be among them.
        recorded = await self._recorder.record(Facts(orders=told))
        now = {one.order.client_order_id: one for one in (*ours, *recorded.result)}
        owners = Owners(recorded.result)
        seen = {one.order.client_order_id for one in map(owners.of, told) if one is not None}
        asked = [order_id for order_id, one in now.items() if order_id not in seen or _is_to_be_pursued(one)]
        for first in range(0, len(asked), _TOGETHER):
            await self._look(asked[first : first + _TOGETHER])

    async def _look(self, order_ids: list[str]) -> None:
        waits = await asyncio.gather(*map(self._looked, order_ids), return_exceptions=True)
        for order_id, wait in zip(order_ids, waits, strict=True):
            if isinstance(wait, BaseException):
                raise wait
            if wait is not None:
                self._resolver.add(order_id)

    async def _looked(self, order_id: str) -> float | None:
        try:
            return await self._resolver.look(order_id)
        except (KeysRefused, StaleRequest):
            raise
        except Refused as error:
            # Its word on this order alone (its pair is gone, say), which is no reason to keep all others waiting.
            _log.warning("question for an order refused", order=order_id, reason=str(error))
            return 0.0

    async def _reconcile_balances(self) -> None:
        book = self._recorder.book
        asked = book.ask()
        try:
            balances = await self._account.balances()
        except BaseException:
            book.no_answer(asked)
            raise
        book.answer(asked, balances)
        await self._recorder.record_balances()


def _is_to_be_pursued(stored: StoredOrder) -> bool:
    """Return whether an order that is open on the exchange is not yet what it should be."""
    return stored.lacks_trades or stored.phase is Phase.UNCONFIRMED or stored.order.status is OrderStatus.PENDING_CANCEL
