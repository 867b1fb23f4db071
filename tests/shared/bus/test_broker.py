"""FastStream's broker over our connection: its end, whatever the server does."""

import asyncio
from pathlib import Path

from hummingbus.stack.nats_server import NatsServer
from shared.bus.broker import Broker
from shared.settings import Settings
from tests.eventually import eventually


async def test_it_stops_while_the_server_is_away_and_leaves_nothing(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    broker = Broker(Settings.model_validate({"NATS_URL": await server.start()}), "outside")
    before = asyncio.all_tasks()
    await broker.start()
    server.kill()
    await eventually(lambda: not broker.connected)
    await broker.stop()
    assert not broker.connected
    await eventually(lambda: asyncio.all_tasks() <= before)
    await broker.stop()  # a second time does no harm


async def test_it_stops_while_the_server_is_there(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    broker = Broker(Settings.model_validate({"NATS_URL": await server.start()}), "outside")
    await broker.start()
    await broker.stop()
    assert not broker.connected
    await server.stop()
