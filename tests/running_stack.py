"""A whole stack as a user starts it: `hummingbus up` as a process of its own, in a folder of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil

from hummingbus.stack.processes import kill_tree
from hummingbus.stack.run_file import Run, read_run
from shared.connectors.catalogue import CONNECTORS
from tests.children import ends_with_us
from tests.ports import reserved_port

ROOT = Path(__file__).parent.parent
#: Never handed on from whoever runs the tests.
_OURS = (
    *("API_", "HUMMINGBUS_", "CONFIG_PASSWORD", "NATS_", "DATABASE_URL", "LOG_LEVEL", "USERNAME", "PASSWORD"),
    *("SIMULATOR", "CONNECTOR_", "RATE_", "MARKET_DATA_", "PORTFOLIO_"),
)

#: No test asks an exchange on the internet: port 9 is closed, and so every such question fails at once.
NOWHERE = json.dumps(
    {
        name: "http://127.0.0.1:9"
        for name, connector in CONNECTORS.items()
        if connector.ccxt_id and not connector.simulated
    }
)


class RunningStack:
    """`hummingbus up` with `folder` as current folder, which also holds `.env` and `data`.

    Args:
        folder: where it runs; see `tests.servers.short_folder`.
        port: the API's port.
        settings: further environment variables; without `SIMULATOR` it runs without the simulator, without
            `NATS_PORT` its bus has a port that no other stack takes.
    """

    def __init__(self, folder: Path, port: int, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = port
        self.output: list[str] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        environment |= {"PYTHONPATH": str(ROOT), "API_PORT": str(port), "SIMULATOR": "off"}
        # Of its own, as another stack could take the usual one while this one's server is restarted.
        environment |= {"NATS_PORT": str(reserved_port())}
        environment |= {"CONNECTOR_ENDPOINTS": NOWHERE, "RATE_ORACLE_SOURCE": "paper", **(settings or {})}
        self.data = folder / environment.get("HUMMINGBUS_DATA", "data")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hummingbus", "up"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=ends_with_us(signal.SIGTERM),
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    async def says(self, text: str, seconds: float = 60.0) -> str:
        """Wait until it writes a line with `text` in it; return the line."""
        async with self._patience(seconds):
            while True:
                line = await asyncio.to_thread(self._line)
                if line is None:
                    raise AssertionError(f"expected a line with {text!r}, was {self.output}")
                if text in line:
                    return line

    async def ended(self, seconds: float = 60.0) -> int:
        """Wait until it has ended; return its exit code."""

        def rest() -> int:
            assert self.process.stdout is not None
            self.output.extend(self.process.stdout)
            return self.process.wait()

        async with self._patience(seconds):
            return await asyncio.to_thread(rest)

    @asynccontextmanager
    async def _patience(self, seconds: float) -> AsyncIterator[None]:
        """Give `seconds`, then end everything: a thread that reads what the stack says ends with it alone."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            self.kill_everything()
            raise

    async def stop(self) -> int:
        """Stop it as `kill` does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def run(self) -> Run:
        """Return what it says that it runs."""
        run = read_run(self.data / "run.json")
        assert run is not None, "expected a run.json"
        return run

    def pid(self, part: str) -> int:
        """Return the process id of `postgres`, `nats` or a group."""
        return self.run().pids[part].pid

    def tree(self) -> list[psutil.Process]:
        """Return every process of the stack, its own first."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def kill_everything(self) -> None:
        """End every process of the stack at once, as a loss of power would."""
        kill_tree(self.process)

    def _line(self) -> str | None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return None
        self.output.append(line)
        return line


@contextmanager
def running_stack(folder: Path, settings: Mapping[str, str] | None = None, port: int = 0) -> Iterator[RunningStack]:
    """Start a stack and make sure that nothing of it is left afterwards. `port` 0 takes one of its own."""
    stack = RunningStack(folder, port or reserved_port(), settings)
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.kill_everything()
        if stack.process.stdout is not None:
            stack.process.stdout.close()
