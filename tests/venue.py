"""A simulator as a process of its own, for tests that trade on an exchange: made to serve, to fail and to be killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.children import ends_with_us

ROOT = Path(__file__).parents[1]
TOKEN = "the-admin-token"
_NOT_HANDED_ON = ("SIMULATOR", "NATS_", "DATABASE_URL", "HUMMINGBUS_", "LOG_LEVEL")


class SimulatedVenue:
    """`python -m services.simulator` on free ports, from when it is made; blocking, so that fixtures may share it.

    Its limits are not to be met by chance: `SIMULATOR_LIMITS` makes them so, in what it tells of them too.
    """

    def __init__(self, **settings: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)},
            "HUMMINGBUS_ENV_FILE": os.devnull,
            "PYTHONPATH": str(ROOT),
            "SIMULATOR_PORT": "0",
            "SIMULATOR_ADMIN_PORT": "0",
            "SIMULATOR_ADMIN_TOKEN": TOKEN,
            "SIMULATOR_SEED": "7",
            "SIMULATOR_LIMITS": "100000",
            **settings,
        }
        self.start()

    def start(self) -> None:
        """Start it; again, on the same ports, after it was killed."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.simulator"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=ends_with_us(),
        )
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if b'"exchange open"' in line:
                event = json.loads(line)
                self.port, self.admin_port = event["port"], event["admin_port"]
                self._environment |= {
                    "SIMULATOR_PORT": str(self.port),
                    "SIMULATOR_ADMIN_PORT": str(self.admin_port),
                }
                # What it says later must not fill the pipe.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise AssertionError(f"expected a simulator that starts, was {seen}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Ask the admin API, which must agree; return its JSON."""
        answer = httpx.request(
            method,
            f"http://127.0.0.1:{self.admin_port}{path}",
            json=body,
            headers={"X-Admin-Token": TOKEN},
            timeout=30,
        )
        return answer.raise_for_status().json() if answer.content else None

    def credential(
        self, balances: Mapping[str, str] | None = None, futures: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Make an account; return what a credential of `paper` and `paper_perpetual` holds for it."""
        keys = self.admin("POST", "/accounts", {"balances": balances or {}, "futures_balances": futures or {}})
        return {"paper_api_key": keys["api_key"], "paper_api_secret": keys["api_secret"]}

    def forget(self, credential: Mapping[str, str]) -> None:
        """Delete an account."""
        self.admin("DELETE", f"/accounts/{credential['paper_api_key']}")

    def fault(self, kind: str, **asked: object) -> None:
        """Let a fault begin (see `docs/simulator.md`)."""
        self.admin("POST", "/faults", {"kind": kind, **asked})

    def faults_met(self) -> int:
        """Return how often the faults that are on met something."""
        return sum(int(fault["met"]) for fault in self.admin("GET", "/faults"))

    def heal(self) -> None:
        """End all faults."""
        self.admin("DELETE", "/faults")

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Have it end."""
        if self.process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(30)
