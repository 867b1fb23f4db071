"""The marketdata service on a real NATS, with fake markets or the real simulator, and a bus to ask it by."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hummingbus.stack.nats_server import NatsServer
from services.marketdata.app import MarketdataService
from services.marketdata.settings import MarketdataSettings
from services.marketdata.venue import MarketSource
from shared.bus.client import Bus
from shared.contracts.declaration import Command, Req, Res
from shared.errors import CommandError
from shared.settings import Settings
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket

Start = Callable[..., Awaitable[MarketdataService]]


@pytest.fixture
def values(nats_server: NatsServer, namespace: str) -> dict[str, str]:
    """Settings of a namespace of the test's own."""
    return {"HUMMINGBUS_NAMESPACE": namespace, "NATS_URL": nats_server.url}


@pytest.fixture
async def start(values: dict[str, str]) -> AsyncIterator[Start]:
    """A function that starts a replica over some exchanges; all are drained afterwards."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_one(source: MarketSource, **more: Any) -> MarketdataService:
            service = MarketdataService(MarketdataSettings.model_validate({**values, **more}), source)
            stack.push_async_callback(service.drain)
            await service.start()
            return service

        yield start_one


class Asker:
    """Sends commands as an outside program."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def __call__(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        """Return the response of `command`."""
        return await self.bus.request(command, request, actor="outside", **more)

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> CommandError:
        """Return the error that `command` ends in."""
        with pytest.raises(CommandError) as caught:
            await self(command, request, **more)
        return caught.value


@pytest.fixture
async def ask(values: dict[str, str]) -> AsyncIterator[Asker]:
    """Commands of an outside program."""
    bus = Bus(Settings.model_validate(values), "outside")
    await bus.start()
    yield Asker(bus)
    await bus.stop()


@pytest.fixture
def exchanges() -> FakeExchanges:
    """Exchanges that do as the test says."""
    return FakeExchanges()


@pytest.fixture
def market(exchanges: FakeExchanges) -> FakeMarket:
    """The fake market of `paper`."""
    return exchanges.market("paper")
