"""The portfolio service as processes, forked from one that has imported everything, to be killed at exact points."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from hummingbus.stack.processes import end_with_parent
from services.portfolio.app import PortfolioService
from services.portfolio.orders.cancelling import Cancelling
from services.portfolio.orders.placing import Placing
from services.portfolio.recording.recorder import Recorder
from services.portfolio.settings import PortfolioSettings
from shared.database.pool import Database
from shared.exchanges.account import CcxtAccount
from shared.service import run
from shared.telemetry.logs import configure_logs
from tests.eventually import eventually

#: Where a process may end: class, method, whether before it runs (else after).
POINTS: dict[str, tuple[type, str, bool]] = {
    "before an intent": (Placing, "_record_intent", True),
    "behind an intent": (Placing, "_record_intent", False),
    "before sending": (CcxtAccount, "place", True),
    "behind the answer": (CcxtAccount, "place", False),
    "before recording": (Recorder, "record", True),
    "behind recording": (Recorder, "record", False),
    "before a commit": (Database, "_commit", True),
    "behind a commit": (Database, "_commit", False),
    "before a cancel": (CcxtAccount, "cancel", True),
    "behind a cancel": (CcxtAccount, "cancel", False),
    "behind a wish to cancel": (Cancelling, "_send", True),
    "asking for an order": (CcxtAccount, "order", False),
    "asking for trades": (CcxtAccount, "trades", False),
}
#: A point and the number of its passage.
Crash = tuple[str, int]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", __name__])


def crash_at(point: str, times: int) -> None:
    """End this process by SIGKILL at the `times`-th passage of `point`."""
    owner, name, before = POINTS[point]
    method: Callable[..., Any] = getattr(owner, name)
    left = times

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def passed(self: Any, *arguments: Any, **more: Any) -> Any:
        if before:
            pass_by()
        result = await method(self, *arguments, **more)
        if not before:
            pass_by()
        return result

    setattr(owner, name, passed)


def _serve(settings: PortfolioSettings, crash: Crash | None) -> None:
    end_with_parent(signal.SIGKILL, os.getppid())
    configure_logs(os.environ.get("PORTFOLIO_TEST_LOGS", "CRITICAL"))
    if crash is not None:
        crash_at(*crash)
    asyncio.run(run([PortfolioService(settings)]))


class Replica:
    """A replica of the service as a process that crashes as `crashes` say, one after the other, and then stays."""

    def __init__(self, settings: PortfolioSettings, crashes: tuple[Crash, ...] = ()) -> None:
        self._settings = settings
        self._crashes = list(crashes)
        self._process: multiprocessing.process.BaseProcess | None = None
        self.crashed = 0

    @property
    def crashes_left(self) -> int:
        """How many crashes are still ahead."""
        return len(self._crashes)

    def start(self) -> None:
        """Start it, with the next crash ahead of it if there is one."""
        crash = self._crashes.pop(0) if self._crashes else None
        self._process = _context.Process(target=_serve, args=(self._settings, crash), daemon=True)
        self._process.start()

    async def keep_running(self) -> None:
        """Start it again whenever it has crashed, for ever; another end is an error."""
        while True:
            process = self.process
            await eventually(lambda: process.exitcode is not None, seconds=3600)  # noqa: B023 - awaited right here
            assert process.exitcode == -signal.SIGKILL, f"expected a kill, was exit code {process.exitcode}"
            self.crashed += 1
            self.start()

    @property
    def process(self) -> multiprocessing.process.BaseProcess:
        """The process of the last start."""
        assert self._process is not None, "expected a replica that was started"
        return self._process

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL, also when it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
