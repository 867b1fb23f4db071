"""A reader of server-sent events, after the standard's rules of parsing."""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from tests.services.gateway_api.conftest import Edge


@dataclass(frozen=True)
class Frame:
    """One event as a browser would dispatch it, with the id that the reader has then."""

    kind: str
    data: Any
    id: str


class SseReader:
    """One connection to `GET /events`. `id` is what a client would send as `Last-Event-ID` when it comes back."""

    def __init__(self, edge: Edge, query: str = "", last_event_id: str | None = None) -> None:
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        self._request = edge.client.get(f"{edge.url}/events{query}", headers=headers)
        self.id = ""
        self.comments = 0

    async def __aenter__(self) -> "SseReader":
        self.answer: aiohttp.ClientResponse = await self._request.__aenter__()
        assert self.answer.status == 200, await self.answer.text()
        await self._block()  # where it begins
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answer.close()

    async def _block(self) -> dict[str, str] | None:
        """Return the fields up to the next empty line, None at the end."""
        fields: dict[str, str] = {}
        while line := (await self.answer.content.readline()).decode():
            if line == "\n":
                return fields
            name, _, value = line.rstrip("\n").partition(":")
            if not name:
                self.comments += 1
                continue
            fields[name] = value.removeprefix(" ")
            self.id = fields.get("id", self.id)
        return None

    async def next(self) -> Frame | None:
        """Return the next event, None at the end of the stream."""
        async with asyncio.timeout(30):
            while (fields := await self._block()) is not None:
                if "data" in fields:
                    return Frame(fields.get("event", "message"), json.loads(fields["data"]), self.id)
        return None

    async def take(self, count: int) -> list[Frame]:
        """Return the next `count` events."""
        frames = [await self.next() for _ in range(count)]
        return [frame for frame in frames if frame is not None]
