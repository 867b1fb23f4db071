"""An edge that answers every request with 200, and notes when it is drained."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from shared.service import Health
from shared.settings import read_environment


class Edge:
    """Listens where the supervisor says."""

    name = "gateway_api"

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self._host, self._port = overrides["API_HOST"], int(overrides["API_PORT"])
        self._trace = Path(read_environment()["STAND_IN_TRACE"])
        self._drain = float(read_environment().get("STAND_IN_DRAIN", "0"))
        self._server: asyncio.Server | None = None
        assert "DATABASE_URL" not in overrides

    async def start(self) -> None:
        self._server = await asyncio.start_server(_answer, self._host, self._port)

    async def drain(self) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(self._drain)
        with self._trace.open("a") as trace:
            trace.write("edge drained\n")

    def health(self) -> Health:
        return Health(True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


def create(overrides: Mapping[str, str]) -> Edge:
    """Return the edge."""
    return Edge(overrides)
