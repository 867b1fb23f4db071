"""PostgreSQL as our child: it starts, survives every kind of end, and only its owner can reach it."""

import asyncio
import os
import pwd
import stat
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest

from hummingbus.stack.postgres_account import AccountError
from hummingbus.stack.postgres_server import PostgresError, PostgresServer
from hummingbus.stack.processes import runs


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
    assert server.is_new
    url = await server.start()
    assert not server.is_new
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


async def test_a_server_that_was_left_behind_is_stopped_by_the_next_start(folder: Path) -> None:
    orphan = PostgresServer(folder / "postgres")
    url = await orphan.start()
    await _write(url, 1)
    left = psutil.Process(orphan.pid)
    server = PostgresServer(folder / "postgres")
    await server.start()
    try:
        assert not runs(left)
        assert await _read(url) == [1]
    finally:
        await server.stop()
        await orphan.stop()


async def test_backends_whose_server_was_killed_are_waited_for(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    url = await server.start()
    connection = await asyncpg.connect(url)
    pid = server.pid
    assert pid is not None
    # A stopped backend does not notice the death of its server, and keeps its shared memory.
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    backend.suspend()
    psutil.Process(pid).kill()
    await server.wait()
    starting = asyncio.ensure_future(server.start())
    done, _ = await asyncio.wait({starting}, timeout=0.5)
    assert not done
    backend.resume()
    await starting
    connection.terminate()
    await server.stop()


def _sleeper(user: int | None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["/bin/sleep", "600"], user=user)


@pytest.mark.parametrize("ended", [False, True], ids=["that runs", "that has ended and nobody has collected"])
async def test_a_pid_file_that_names_somebody_else_harms_nobody(folder: Path, ended: bool) -> None:
    server = PostgresServer(folder / "postgres")
    await server.start()
    pid_file = folder / "postgres" / "cluster" / "postmaster.pid"
    lock_file = next((folder / "postgres" / "socket").glob(".*.lock"))
    locks = {file: file.read_text().splitlines() for file in (pid_file, lock_file)}
    # A process of the server's user: for PostgreSQL itself it would be a server that has the cluster.
    other = _sleeper(psutil.Process(server.pid).uids().effective if os.geteuid() == 0 else None)
    server.kill()
    if ended:
        other.kill()
    for file, lines in locks.items():
        file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
    await server.start()
    await server.stop()
    assert (other.poll() is None) is not ended
    other.kill()
    other.wait()


async def test_a_start_that_was_cut_off_begins_again(folder: Path) -> None:
    first = PostgresServer(folder / "postgres")
    starting = asyncio.ensure_future(first.start())
    unfinished = folder / "postgres" / "cluster.new"
    async with asyncio.timeout(30):
        while not (unfinished / "PG_VERSION").exists():
            await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert unfinished.exists()
    second = PostgresServer(folder / "postgres")
    await second.start()
    assert not unfinished.exists()
    await second.stop()


async def test_only_its_user_can_reach_it(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    await server.start()
    try:
        process = psutil.Process(server.pid)
        assert not [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert process.uids().effective != 0
        for inner in ("cluster", "socket"):
            status = (folder / "postgres" / inner).stat()
            assert stat.S_IMODE(status.st_mode) == 0o700
            assert status.st_uid == process.uids().effective
        expected = "hummingbus" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        assert process.username() == expected
        assert not any(name.startswith(("API_", "CONFIG_")) for name in process.environ())
    finally:
        await server.stop()


async def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("x" * 60) / ("y" * 60) / "postgres"
    deep.parent.mkdir(parents=True)
    server = PostgresServer(deep)
    url = await server.start()
    try:
        await _write(url, 1)
        sockets = Path(url.partition("host=")[2])
        assert sockets.parent != deep
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert PostgresServer(deep).url == url
    finally:
        await server.stop()
    assert not sockets.exists()


async def test_a_socket_folder_that_somebody_else_has_made_is_refused(folder: Path) -> None:
    deep = folder / ("x" * 60) / ("y" * 60) / "postgres"
    deep.parent.mkdir(parents=True)
    server = PostgresServer(deep)
    sockets = Path(server.url.partition("host=")[2])
    sockets.symlink_to(folder)
    try:
        with pytest.raises(AccountError, match="belongs to somebody else"):
            await server.start()
    finally:
        sockets.unlink()


async def test_a_server_that_can_not_start_says_why(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    await server.start()
    await server.stop()
    (folder / "postgres" / "cluster" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresError, match=r"incompatible with server|not compatible"):
        await server.start()
    assert server.pid is None


async def test_failing_statements_are_not_in_its_log(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    url = await server.start()
    connection = await asyncpg.connect(url)
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute("SELECT 'a-secret'::int")
    with pytest.raises(asyncpg.PostgresError):
        await connection.fetchval("SELECT ($1::text)::int", "a-secret")
    await connection.close()
    await server.stop()
    assert "a-secret" not in (folder / "postgres" / "postgres.log").read_text()
