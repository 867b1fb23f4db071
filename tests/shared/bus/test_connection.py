"""What a connection survives."""

import asyncio
import contextlib

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
