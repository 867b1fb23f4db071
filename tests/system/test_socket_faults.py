"""Services, NATS and the exchange die under a reader of a WebSocket, who keeps the connection and is told nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest
import pytest_asyncio

from shared.tasks import end_task
from tests.pace import within
from tests.system.fleet import PASSWORD, RECOVERY, Fleet, fleet
from tests.system.market_reader import MarketReader, Trade

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]

SYMBOL = "BTCUSDT"
#: Seconds in which data go on when another replica is there: the lease's end, and an attempt to be heard.
TAKEOVER = 12.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it() -> AsyncIterator[Fleet]:
    """The parts behind market data, each a process; every test finds them whole."""
    async with fleet("simulator", "credentials", "marketdata", "gateway_api") as whole:
        yield whole


@pytest_asyncio.fixture(loop_scope="module")
async def reader(it: Fleet) -> AsyncIterator[MarketReader]:
    """Somebody who reads."""
    await it.mend()
    headers = {"Authorization": aiohttp.encode_basic_auth("admin", PASSWORD)}
    async with aiohttp.ClientSession(headers=headers) as session:
        made = MarketReader(await session.ws_connect(f"{it.url}/ws/market-data"))
        await made.begin()
        try:
            await made.fresh(RECOVERY)
            yield made
        finally:
            await end_task(made.reading)


async def made_trades(it: Fleet) -> Counter[Trade]:
    """Return the last trades that the exchange says it made."""
    async with httpx.AsyncClient(base_url=it.simulator_url, timeout=20) as client:
        rows = (await client.get("/api/v3/trades", params={"symbol": SYMBOL, "limit": 1000})).raise_for_status().json()
    return Counter(
        (row["time"] / 1000, float(row["price"]), float(row["qty"]), "sell" if row["isBuyerMaker"] else "buy")
        for row in rows
    )


async def test_marketdata_dies_and_comes_back(it: Fleet, reader: MarketReader) -> None:
    it.kill("marketdata")
    seen = len(reader.frames)
    it.start("marketdata")
    await reader.until(lambda: any(one["type"] == "order_book" for one in reader.frames[seen + 1 :]), RECOVERY)
    await reader.fresh(RECOVERY)
    reader.check()
    reader.check_trades(await made_trades(it))
    await it.ready(RECOVERY)


async def test_the_replica_that_leads_dies_and_the_other_goes_on(it: Fleet, reader: MarketReader) -> None:
    it.start("marketdata", "-2")
    await replicas(it, 2)
    it.kill("marketdata")
    await taken_over(reader)
    reader.check()
    reader.check_trades(await made_trades(it))
    # And back: the one that has just begun is the last that is left.
    it.start("marketdata")
    await replicas(it, 2)
    it.kill("marketdata-2")
    await taken_over(reader)
    reader.check()
    reader.check_trades(await made_trades(it))


async def test_nats_dies_and_comes_back(it: Fleet, reader: MarketReader) -> None:
    it.nats.kill()
    await asyncio.sleep(1)  # trades go on meanwhile, which nobody hears of
    await it.nats.start()
    await reader.fresh(RECOVERY)
    reader.check()
    reader.check_trades(await made_trades(it))
    await it.ready(RECOVERY)


async def test_the_exchange_dies_and_comes_back(it: Fleet, reader: MarketReader) -> None:
    it.kill("simulator")
    it.start("simulator")
    await reader.fresh(RECOVERY)
    reader.check()  # the exchange itself has lost its last trades, and makes others of that time
    await it.ready(RECOVERY)


async def test_all_of_it_one_after_the_other(it: Fleet, reader: MarketReader) -> None:
    it.kill("marketdata")
    it.kill("simulator")
    it.nats.kill()
    it.start("simulator")
    await it.nats.start()
    it.start("marketdata")
    await reader.fresh(2 * RECOVERY)
    reader.check()
    await it.ready(RECOVERY)


async def taken_over(reader: MarketReader) -> None:
    """Wait until data go on."""
    began = time.monotonic()
    await reader.fresh(RECOVERY)
    within(TAKEOVER, began, "a takeover")


async def replicas(it: Fleet, count: int) -> None:
    """Wait until `/ready` shows that so many replicas of marketdata are ready."""
    until = time.monotonic() + RECOVERY
    async with it.client() as client:
        while True:
            state = (await client.get("/ready")).json()
            found = state["services"]["marketdata"]["replicas"]
            if [one["state"] for one in found] == ["ready"] * count:
                return
            assert time.monotonic() < until, state
            await asyncio.sleep(0.1)
