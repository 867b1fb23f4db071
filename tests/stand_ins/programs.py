"""Stand-ins that run as processes of their own, so that a test can stop or kill them at any moment."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from shared.settings import DatabaseSettings
from tests.children import ends_with_us


class Program:
    """`python -m module arguments` with the settings of a test in its environment."""

    def __init__(self, settings: DatabaseSettings, module: str, *arguments: str) -> None:
        self._command = ("-m", module, *arguments)
        self._environment = {
            **os.environ,
            "HUMMINGBUS_NAMESPACE": settings.namespace,
            "NATS_URL": settings.nats_url,
            "DATABASE_URL": settings.database_url.get_secret_value(),
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, more: Mapping[str, str] | None = None) -> None:
        """Start it, with `more` in its environment."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            env={**self._environment, **(more or {})},
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=ends_with_us(),
        )

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process of the last start."""
        assert self._process is not None, "expected a program that was started"
        return self._process

    async def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end and return its exit code."""
        return await self.process.wait()

    async def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
