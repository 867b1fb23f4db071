"""HTTP as bytes, for what a well-behaved client would not send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.services.gateway_api.conftest import Edge


@dataclass(frozen=True)
class RawAnswer:
    """The head and the body as they came."""

    status: int
    headers: dict[str, str]
    body: bytes


class RawConnection:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> RawAnswer:
        async with asyncio.timeout(30):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return RawAnswer(int(status.split()[1]), headers, body)

    async def ended(self) -> bool:
        async with asyncio.timeout(30):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def raw(edge: Edge) -> AsyncIterator[RawConnection]:
    """A connection to the edge."""
    reader, writer = await asyncio.open_connection(edge.host, edge.service.port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
