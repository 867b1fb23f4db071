"""What a connection survives."""

import asyncio
import contextlib
from typing import Any

import pytest
from nats.aio.msg import Msg

from shared.bus.connection import connect
from tests.conftest import SettingsFor
from tests.eventually import eventually


async def test_who_gives_up_waiting_for_the_server_does_not_end_the_reading(settings_for: SettingsFor) -> None:
    connection = await connect(settings_for("test"), "test")
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    await connection.subscribe("told", cb=hear)
    waiting = asyncio.create_task(connection.flush())
    while not connection._pongs:
        await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await connection.flush(timeout=10)
    await connection.publish("told", b"yes")
    await eventually(lambda: heard == [b"yes"])
    await connection.close()


async def test_a_reading_that_ends_unexpectedly_begins_anew(
    settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = asyncio.Event()

    async def reconnected() -> None:
        again.set()

    connection = await connect(settings_for("test"), "test", on_reconnect=reconnected)
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    async def fail(*_: Any) -> None:
        monkeypatch.undo()
        raise ValueError("what no library expects")

    await connection.subscribe("told", cb=hear)
    await connection.flush(timeout=10)
    monkeypatch.setattr(connection, "_process_msg", fail)
    await connection.publish("told", b"lost")
    async with asyncio.timeout(10):
        await again.wait()
    await connection.publish("told", b"yes")
    await eventually(lambda: heard == [b"yes"])
    await connection.close()
