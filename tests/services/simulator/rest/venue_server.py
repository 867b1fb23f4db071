"""A simulator as a process of its own, for blocking clients, and somebody who asks it over HTTP."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.children import ends_with_us
from tests.services.simulator.process import TOKEN, environment


@dataclass(frozen=True, slots=True)
class Account:
    """The keys of an account."""

    api_key: str
    api_secret: str = field(repr=False)


class VenueServer:
    """Serves from when it is made until `stop`, and keeps everything in memory. Limits are not to be met by chance."""

    def __init__(self, **settings: str) -> None:
        ours = {"SIMULATOR_SEED": "7", "SIMULATOR_LIMITS": "100000", **settings}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.simulator"],
            env=environment(os.devnull, ours),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=ends_with_us(),
        )
        self.port = self.admin_port = 0
        self._output: list[str] = []
        self._opened = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._opened.wait(30) or not self.port:
            self.stop()
            raise AssertionError(f"expected a simulator that serves, was {self._output}")
        self._admin = httpx.Client(
            base_url=f"http://127.0.0.1:{self.admin_port}", headers={"X-Admin-Token": TOKEN}, timeout=30
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._output.append(line.decode().rstrip())
            if b'"exchange open"' in line:
                event = json.loads(line)
                self.port, self.admin_port = event["port"], event["admin_port"]
                self._opened.set()
        self._opened.set()  # so that nobody waits for one that has ended

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def account(self, balances: Mapping[str, str], futures: Mapping[str, str] | None = None) -> Account:
        """Make an account with these balances."""
        asked = {"balances": dict(balances), "futures_balances": dict(futures or {})}
        answer = self._admin.post("/accounts", json=asked).raise_for_status().json()
        return Account(answer["api_key"], answer["api_secret"])

    def delete_account(self, account: Account) -> None:
        self._admin.delete(f"/accounts/{account.api_key}").raise_for_status()

    def add_fault(self, kind: str, **asked: object) -> None:
        self._admin.post("/faults", json={"kind": kind, **asked}).raise_for_status()

    def remove_faults(self) -> None:
        self._admin.delete("/faults").raise_for_status()

    def stop(self) -> None:
        """End it; nothing that it has is kept."""
        self._process.kill()
        self._process.wait()
        self._reader.join()


def signature(secret: str, text: str) -> str:
    """Return the signature of a query or body."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class SignedClient:
    """Raw HTTP as an account of the exchange at `url`."""

    def __init__(self, url: str, account: Account | None = None) -> None:
        self.account = account
        self.http = httpx.Client(base_url=url, timeout=30)

    def public(self, path: str, method: str = "GET", **parameters: Any) -> httpx.Response:
        """Ask without a key."""
        return self.http.request(method, path, params=parameters)

    def signed(self, method: str, path: str, **parameters: Any) -> httpx.Response:
        """Ask with key, time and signature in the query."""
        assert self.account is not None, "expected a client with an account"
        parameters.setdefault("timestamp", int(time.time() * 1000))
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        url = f"{path}?{query}&signature={signature(self.account.api_secret, query)}"
        return self.http.request(method, url, headers={"X-MBX-APIKEY": self.account.api_key})

    def ok(self, method: str, path: str, **parameters: Any) -> Any:
        """Ask signed and return the JSON of an answer that must be good."""
        answer = self.signed(method, path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **parameters: Any) -> tuple[int, int, str]:
        """Ask signed and return status, code and text of a refusal."""
        answer = self.signed(method, path, **parameters)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"], answer.json()["msg"]


class Client(SignedClient):
    """Raw HTTP as an account of a server that a test may also give orders to."""

    def __init__(self, server: VenueServer, account: Account | None = None) -> None:
        super().__init__(server.url, account)
        self.server = server
