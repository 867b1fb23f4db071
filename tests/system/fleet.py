"""One service per process, on servers of their own: what the fault tests kill, wipe and restart."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hummingbus.stack.nkey import Nkey
from hummingbus.stack.postgres_server import PostgresServer
from shared.settings import Settings
from tests.children import ends_with_us
from tests.pace import within
from tests.ports import reserved_port
from tests.running_stack import NOWHERE, ROOT
from tests.servers import create_database, short_folder, strict_nats

PASSWORD = "fleet-Jq82nd01"
CONFIG_PASSWORD = "fleet-Ow73kd55"
#: Seconds within which everything must work again after a fault has ended.
RECOVERY = 90.0
#: What the caller of a change may see while something is broken.
TRANSIENT = frozenset({502, 503, 504})
#: Seconds that an answer of `/ready` may be old.
_READY_HOLDS = 1.0
_SIMULATOR_TOKEN = "fleet-token-Xe51"


class Fleet:
    """NATS with permissions, PostgreSQL, and any number of service processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nats, self.seeds = strict_nats(folder / "nats", "hb")
        self.postgres = PostgresServer(folder / "postgres")
        self.port = reserved_port()
        self.simulator_port, self.simulator_admin_port = reserved_port(), reserved_port()
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        #: Where exchanges are, by connector; all others are nowhere.
        self.endpoints: dict[str, str] = {}
        self._expected: set[str] = set()
        self._first: tuple[str, ...] = ()
        self._changed_at = time.monotonic()
        self._database_url = ""

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator_url(self) -> str:
        """Where the simulated exchange is."""
        return f"http://127.0.0.1:{self.simulator_port}"

    def settings(self, user: str) -> Settings:
        """Return how a test reaches the bus as `user`."""
        return Settings.model_validate({"NATS_URL": self.nats.url, "NATS_SEED": self.seeds[user]})

    def start(self, name: str, instance: str = "") -> None:
        """Start the service `name` as a process of its own; `instance` tells replicas apart."""
        self._expected.add(name)
        self._changed_at = time.monotonic()
        endpoints = json.dumps(json.loads(NOWHERE) | self.endpoints)
        keys = {user: Nkey.from_seed(seed).public_key for user, seed in self.seeds.items()}
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HUMMINGBUS_ENV_FILE": str(self.folder / "none"),
            "NATS_URL": self.nats.url, "NATS_SEED": self.seeds[name], "DATABASE_URL": self._database_url,
            "API_HOST": "127.0.0.1", "API_PORT": str(self.port), "API_USERNAME": "admin", "API_PASSWORD": PASSWORD,
            "CONFIG_PASSWORD": CONFIG_PASSWORD, "SERVICE_KEYS": json.dumps(keys), "CONNECTOR_ENDPOINTS": endpoints,
            "SIMULATOR_URL": self.simulator_url, "SIMULATOR_PORT": str(self.simulator_port), "SIMULATOR_SEED": "7",
            "SIMULATOR_ADMIN_PORT": str(self.simulator_admin_port), "SIMULATOR_ADMIN_TOKEN": _SIMULATOR_TOKEN,
            "SIMULATOR_LIMITS": "100000",
        }  # fmt: skip
        with (self.folder / f"{name}{instance}.log").open("ab") as log:
            self.services[name + instance] = subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=ends_with_us(),
            )

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return what a service has logged, also in earlier lives; lines that are no JSON are left out."""
        lines = (self.folder / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def kill(self, name: str) -> None:
        """End a service with SIGKILL, also one that is stopped."""
        process = self.services.pop(name)
        process.kill()
        process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a service."""
        self.services[name].send_signal(number)

    async def drain(self, name: str) -> int:
        """Stop a service as an orchestrator does; return its exit code."""
        process = self.services.pop(name)
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait, 60)

    async def ready(self, seconds: float = 90.0) -> None:
        """Wait until `/ready` says that every service of the fleet is ready, asked since the last one was started.

        Services that the fleet never had do not count: with a part of the system, `/ready` answers 503.
        """
        since = self._changed_at + _READY_HOLDS
        await self._until(lambda state: time.monotonic() > since and self._states(state) == {"ready"}, seconds)

    async def not_ready(self, seconds: float = 60.0) -> None:
        """Wait until `/ready` answers 503 and says that a service of the fleet is not ready, or NATS is away."""
        away = {"not ready", "down"}
        await self._until(lambda state: state["status"] == "not ready" and bool(self._states(state) & away), seconds)

    def _states(self, state: dict[str, Any]) -> set[str]:
        """Return the states that the fleet's services and NATS are in."""
        states = {state["services"][name]["state"] if name in state["services"] else "down" for name in self._expected}
        return states | ({"ready"} if state["servers"]["nats"]["state"] == "up" else {"down"})

    async def _until(self, looks_right: Callable[[dict[str, Any]], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        answer: httpx.Response | httpx.TransportError | None = None
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as client:
            while time.monotonic() < until:
                try:
                    answer = await client.get("/ready")
                except httpx.TransportError as error:
                    answer = error
                else:
                    assert answer.status_code in {200, 503}, answer.text
                    state = answer.json()
                    assert (answer.status_code == 200) is (state["status"] == "ready"), answer.text
                    if looks_right(state):
                        return
                await asyncio.sleep(0.05)
        said = answer.text if isinstance(answer, httpx.Response) else repr(answer)
        raise AssertionError(f"/ready did not say so within {seconds:g} s: {said}\n{self.logs()}")

    def client(self, **more: Any) -> httpx.AsyncClient:
        """Return a client that is logged in; it opens no more connections than a user would."""
        return httpx.AsyncClient(base_url=self.url, auth=("admin", PASSWORD), timeout=20, **more)

    def logs(self) -> str:
        """Return the ends of all logs, for the text of a failure."""
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log")))

    async def begin(self) -> None:
        """Start the servers."""
        await asyncio.gather(self.nats.start(), self.postgres.start())
        self._database_url = self.postgres.database_url(await create_database(self.postgres))

    async def mend(self) -> None:
        """Bring back what a test that failed has left away, killed or stopped: the next one finds the fleet whole."""
        for server in (self.nats, self.postgres):
            if server.pid is None:
                await server.start()
        left = {name for name, process in self.services.items() if process.poll() is None}
        for name in self.services.keys() - (left & set(self._first)):
            self.kill(name)
        for name in self.services:
            self.signal(name, signal.SIGCONT)
        missing = [name for name in self._first if name not in self.services]
        for name in missing:
            self.start(name)
        if missing:
            await self.ready(RECOVERY)

    async def end(self) -> None:
        """Stop everything that still runs."""
        for name in tuple(self.services):
            self.kill(name)
        await self.nats.stop()
        await self.postgres.stop()


@asynccontextmanager
async def fleet(*services: str, **endpoints: str) -> AsyncIterator[Fleet]:
    """Start servers and `services`, wait until all is ready, and leave nothing behind; see `Fleet.endpoints`."""
    with short_folder() as folder:
        made = Fleet(folder)
        made.endpoints = endpoints
        try:
            await made.begin()
            made._first = services
            for service in services:
                made.start(service)
            await made.ready()
            yield made
        finally:
            await made.end()


async def insist(client: httpx.AsyncClient, method: str, path: str, key: str, **more: Any) -> httpx.Response:
    """Send a change until it has an outcome, with the same idempotency key each time, as a careful caller does.

    Raises:
        AssertionError: if an answer takes longer than the command's deadline allows, or none comes in time.
    """
    until = time.monotonic() + 120
    while True:
        began = time.monotonic()
        try:
            answer = await client.request(method, path, headers={"Idempotency-Key": key}, **more)
        except httpx.TransportError:
            answer = None
        within(12, began, f"an answer to {method} {path}")
        if answer is not None and answer.status_code not in TRANSIENT:
            return answer
        assert time.monotonic() < until, f"{method} {path} had no outcome: {answer and answer.text}"
        await asyncio.sleep(0.05)
