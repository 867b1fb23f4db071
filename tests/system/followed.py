"""A follower of `GET /events` that comes back after every loss, with the last id that it saw."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Followed:
    """The events seen, in the order of their arrival, and the place they end at."""

    client: httpx.AsyncClient
    events: list[dict[str, Any]] = field(default_factory=list)
    gaps: int = 0
    last_id: str = "c0"
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                headers = {"Last-Event-ID": self.last_id}
                async with self.client.stream("GET", "/events", headers=headers, timeout=30) as answer:
                    if answer.status_code == 200:
                        await self._read(answer)
            except httpx.HTTPError:
                pass  # lost: come back
            await asyncio.sleep(0.05)

    async def until(self, count: int, seconds: float = 30.0) -> None:
        """Wait until `count` different events have arrived.

        Raises:
            AssertionError: if they do not.
        """
        end = time.monotonic() + seconds
        while len({event["seq"] for event in self.events}) < count:
            assert time.monotonic() < end, f"expected {count} events, were {len(self.events)}"
            self._changed.clear()
            try:
                async with asyncio.timeout(0.5):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def until_account_deleted(self, name: str) -> int:
        """Wait for the event that the account `name` is gone; return its place in the order."""
        count = 1
        while True:
            await self.until(count)
            for event in self.events:
                if event["kind"] == "credentials.account.deleted" and event["account"] == name:
                    return int(event["seq"])
            count = len(self.events) + 1

    async def _read(self, answer: httpx.Response) -> None:
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if fields.get("event") == "gap":
                self.gaps += 1
            elif "data" in fields:
                self.events.append(json.loads(fields["data"]))
            self.last_id = fields.get("id", self.last_id)
            fields = {}
            self._changed.set()
