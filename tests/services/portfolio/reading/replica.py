"""The reading side of one replica, without sessions of its own, and somebody who asks it over the bus."""

import asyncio
from typing import Any

import pytest

from services.portfolio.followed import PortfolioViews
from services.portfolio.reading import Reads
from services.portfolio.sessions.desired import Desired
from services.portfolio.sessions.known_accounts import KnownAccounts
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.contracts.credentials import AccountCredentials, KnownCredential
from shared.contracts.declaration import Command, Req, Res
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioState, PortfolioStateFilter
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from tests.conftest import SettingsFor
from tests.eventually import eventually

HELD = {"BTC": "2", "ETH": "10", "ODD": "7", "USDT": "1000.25"}


def account(name: str, *connectors: str) -> AccountCredentials:
    return AccountCredentials(name, tuple(KnownCredential(connector, 1, True) for connector in connectors))


class Replica:
    """The reading side of one replica, without sessions of its own."""

    def __init__(self, settings_for: SettingsFor, database: Database) -> None:
        settings = settings_for("portfolio")
        self.bus = Bus(settings, "portfolio")
        self.desired = Desired()
        self.attention = asyncio.Event()
        self.views = PortfolioViews(settings, database, self.attention)
        self.known = KnownAccounts(self.bus, self.desired)
        self.reads = Reads(database, self.bus, self.views, self.desired, self.known)
        self.dispatcher = Dispatcher(settings, "portfolio")
        self.reads.register(self.dispatcher)

    async def start(self) -> None:
        await self.bus.start()
        await self.views.start()
        await self.reads.start()
        await self.dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        await self.dispatcher.drain()
        await self.reads.stop()
        await self.views.stop()
        await self.bus.stop()


class Asker:
    """Asks as a program does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self, command: Command[Req, Res], request: Req, **more: Any) -> Res:
        return await self._bus.request(command, request, actor="outside", **more)

    async def refused(self, command: Command[Req, Res], request: Req, **more: Any) -> ErrorCode:
        with pytest.raises(CommandError) as caught:
            await self(command, request, **more)
        return caught.value.code

    async def state(self, *accounts: str, **more: Any) -> PortfolioState:
        return await self(PORTFOLIO_STATE, PortfolioStateFilter(accounts or None), **more)


async def priced(ask: Asker, *tokens: str) -> None:
    """Wait until these tokens of the account `main` have a price."""

    async def look() -> bool:
        held = (await ask.state("main"))["main"]["paper"]
        return {one.token for one in held if one.priced} >= set(tokens)

    await eventually(look)
