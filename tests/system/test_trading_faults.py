"""Services, servers and exchanges die while orders are placed through HTTP: what callers see, and what is left."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.eventually import eventually
from tests.pace import within
from tests.services.simulator.rest.venue_server import Account, SignedClient
from tests.system.exchange import binance_credential, orders_at
from tests.system.fleet import RECOVERY, Fleet, fleet
from tests.system.http_trader import PAIR, HttpTrader
from tests.venue import SimulatedVenue

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]

#: What a caller may wait for an answer while a neighbour of what is asked is away, in seconds.
AT_ONCE = 4.0


@pytest.fixture(scope="module")
def venue() -> Iterator[SimulatedVenue]:
    """The exchange behind `binance`. Behind `paper` is the fleet's own, so that one can die and the other not."""
    venue = SimulatedVenue()
    yield venue
    venue.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(venue: SimulatedVenue) -> AsyncIterator[Fleet]:
    """The whole system, each service a process; every test finds it whole."""
    services = ("simulator", "credentials", "portfolio", "marketdata", "gateway_api")
    async with fleet(*services, binance=venue.url) as whole:
        yield whole


@pytest_asyncio.fixture(loop_scope="module")
async def trader(it: Fleet, venue: SimulatedVenue) -> AsyncIterator[HttpTrader]:
    """Somebody with an account of their own on `binance`."""
    await it.mend()
    keys = venue.credential({"USDT": "1000000", "BTC": "10"})
    account = Account(keys["paper_api_key"], keys["paper_api_secret"])
    async with it.client() as http:
        made = HttpTrader(http, f"on-binance-{uuid4().hex[:6]}", "binance", SignedClient(venue.url, account))
        await made.add(binance_credential(account))
        yield made
        await http.post("/accounts/delete-account", params={"account_name": made.account})


async def asked(client: httpx.AsyncClient, method: str, path: str, **more: object) -> httpx.Response:
    """Ask what must be answered at once."""
    began = time.monotonic()
    answer = await client.request(method, path, **more)  # type: ignore[arg-type]
    within(AT_ONCE, began, path)
    return answer


@asynccontextmanager
async def load(trader: HttpTrader, chance: random.Random, orders: int) -> AsyncIterator[None]:
    """Trade meanwhile, three times `orders`, until all have an outcome; begins when some have reached the exchange."""
    before = len(orders_at(trader.venue))
    async with asyncio.TaskGroup() as trading:
        for _ in range(3):
            trading.create_task(trader.trade(orders, random.Random(chance.random())))
        await eventually(lambda: len(orders_at(trader.venue)) > before + 5)
        yield


async def test_portfolio_dies_under_load(it: Fleet, trader: HttpTrader) -> None:
    prices = {"connector_name": "binance", "trading_pairs": [PAIR]}
    async with load(trader, random.Random(1), 12):
        it.kill("portfolio")
        for _ in range(5):
            for path, body in (("/trading/orders", trader.order()), ("/portfolio/state", {})):
                away = await asked(trader.http, "POST", path, json=body)
                assert away.status_code == 503, away.text
                assert "portfolio" in away.json()["detail"]
            for path in ("/accounts/", "/connectors/"):
                assert (await asked(trader.http, "GET", path)).status_code == 200
            assert (await asked(trader.http, "POST", "/market-data/prices", json=prices)).status_code == 200
        it.start("portfolio")
    await it.ready(RECOVERY)
    await trader.agrees()
    assert orders_at(trader.venue).keys() <= trader.asked


async def test_an_exchange_dies(it: Fleet, trader: HttpTrader) -> None:
    async with it.client() as http:
        paper = HttpTrader(http, f"on-paper-{uuid4().hex[:6]}", "paper", trader.venue)
        await paper.add({})
        it.kill("simulator")

        async def waits() -> bool:
            return (await paper.once()).status_code in {502, 503}

        await eventually(waits)
        for _ in range(5):
            answer = await asked(http, "POST", "/trading/orders", json=paper.order())
            assert answer.status_code in {502, 503}, answer.text
            assert "paper" in answer.json()["detail"]
            # Others notice nothing, and what is known is still answered.
            assert (await asked(trader.http, "POST", "/trading/orders", json=trader.order())).status_code == 201
            state = (await asked(http, "POST", "/portfolio/state", json={"account_names": [paper.account]})).json()
            assert {row["token"] for row in state[paper.account]["paper"]} == {"USDT", "BTC"}
        it.start("simulator")
        await paper.trades_again(RECOVERY)
        await it.ready(RECOVERY)
        await http.post("/accounts/delete-account", params={"account_name": paper.account})
    await trader.agrees()


