"""What is sent live: the latest of each subject, without ever holding up who offers it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from nats.aio.msg import Msg

from hummingbus.stack.nats_server import NatsServer
from services.marketdata.live_outlet import LiveOutlet
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.marketdata import LIVE, SERVICE
from shared.contracts.marketdata.books import BOOK, LiveBook
from shared.contracts.marketdata.tickers import TICKER, LiveTicker
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.marketdata.fake_market import book, ticker

Received = list[Msg]


@pytest.fixture
def settings(values: dict[str, str]) -> Settings:
    return Settings.model_validate(values)


@pytest.fixture
async def received(settings: Settings) -> AsyncIterator[Received]:
    """What arrives of all live data."""
    client = await connect(settings, "portfolio")
    found: Received = []

    async def take(message: Msg) -> None:
        found.append(message)

    for live in LIVE:
        await client.subscribe_directly(Subjects(settings.namespace).live_of(live), take)
    await client.flush()
    yield found
    await client.close()


@pytest.fixture
async def outlet(settings: Settings) -> AsyncIterator[LiveOutlet]:
    made = LiveOutlet(settings, SERVICE)
    await made.start()
    yield made
    await made.stop()


async def test_it_arrives_under_its_connector_and_pair(
    outlet: LiveOutlet, received: Received, settings: Settings
) -> None:
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker())
    outlet.offer(BOOK, "paper", "A.B-USDT", book())
    await eventually(lambda: len(received) == 2)
    first, second = received
    assert first.subject == f"{settings.namespace}.live.ticker.paper.BTC-USDT"
    assert msgspec.json.decode(first.data, type=LiveTicker) == ticker()
    assert second.subject == f"{settings.namespace}.live.book.paper.A=2eB-USDT"
    assert msgspec.json.decode(second.data, type=LiveBook) == book()
    assert outlet.sent == 2


async def test_none_is_overtaken_by_a_later_one_of_its_subject(outlet: LiveOutlet, received: Received) -> None:
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker(at=1.0))
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker(at=2.0), once=2.0)
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker(at=3.0))
    await eventually(lambda: len(received) == 2)
    assert [msgspec.json.decode(one.data, type=LiveTicker) for one in received] == [ticker(at=2.0), ticker(at=3.0)]


async def test_the_latest_wins(outlet: LiveOutlet, received: Received) -> None:
    for at in range(1000):
        outlet.offer(TICKER, "paper", f"T{at % 2}-USDT", ticker(at=float(at)))
    await eventually(lambda: len(received) == 2)
    assert {msgspec.json.decode(message.data, type=LiveTicker).timestamp for message in received} == {998.0, 999.0}
    assert (outlet.sent, outlet.overtaken) == (2, 998)


async def test_a_bus_that_is_away_loses_some_and_holds_up_nobody(folder: Path, namespace: str) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    settings = Settings.model_validate({"HUMMINGBUS_NAMESPACE": namespace, "NATS_URL": server.url})
    outlet = LiveOutlet(settings, SERVICE)
    await outlet.start()
    await server.stop()
    await eventually(lambda: not outlet.connected)
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker(at=1.0))
    await eventually(lambda: outlet.lost == 1)
    await server.start()
    await eventually(lambda: outlet.connected)
    client = await connect(settings, "portfolio")
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def take(message: Msg) -> None:
        arrived.put_nowait(msgspec.json.decode(message.data, type=LiveTicker).timestamp)

    await client.subscribe_directly(Subjects(namespace).live_of(TICKER), take)
    await client.flush()
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker(at=2.0))
    assert await arrived.get() == 2.0
    assert outlet.lost == 1
    await client.close()
    await outlet.stop()
    await server.stop()


def test_it_lets_go_of_names(settings: Settings) -> None:
    outlet = LiveOutlet(settings, SERVICE)
    outlet.offer(TICKER, "paper", "BTC-USDT", ticker())
    outlet.forget(TICKER, "paper", "BTC-USDT")
    outlet.forget(TICKER, "paper", "BTC-USDT")
    assert outlet._names == {}
