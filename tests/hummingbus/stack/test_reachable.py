"""Servers of somebody else that a start waits for are named, without logins."""

import asyncio

import pytest

from hummingbus.stack.reachable import accepts, missing_servers
from hummingbus.stack.settings import StackSettings
from tests.ports import reserved_port


async def missing(**values: str) -> list[str]:
    return await missing_servers(StackSettings.model_validate(values))


async def test_servers_of_our_own_are_not_asked_for() -> None:
    assert await missing() == []


async def test_who_listens_is_not_missing() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for url in (f"nats://127.0.0.1:{port}", f"127.0.0.1:{port}", f"tls://me:secret@127.0.0.1:{port}"):
        assert await accepts(url) is None
    assert await missing(NATS_URL=f"127.0.0.1:{port}", DATABASE_URL=f"postgresql://u:p@127.0.0.1:{port}/d") == []
    server.close()


async def test_who_does_not_is_named_without_a_login() -> None:
    port = reserved_port()
    found = await missing(
        NATS_URL=f"nats://me:secret@127.0.0.1:{port},nats://no-such-host.invalid",
        DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{port}/hummingbus",
    )
    assert found == [
        f"NATS at 127.0.0.1:{port} can't be reached (connection refused)",
        "NATS at no-such-host.invalid:4222 can't be reached (no such host)",
        f"PostgreSQL at 127.0.0.1:{port} can't be reached (connection refused)",
    ]


@pytest.mark.parametrize("url", ["postgresql:///d?host=/run/postgresql", "postgresql://a:1,b:2/d", "postgresql:///d"])
async def test_what_is_no_single_address_is_left_to_the_logs(url: str) -> None:
    assert await missing(DATABASE_URL=url) == []
