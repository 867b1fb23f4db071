"""What an open session works with: the account on the exchange, and all that acts on it."""

import asyncio

from services.portfolio.commits import Commits
from services.portfolio.orders.cancelling import Cancelling
from services.portfolio.orders.placing import Placing
from services.portfolio.orders.reconciling import Reconciler
from services.portfolio.orders.resolving import Resolver
from services.portfolio.orders.turns import Turns
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository
from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.user_stream import UserStream
from services.portfolio.settings import PortfolioSettings
from shared.exchanges.interface import TradingAccount
from shared.leases import Lease
from shared.tasks import set_within

#: Seconds that a user stream may take to stand, before the session goes on without it.
STREAM_PATIENCE = 8.0


class Desk:
    """One opening of a session: it follows the account from `start` to `stop`."""

    def __init__(
        self,
        settings: PortfolioSettings,
        repository: Repository,
        commits: Commits,
        *,
        account: TradingAccount,
        key: SessionKey,
        lease: Lease,
    ) -> None:
        bounded = account.has_receive_window
        turns = Turns()
        self.account = account
        self.recorder = Recorder(commits, key, lease)
        self.placing = Placing(
            repository, commits, self.recorder, account, turns, receive_window_ms=settings.receive_window_ms
        )
        self.resolver = Resolver(
            repository,
            self.recorder,
            account,
            self.placing.sending,
            absence_margin_ms=settings.absence_margin_ms if bounded else settings.unbounded_margin_ms,
        )
        self.placing.resolve_with(self.resolver)
        self.cancelling = Cancelling(repository, self.recorder, self.placing, self.resolver, turns)
        self._reconciler = Reconciler(repository, self.recorder, account, self.resolver)
        self._settings = settings
        #: Set when something was missed and has to be asked for.
        self.attention = asyncio.Event()
        self._stream = UserStream(account, self.recorder, self.attention.set)

    async def start(self) -> None:
        """Follow the user stream; return when it stands, or when it takes too long: then the account is polled."""
        self._stream.start()
        await set_within(self._stream.settled, STREAM_PATIENCE)  # it goes on trying after that

    async def reconcile(self) -> None:
        """Ask for all that may have been missed so far.

        Raises:
            ExchangeError: if the exchange does not say.
            LeaseLost: if the session is not ours any more.
            CommandError: if the database cannot be asked.
        """
        self.attention.clear()
        await self._reconciler.reconcile()

    async def wait_for_reason(self) -> None:
        """Wait until there is a reason to reconcile: something was missed, or enough time has passed."""
        interval = self._settings.reconcile_seconds if self._stream.following else self._settings.poll_seconds
        await set_within(self.attention, interval)

    async def stop(self) -> None:
        """Let requests under way end, then let go of the account."""
        await self._stream.stop()
        await self.cancelling.stop()
        await self.placing.stop()
        await self.resolver.stop()
        await self.account.close()
