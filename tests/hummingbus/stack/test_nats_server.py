"""NATS as our child: it starts, keeps port and streams over every kind of end, and obeys its users' permissions."""

import asyncio
import os
import stat
from pathlib import Path

import nats
import psutil
import pytest
from nats.errors import Error
from nats.js.errors import NotFoundError

from hummingbus.stack.nats_server import NatsError, NatsServer
from hummingbus.stack.processes import runs
from tests.servers import TEST_USER, strict_nats


async def _make_stream(url: str) -> None:
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="kept", subjects=["kept.>"])
        await stream.publish("kept.one", b"1")
    finally:
        await client.close()


async def _messages(url: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info("kept")).state.messages
    finally:
        await client.close()


async def test_streams_and_port_survive_a_stop_and_a_kill(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    url = await server.start()
    try:
        await _make_stream(url)
        assert await server.restart() == url
        assert await _messages(url) == 1
        server.kill()
        assert server.pid is None
        assert await server.start() == url
        assert await _messages(url) == 1
    finally:
        await server.stop()


async def test_a_wiped_restart_forgets_all_streams(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    url = await server.start()
    try:
        await _make_stream(url)
        assert await server.restart(wipe=True) == url
        with pytest.raises(NotFoundError):
            await _messages(url)
    finally:
        await server.stop()


async def test_a_port_that_is_taken_is_an_error_that_says_so(folder: Path) -> None:
    first = NatsServer(folder / "first")
    await first.start()
    second = NatsServer(folder / "second", port=first.port)
    try:
        with pytest.raises(NatsError, match="address already in use"):
            await second.start()
        assert second.pid is None
    finally:
        await first.stop()


async def test_a_server_that_was_left_behind_is_stopped_by_the_next_start(folder: Path) -> None:
    orphan = NatsServer(folder / "nats")
    await orphan.start()
    left = psutil.Process(orphan.pid)
    server = NatsServer(folder / "nats", port=orphan.port)
    await server.start()
    try:
        assert not runs(left)
        assert server.pid != left.pid
    finally:
        await server.stop()
        await orphan.stop()


async def test_a_pid_file_that_names_somebody_else_harms_nobody(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    await server.stop()
    (folder / "nats" / "nats.pid").write_text(str(os.getpid()))
    await server.start()
    await server.stop()


async def test_users_are_held_to_their_permissions(folder: Path, namespace: str) -> None:
    server, seeds = strict_nats(folder / "nats", namespace)
    url = await server.start()
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        refused.put_nowait(str(error))

    try:
        with pytest.raises(Error, match="Authorization Violation"):
            await nats.connect(url, allow_reconnect=False, connect_timeout=20)
        client = await nats.connect(url, nkeys_seed_str=seeds["outside"], error_cb=on_error)
        await client.publish(f"{namespace}.cmd.admin.credentials.account.list", b"{}")
        assert "permissions violation" in (await refused.get()).lower()
        await client.close()
        client = await nats.connect(url, nkeys_seed_str=seeds[TEST_USER], error_cb=on_error)
        await client.publish("anything", b"")
        await client.flush()
        assert refused.empty()
        await client.close()
    finally:
        await server.stop()


async def test_configuration_and_log_are_private(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    await server.stop()
    for name in ("nats.conf", "nats.log"):
        assert stat.S_IMODE((folder / "nats" / name).stat().st_mode) == 0o600
