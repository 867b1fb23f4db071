"""PostgreSQL as our child: it starts, survives every kind of end, and only its owner can reach it."""

from pathlib import Path

import asyncpg

from hummingbus.stack.postgres_server import PostgresServer


async def _write(url: str, value: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)
    finally:
        await connection.close()


async def _read(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row["value"] for row in await connection.fetch("SELECT value FROM kept ORDER BY value")]
    finally:
        await connection.close()


async def test_data_survives_a_stop_and_a_kill(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    url = await server.start()
    try:
        await _write(url, 1)
        await server.stop()
        assert server.pid is None
        assert await server.start() == url
        await _write(url, 2)
        server.kill()
        assert server.pid is None
        assert await server.start() == url
        assert await _read(url) == [1, 2]
    finally:
        await server.stop()
