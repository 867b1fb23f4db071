"""Follows the user stream of one account for as long as its session is open, and hands what it says to the recorder."""

import asyncio
from collections.abc import Callable

import msgspec

from services.portfolio.commits import LeaseLost
from services.portfolio.recording.facts import together
from services.portfolio.recording.recorder import Recorder
from shared.backoff import Backoff
from shared.errors import CommandError
from shared.exchanges.errors import ExchangeError, Unsupported
from shared.exchanges.interface import AccountUpdate, TradingAccount
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Updates that may wait to be recorded. When there are more, all are dropped and what they said is asked for.
_QUEUE = 2_000
#: Seconds from a fill that was told without its fee until the exchange is asked for it.
_FEE_DELAY = 5.0
#: Updates recorded in one transaction.
_TOGETHER = 100

_log = logger("user_stream")


class UserStream:
    """Reads and records; `resync` is called when something was missed, so that it has to be asked for."""

    def __init__(self, account: TradingAccount, recorder: Recorder, resync: Callable[[], None]) -> None:
        self._account = account
        self._recorder = recorder
        self._resync = resync
        self._waiting: asyncio.Queue[AccountUpdate] = asyncio.Queue(_QUEUE)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._fees: asyncio.TimerHandle | None = None
        #: Set when the subscription stands, or the first attempt has failed: then the account is asked instead.
        self.settled = asyncio.Event()
        #: Whether the stream tells what happens; while it does not, somebody has to ask.
        self.following = False

    def start(self) -> None:
        """Begin to follow."""
        self._tasks = (
            asyncio.create_task(self._read(), name="user stream"),
            asyncio.create_task(self._record(), name="user stream recorder"),
        )

    async def stop(self) -> None:
        """Stop following; what was not recorded yet is found out by the next owner."""
        for task in self._tasks:
            await end_task(task)
        if self._fees is not None:
            self._fees.cancel()

    async def _read(self) -> None:
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                async for update in self._account.updates():
                    backoff.reset()
                    self._take(self._with_fees(update))
                reason = "it ended"
            except Unsupported:
                _log.info("no user stream here: the exchange is asked instead", **self._recorder.key._asdict())
                self.settled.set()
                return
            except ExchangeError as error:
                reason = str(error)
            except Exception:
                _log.exception("user stream failed", **self._recorder.key._asdict())
                reason = "unexpected"
            if self.following:
                self.following = False
                self._resync()
            self.settled.set()
            _log.info("user stream broken", **self._recorder.key._asdict(), reason=reason)
            await backoff.wait()

    def _with_fees(self, update: AccountUpdate) -> AccountUpdate:
        """Leave out fills without a fee (KuCoin's stream has none) and have them asked for: they are recorded once."""
        known = tuple(trade for trade in update.trades if trade.fee is not None)
        if len(known) == len(update.trades):
            return update
        if self._fees is None:
            self._fees = asyncio.get_running_loop().call_later(_FEE_DELAY, self._ask_for_fees)
        return msgspec.structs.replace(update, trades=known)

    def _ask_for_fees(self) -> None:
        self._fees = None
        self._resync()

    def _take(self, update: AccountUpdate) -> None:
        try:
            self._waiting.put_nowait(update)
        except asyncio.QueueFull:
            _log.warning("user stream too fast to be recorded", **self._recorder.key._asdict())
            while not self._waiting.empty():
                self._waiting.get_nowait()
            self._resync()
        if update.resync:
            self.following = True
            self.settled.set()
            self._resync()

    async def _record(self) -> None:
        backoff = Backoff(0.05, 2.0)
        while True:
            updates = [await self._waiting.get()]
            while not self._waiting.empty() and len(updates) < _TOGETHER:
                updates.append(self._waiting.get_nowait())
            facts = together(updates)
            while facts.orders or facts.trades or facts.balances:
                try:
                    await self._recorder.record(facts)
                    backoff.reset()
                    break
                except LeaseLost:
                    return
                except CommandError as error:
                    _log.info("updates wait for the database", count=len(updates), error=error.code.value)
                    await backoff.wait()
                except Exception:
                    _log.exception("updates not recorded", **self._recorder.key._asdict())
                    self._resync()
                    break