async def test_marketdata_dies(it: Fleet, trader: HttpTrader) -> None:
    prices = {"connector_name": "binance", "trading_pairs": [PAIR]}
    it.kill("marketdata")
    for path, body in (("/market-data/prices", prices), ("/market-data/order-book", {**prices, "trading_pair": PAIR})):
        answer = await asked(trader.http, "POST", path, json=body)
        assert answer.status_code == 503, answer.text
        assert "marketdata" in answer.json()["detail"]
    async with load(trader, random.Random(2), 5):
        pass
    await trader.agrees()
    state = (await asked(trader.http, "POST", "/portfolio/state", json={})).json()
    assert {row["token"] for row in state[trader.account]["binance"]} == {"USDT", "BTC"}
    it.start("marketdata")
    await it.ready(RECOVERY)

    async def told() -> bool:
        again = await trader.http.post("/market-data/prices", json=prices)
        return again.status_code == 200 and again.json()["prices"].keys() == {PAIR}

    await eventually(told)


def owner(it: Fleet, trader: HttpTrader) -> str:
    """Return which replica has the session, by who was the last to gain its lease."""
    lease = f"session.{trader.account}.{trader.connector}"
    gained = [
        (line["epoch"], name)
        for name in it.services
        if name.startswith("portfolio")
        for line in it.log(name)
        if line.get("event") == "lease gained" and line.get("name") == lease
    ]
    return max(gained)[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
async def test_another_replica_takes_over(it: Fleet, trader: HttpTrader, number: signal.Signals) -> None:
    spare = f"-{number.name}"
    it.start("portfolio", spare)

    async def both() -> bool:
        services = (await trader.http.get("/ready")).json()["services"]
        return [one["state"] for one in services["portfolio"]["replicas"]] == ["ready", "ready"]

    await eventually(both)
    await trader.trades_again()
    async with load(trader, random.Random(3), 8):
        first = owner(it, trader)
        it.signal(first, number)
        began = time.monotonic()
        await trader.trades_again()
        within(10, began, "a takeover")
    await trader.agrees()
    if number is signal.SIGSTOP:
        before = orders_at(trader.venue).keys()
        it.signal(first, signal.SIGCONT)
        await eventually(both)
        assert orders_at(trader.venue).keys() == before, "expected that the paused one, waking, sends nothing"
        await trader.trade(3, random.Random(4))
    it.kill(first)
    await trader.trades_again()
    await trader.agrees()
    assert orders_at(trader.venue).keys() <= trader.asked
    if "portfolio" not in it.services:  # the next test finds one replica, under the usual name
        it.start("portfolio")
        await eventually(both)
        assert await it.drain(f"portfolio{spare}") == 0
    await it.ready(RECOVERY)


Fault = Callable[[Fleet], Awaitable[None]]


async def portfolio_dies(it: Fleet) -> None:
    it.kill("portfolio")
    it.start("portfolio")


async def edge_dies(it: Fleet) -> None:
    it.kill("gateway_api")
    it.start("gateway_api")


async def nats_dies(it: Fleet) -> None:
    it.nats.kill()
    await it.nats.start()


async def nats_is_wiped(it: Fleet) -> None:
    it.nats.kill()
    it.nats.wipe()
    await it.nats.start()


async def postgres_dies(it: Fleet) -> None:
    it.postgres.kill()
    await it.postgres.start()


async def everything_dies(it: Fleet) -> None:
    for name in ("portfolio", "credentials", "marketdata"):
        it.kill(name)
        it.start(name)


FAULTS: tuple[Fault, ...] = (portfolio_dies, edge_dies, nats_dies, nats_is_wiped, postgres_dies, everything_dies)


async def test_no_order_is_lost_or_doubled_by_random_faults(it: Fleet, trader: HttpTrader, seed: int) -> None:
    chance = random.Random(seed)
    # Three seeds in a row meet each fault once.
    faults = random.Random(seed // 3).sample(FAULTS, len(FAULTS))
    for fault in faults[seed % 3 :: 3]:
        async with load(trader, chance, 6):
            await fault(it)
    await it.ready(RECOVERY)
    await trader.agrees()
    assert orders_at(trader.venue).keys() <= trader.asked
