"""The server goes and comes back: nobody hangs, nothing stale is done, everything resumes by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call
from shared.contracts.credentials import CREATE_ACCOUNT, LIST_ACCOUNTS, AccountChanged, AccountRef, Nothing
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from shared.settings import Settings


class Pair:
    """A Bus and a Dispatcher over a server that may be killed; what was asked to be done stands in `done`."""

    def __init__(self, server: NatsServer) -> None:
        settings = Settings.model_validate({"NATS_URL": server.url})
        self.server = server
        self.bus = Bus(settings, "gateway_api")
        self.dispatcher = Dispatcher(settings, "credentials")
        self.begun = asyncio.Event()
        self.release = asyncio.Event()
        self.done: list[str] = []
        self.dispatcher.on(LIST_ACCOUNTS, lambda request, call: ["main"])
        self.dispatcher.on(CREATE_ACCOUNT, self._create)

    async def _create(self, request: AccountRef, call: Call) -> AccountChanged:
        self.begun.set()
        await self.release.wait()
        self.done.append(request.account_name)
        return AccountChanged(request.account_name, 1)

    async def until_found(self) -> None:
        """Ask until an answer comes, for at most 30 s."""
        until = time.monotonic() + 30
        while await self._is_away():
            assert time.monotonic() < until, "the bus did not come back"
            await asyncio.sleep(0.01)

    async def _is_away(self) -> bool:
        try:
            await self.bus.request(LIST_ACCOUNTS, Nothing(), actor="x")
        except CommandError as error:
            return error.code is ErrorCode.UNAVAILABLE
        return False


@pytest.fixture
async def pair(folder: Path) -> AsyncIterator[Pair]:
    server = NatsServer(folder / "nats")
    await server.start()
    pair = Pair(server)
    await pair.bus.start()
    await pair.dispatcher.start(lambda: Health(True))
    yield pair
    pair.release.set()
    await pair.bus.stop()
    await pair.dispatcher.drain()
    await server.stop()


async def outcome(work: "asyncio.Task[AccountChanged]") -> CommandError:
    with pytest.raises(CommandError) as caught:
        await asyncio.wait_for(work, 4)  # before its own time is over
    return caught.value


async def test_a_change_under_way_becomes_unknown_at_once(pair: Pair) -> None:
    work = asyncio.create_task(pair.bus.request(CREATE_ACCOUNT, AccountRef("a"), actor="x", key="k", timeout=30))
    await pair.begun.wait()
    pair.server.kill()
    error = await outcome(work)
    assert (error.code, error.key) == (ErrorCode.OUTCOME_UNKNOWN, "k")


async def test_while_it_is_away_nothing_is_sent_and_nothing_is_sent_later(pair: Pair) -> None:
    pair.release.set()
    pair.server.kill()
    while pair.bus.connected:
        await asyncio.sleep(0)
    for _ in range(50):
        started = time.monotonic()
        work = asyncio.create_task(pair.bus.request(CREATE_ACCOUNT, AccountRef("stale"), actor="x"))
        assert (await outcome(work)).code == ErrorCode.UNAVAILABLE
        assert time.monotonic() - started < CREATE_ACCOUNT.timeout / 2
    await pair.server.start()
    await pair.until_found()
    await pair.bus.request(CREATE_ACCOUNT, AccountRef("fresh"), actor="x")
    assert pair.done == ["fresh"]


@pytest.mark.parametrize("wipe", [False, True])
async def test_it_resumes_after_every_restart(pair: Pair, wipe: bool) -> None:
    for _ in range(2):
        pair.server.kill()
        if wipe:
            pair.server.wipe()
        await pair.server.start()
        await pair.until_found()


async def test_a_service_waits_for_a_server_that_is_not_there_yet(folder: Path) -> None:
    server = NatsServer(folder / "late")
    await server.start()
    await server.stop()
    settings = Settings.model_validate({"NATS_URL": server.url})
    dispatcher = Dispatcher(settings, "credentials")
    dispatcher.on(LIST_ACCOUNTS, lambda request, call: ["main"])
    bus = Bus(settings, "gateway_api")
    starting = [asyncio.create_task(dispatcher.start(lambda: Health(True))), asyncio.create_task(bus.start())]
    await asyncio.sleep(0)
    await server.start()
    await asyncio.wait_for(asyncio.gather(*starting), 30)
    assert await bus.request(LIST_ACCOUNTS, Nothing(), actor="x") == ["main"]
    await bus.stop()
    await dispatcher.drain()
    await server.stop()
