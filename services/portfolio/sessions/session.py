"""One tenure of one session: opened, brought up to date, then kept so until the lease is lost or let go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from services.portfolio.commits import Commits, LeaseLost
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository
from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.desk import Desk
from services.portfolio.sessions.state import StateRecord
from services.portfolio.settings import PortfolioSettings
from shared.backoff import Backoff
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Reply
from shared.contracts.portfolio.orders import CANCEL_ORDER, PLACE_ORDER
from shared.contracts.portfolio.sessions import REFRESH_SESSION, SessionState
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeError, KeysRefused, Unsupported
from shared.exchanges.registry import Exchanges
from shared.leases import Lease
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Commands that go to a session's owner.
OWNED = (PLACE_ORDER, CANCEL_ORDER, REFRESH_SESSION)
#: Pauses between attempts to open a session; longer where the exchange has refused the keys, as it will again.
_PAUSES = (0.5, 15.0)
_REFUSED_PAUSES = (30.0, 600.0)

_encode = msgspec.json.Encoder().encode
_log = logger("session")


class Tools:
    """What all sessions of this replica share."""

    def __init__(
        self,
        settings: PortfolioSettings,
        repository: Repository,
        commits: Commits,
        *,
        dispatcher: Dispatcher,
        exchanges: Exchanges,
        secret_of: Callable[[SessionKey], Awaitable[dict[str, Any]]],
    ) -> None:
        self.settings = settings
        self.repository = repository
        self.commits = commits
        self.dispatcher = dispatcher
        self.exchanges = exchanges
        self.secret_of = secret_of
        self.starts = asyncio.Semaphore(settings.concurrent_starts)


class OwnedSession:
    """A session while this replica owns it. `revision` is that of the credential it works with."""

    def __init__(self, tools: Tools, key: SessionKey, lease: Lease, revision: int) -> None:
        self.key = key
        self.revision = revision
        #: Set when the first attempt to open it has ended, well or not.
        self.tried = asyncio.Event()
        self._tools = tools
        self._lease = lease
        self._record = StateRecord(tools.commits, key, lease)
        self._desk: Desk | None = None
        self._is_open = False
        self._task: asyncio.Task[None] | None = None
        self._log = _log.bind(**key._asdict(), epoch=lease.epoch)

    @property
    def state(self) -> SessionState:
        """How it is."""
        return self._record.state

    def start(self) -> None:
        """Begin to open it; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"session {'.'.join(self.key)}")

    async def stop(self) -> None:
        """Answer no more commands, then let go of the exchange."""
        self.tried.set()
        await self._tools.dispatcher.release(self.key)
        await end_task(self._task)
        await self._close()

    async def retire(self, reason: str, *, forget: bool = False) -> None:
        """Write that nobody owns the session, after `stop` and while the lease is ours.

        `forget` says that its credential is gone, and so are its balances.
        """
        try:
            if forget:
                await Recorder(self._tools.commits, self.key, self._lease).forget_balances()
            await self._record.write(SessionState.UNOWNED, reason)
        except (LeaseLost, CommandError) as error:
            self._log.info("end of the session not recorded", error=type(error).__name__)

    def desk(self) -> Desk:
        """Return what commands work with.

        Raises:
            CommandError: UNAVAILABLE if the session is not open.
        """
        if self._desk is None or not self._is_open:
            raise self.unavailable()
        return self._desk

    def ready_desk(self) -> Desk:
        """Return what orders are placed with.

        Raises:
            CommandError: UNAVAILABLE if the session is not READY.
        """
        if self.state is not SessionState.READY:
            raise self.unavailable()
        return self.desk()

    def unavailable(self) -> CommandError:
        """Return why it takes no orders."""
        why = f": {self._record.reason}" if self._record.reason else ""
        who = f"{self.key.connector_name} of account '{self.key.account_name}'"
        return CommandError(ErrorCode.UNAVAILABLE, f"The session {who} is {self.state.value}{why}")

    async def refresh(self) -> Reply:
        """Ask the exchange for everything now; answer with the session as it then is, and with the latest events.

        Raises:
            CommandError: UPSTREAM with its reason if the exchange does not say; UNAVAILABLE if the session is not open.
            LeaseLost: if the session is not ours any more.
        """
        desk = self.desk()
        try:
            await desk.reconcile()
        except ExchangeError as error:
            desk.attention.set()
            raise CommandError(ErrorCode.UPSTREAM, f"{self.key.connector_name}: {error}") from error
        return Reply(_encode(self._record.session()), tuple(desk.recorder.latest_events))

    async def _run(self) -> None:
        pauses, refused_pauses = Backoff(*_PAUSES), Backoff(*_REFUSED_PAUSES)
        while True:
            pause = pauses
            try:
                await self._open_and_serve(pauses)
            except LeaseLost:
                self._log.warning("session lost")
                return  # the keeper of the lease learns it too, and calls `stop`
            except (KeysRefused, Unsupported) as error:
                state, reason, pause = SessionState.REFUSED, str(error), refused_pauses
            except (ExchangeError, CommandError) as error:
                state, reason = SessionState.WAITING, str(error)
            except Exception:
                self._log.exception("session failed")
                state, reason = SessionState.WAITING, "an unexpected error; the log of portfolio has the details"
            await self._tools.dispatcher.release(self.key)
            await self._close()
            if not await self._told(state, reason):
                return
            await pause.wait()

    async def _close(self) -> None:
        """Close what is open. Not in a `finally` of `_run`: closing may take longer than a cancelled task is given."""
        self._is_open = False
        if self._desk is not None:
            await self._desk.stop()
            # Not before: `stop` may cut this short in `_run`, and then does it to its end.
            self._desk = None

    async def _told(self, state: SessionState, reason: str) -> bool:
        """Write the state; return False if the session is not ours any more."""
        self._log.info("session state", state=state.value, reason=reason)
        try:
            await self._record.write(state, reason)
        except LeaseLost:
            return False
        except CommandError as error:
            self._log.info("session state not recorded", error=error.code.value)
        self.tried.set()
        return True

    async def _open_and_serve(self, pauses: Backoff) -> None:
        """Open the session and keep it until something fails for good; what is left open then is `_close`'s."""
        tools = self._tools
        if self.state is SessionState.UNOWNED:
            await self._record.write(SessionState.STARTING)
        async with tools.starts:
            values = await tools.secret_of(self.key)
            account = tools.exchanges.account(self.key.connector_name, values)
            del values
            desk = Desk(
                tools.settings, tools.repository, tools.commits, account=account, key=self.key, lease=self._lease
            )
            self._desk = desk
            await desk.start()
            await desk.reconcile()
        self._is_open = True
        await tools.dispatcher.own(OWNED, self.key)
        await self._record.write(SessionState.READY)
        self.tried.set()
        self._log.info("session ready")
        pauses.reset()
        await self._serve(desk)

    async def _serve(self, desk: Desk) -> None:
        """Keep what is recorded true. While the exchange does not answer the session is WAITING, and asks again."""
        backoff = Backoff(*_PAUSES)
        while True:
            if self.state is SessionState.READY:
                await desk.wait_for_reason()
            else:
                await backoff.wait()
            try:
                await desk.reconcile()
                await self._record.write(SessionState.READY)
                backoff.reset()
            except KeysRefused:
                raise
            except (ExchangeError, CommandError) as error:
                if not await self._told(SessionState.WAITING, str(error)):
                    raise LeaseLost(self._lease.name) from error
