"""A real simulator as a process of its own on free ports, and somebody who asks it over HTTP."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.children import ends_with_us

ROOT = Path(__file__).parents[3]
TOKEN = "the-admin-token"
_NOT_HANDED_ON = ("SIMULATOR", "NATS_", "DATABASE_URL", "HUMMINGBUS_", "LOG_LEVEL")


def environment(env_file: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a simulator with free ports and nothing else of ours but `settings`."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)},
        "HUMMINGBUS_ENV_FILE": env_file,
        "PYTHONPATH": str(ROOT),
        "SIMULATOR_PORT": "0",
        "SIMULATOR_ADMIN_PORT": "0",
        "SIMULATOR_ADMIN_TOKEN": TOKEN,
        **settings,
    }


class SimulatorProcess:
    """`python -m services.simulator`; `start` returns when it serves."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._environment = environment(str(folder / "no.env"), settings or {})
        self.output: list[str] = []
        self.port = self.admin_port = 0
        self.process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    async def start(self) -> None:
        """Start it, again after it has ended."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.simulator",
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=ends_with_us(),
        )
        opened = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self.process, opened))
        async with asyncio.timeout(30):
            self.port, self.admin_port = await opened

    async def _read(self, process: asyncio.subprocess.Process, opened: "asyncio.Future[tuple[int, int]]") -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.output.append(line.decode().rstrip())
            if b'"exchange open"' in line:
                event = json.loads(line)
                opened.set_result((event["port"], event["admin_port"]))
        if not opened.done():
            opened.set_exception(AssertionError(f"expected a simulator that starts, was {self.output}"))

    async def kill(self) -> None:
        """End it by SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Have it drain."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            await process.wait()
            assert self._reading is not None
            await self._reading

    async def admin(self, method: str, path: str, body: object = None, token: str = TOKEN) -> tuple[int, Any]:
        """Ask the admin API; return status and JSON."""
        async with httpx.AsyncClient(base_url=self.admin_url, timeout=30) as client:
            answer = await client.request(method, path, json=body, headers={"X-Admin-Token": token})
            return answer.status_code, answer.json()

    async def account(
        self, balances: Mapping[str, str] | None = None, futures_balances: Mapping[str, str] | None = None
    ) -> "Trader":
        """Make an account; return somebody who trades on it."""
        body = {"balances": balances or {}, "futures_balances": futures_balances or {}}
        status, keys = await self.admin("POST", "/accounts", body)
        assert status == 201, keys
        return Trader(self, keys["api_key"], keys["api_secret"])


class Trader:
    """Signed requests of one account, over connections that are kept."""

    def __init__(self, simulator: SimulatorProcess, api_key: str, api_secret: str) -> None:
        self._simulator = simulator
        self.api_key = api_key
        self._secret = api_secret
        self._client = httpx.AsyncClient(timeout=30, headers={"X-MBX-APIKEY": api_key})

    async def ask(self, method: str, path: str, **parameters: object) -> tuple[int, Any]:
        """Return status and JSON of a signed request."""
        query = urlencode({**parameters, "timestamp": int(time.time() * 1000), "recvWindow": 60000})
        signature = hmac.new(self._secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        answer = await self._client.request(method, f"{self._simulator.url}{path}?{query}&signature={signature}")
        return answer.status_code, answer.json()

    async def public(self, path: str, **parameters: object) -> Any:
        """Return the JSON of an unsigned request that must be answered."""
        answer = await self._client.get(
            f"{self._simulator.url}{path}", params={k: str(v) for k, v in parameters.items()}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def close(self) -> None:
        await self._client.aclose()
