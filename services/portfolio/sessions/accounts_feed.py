"""Keeps the accounts as `credentials` has them: a snapshot at start, another whenever its events say that it changed.

Events only say when to look. What is true is the snapshot, so a lost, late or doubled event does no harm.
"""

import asyncio

from services.portfolio.sessions.known_accounts import KnownAccounts
from shared.backoff import Backoff
from shared.contracts import credentials
from shared.contracts.portfolio import SERVICE
from shared.errors import CommandError
from shared.events.envelope import Envelope
from shared.events.reader import Gap, StreamReader
from shared.settings import Settings
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger
from shared.telemetry.outage import Outage

#: Seconds between two looks that nothing asked for.
INTERVAL = 30.0
#: Seconds in which further events are waited for, so that many changes cost one look.
_TOGETHER = 0.03
_CONCERNING = frozenset(
    event.kind
    for event in (
        credentials.ACCOUNT_CREATED,
        credentials.ACCOUNT_DELETED,
        credentials.CREDENTIAL_STORED,
        credentials.CREDENTIAL_DELETED,
    )
)

_log = logger("accounts_feed")


class AccountsFeed:
    """Follows the accounts."""

    def __init__(self, settings: Settings, accounts: KnownAccounts) -> None:
        self._accounts = accounts
        self._wake = asyncio.Event()
        #: The events that were seen since the last look.
        self._news: list[int] = []
        self._outage = Outage(_log, "accounts not known, waiting for credentials", "accounts known again")
        self._reader = StreamReader(settings, SERVICE, credentials.SERVICE, None, self._seen, on_gap=self._missed)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; waits for nobody."""
        await self._reader.start()
        self._task = asyncio.create_task(self._follow(), name="accounts feed")

    async def stop(self) -> None:
        """Stop following."""
        await end_task(self._task)
        await self._reader.stop()

    def _seen(self, event: Envelope) -> None:
        if event.kind in _CONCERNING:
            self._news.append(event.event_id)
            self._wake.set()

    def _missed(self, _: Gap) -> None:
        self._wake.set()

    async def _follow(self) -> None:
        backoff = Backoff(0.1, 0.5)  # nothing can be told before: a start of all together should not wait for it
        while True:
            self._wake.clear()
            if await self._look():
                backoff.reset()
                await self._wait()
            else:
                await backoff.wait()

    async def _look(self) -> bool:
        news, self._news = self._news, []
        try:
            await self._accounts.look(news)
        except CommandError as error:
            self._news += news
            self._outage.away(error=error.code.value)
            return False
        self._outage.back()
        return True

    async def _wait(self) -> None:
        if await set_within(self._wake, INTERVAL):
            await asyncio.sleep(_TOGETHER)
