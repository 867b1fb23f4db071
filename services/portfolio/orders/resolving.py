"""Finds out what became of orders, by asking the exchange for them: unknown outcomes, missed fills, wished ends.

Nothing is ever sent again under an id. It goes on until the exchange has answered; a restart begins it anew from what
is stored.
"""

import asyncio
import time
from collections.abc import Collection

from services.portfolio.commits import LeaseLost
from services.portfolio.orders.absence import seconds_until_final
from services.portfolio.orders.state_machine import absent
from services.portfolio.recording.facts import Facts, Owners
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository
from services.portfolio.rows import Phase, StoredOrder
from shared.backoff import Backoff
from shared.contracts.portfolio.orders import OrderStatus
from shared.errors import CommandError
from shared.exchanges.errors import ExchangeError, OrderNotKnown, RateLimited
from shared.exchanges.interface import TradingAccount
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Orders of a session that are asked for at a time.
_AT_ONCE = 4
#: Milliseconds before an order's sending from which on its trades are asked for: clocks differ.
_OVERLAP_MS = 5_000
#: Seconds that an exchange may take to tell the trades of an order that is over, from when it is first asked for them:
#: nobody may have been there to ask, or nobody to answer, for long after the end.
TRADES_PATIENCE = 3600.0
#: Times that one look asks again at once: for an order that has just been cancelled, and then for its trades.
_STEPS = 3

_log = logger("resolving")


class Resolver:
    """Resolves the orders of one session while it is open."""

    def __init__(
        self,
        repository: Repository,
        recorder: Recorder,
        account: TradingAccount,
        sending: Collection[str],
        *,
        absence_margin_ms: int,
    ) -> None:
        """`sending` holds the ids of orders whose first request is still under way: these are not asked for."""
        self._repository = repository
        self._recorder = recorder
        self._account = account
        self._sending = sending
        self._absence_margin_ms = absence_margin_ms
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._asked_for_trades: dict[str, float] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def unresolved(self) -> int:
        """How many orders are being found out about."""
        return len(self._tasks)

    def add(self, client_order_id: str) -> None:
        """Find out what became of an order, in the background, however long it takes."""
        if client_order_id not in self._tasks:
            task = asyncio.create_task(self._resolve(client_order_id), name=f"resolve {client_order_id}")
            self._tasks[client_order_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(client_order_id, None))

    async def stop(self) -> None:
        """Stop; what is not found out stays as it is stored."""
        for task in tuple(self._tasks.values()):
            await end_task(task)

    async def look(self, client_order_id: str) -> float | None:
        """Ask once; return None when nothing is left to ask now, else the seconds after which to ask again (0: none).

        Raises:
            ExchangeError: if the exchange does not say.
            LeaseLost: if the session is not ours any more.
            CommandError: if the database cannot be asked.
        """
        for _ in range(_STEPS):
            stored = await self._unsettled(client_order_id)
            if stored is None:
                return None
            if client_order_id in self._sending:
                return 0.0
            async with self._places:
                wait = await self._ask(stored)
            if wait is not None:
                return wait
            stored = await self._unsettled(client_order_id)
            if stored is None or not (stored.lacks_trades or stored.order.status is OrderStatus.PENDING_CANCEL):
                return None
            await (self._ask_trades(stored) if stored.lacks_trades else self.cancel(stored))
        return 0.0

    async def cancel(self, stored: StoredOrder) -> None:
        """Ask the exchange for an order's end. One that is not open there is none to complain of: `look` tells.

        Raises:
            ExchangeError: if it is not known whether it has been done.
        """
        order = stored.order
        try:
            await self._account.cancel(order.trading_pair, order.client_order_id, order.exchange_order_id)
        except OrderNotKnown:
            _log.info("order was over before its cancellation", **self._who(order.client_order_id))

    async def _resolve(self, client_order_id: str) -> None:
        backoff = Backoff(0.1, 5.0)
        while True:
            try:
                wait = await self.look(client_order_id)
            except RateLimited as error:
                wait = error.retry_after or 0.0
            except (ExchangeError, CommandError) as error:
                _log.info("order not resolved yet", **self._who(client_order_id), error=type(error).__name__)
                wait = 0.0
            except LeaseLost:
                return  # the next owner goes on
            except Exception:
                # An order that nobody asks for any more would be lost.
                _log.exception("order not resolved", **self._who(client_order_id))
                wait = 0.0
            if wait is None:
                _log.info("order resolved", **self._who(client_order_id))
                return
            await asyncio.sleep(max(wait, backoff.pause()))

    async def _unsettled(self, client_order_id: str) -> StoredOrder | None:
        stored = await self._repository.order(client_order_id)
        if stored is None or stored.is_settled:
            self._asked_for_trades.pop(client_order_id, None)
            return None
        waited = time.monotonic() - self._asked_for_trades.get(client_order_id, time.monotonic())
        return None if stored.order.status.is_final and waited > TRADES_PATIENCE else stored

    async def _ask(self, stored: StoredOrder) -> float | None:
        """Ask for the order's state and record it; return the seconds until an absence is believed, else None."""
        order = stored.order
        our_ms = venue_ms = int(time.time() * 1000)
        if stored.phase is Phase.UNCONFIRMED:
            venue_ms = await self._account.market.server_ms()
        if await self._is_told(stored):
            return None
        left = seconds_until_final(stored, our_ms=our_ms, venue_ms=venue_ms, margin_ms=self._absence_margin_ms)
        if left > 0:
            return left
        if stored.phase is Phase.CONFIRMED:
            # Not every exchange lists an order for ever after its end: it may have been filled.
            await self._ask_trades(stored)
        await self._recorder.step(order.client_order_id, absent)
        return None

    async def _is_told(self, stored: StoredOrder) -> bool:
        """Ask for the order's state and record it; return False if the exchange has none, or another one of its id."""
        order = stored.order
        try:
            told = await self._account.order(order.trading_pair, order.client_order_id, order.exchange_order_id)
        except OrderNotKnown:
            return False
        if Owners((stored,)).of(told) is None:
            return False
        await self._recorder.record(Facts(orders=(told,)))
        return True

    async def _ask_trades(self, stored: StoredOrder) -> None:
        # Fills have the exchange's time. Where its clock is behind ours, they come before the order was sent by ours.
        behind_ms = max(0, -await self._account.market.server_ms() + int(time.time() * 1000))
        trades = await self._account.trades(stored.order.trading_pair, stored.sent_ms - behind_ms - _OVERLAP_MS)
        await self._recorder.record(Facts(trades=trades))
        self._asked_for_trades.setdefault(stored.order.client_order_id, time.monotonic())

    def _who(self, client_order_id: str) -> dict[str, str]:
        return {**self._recorder.key._asdict(), "order": client_order_id}
