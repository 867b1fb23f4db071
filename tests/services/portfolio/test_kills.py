"""Killed at any point between intent, send, answer, fill and record: afterwards what is stored is what happened."""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from hummingbus.stack.nkey import Nkey
from services.portfolio.settings import PortfolioSettings
from shared.bus.client import Bus
from shared.contracts.portfolio.orders import OrderStatus
from shared.tasks import end_task
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.pace import within
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.load import Load, come_to_agree
from tests.services.portfolio.processes import POINTS, Crash, Replica
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.rest.venue_server import VenueServer

NewReplica = Callable[..., Replica]


@pytest.fixture
def replica(settings_for: SettingsFor, venue: VenueServer) -> Iterator[NewReplica]:
    """A function that makes a replica as a process; all are killed afterwards."""
    made: list[Replica] = []

    def make(*crashes: Crash, **more: str) -> Replica:
        values = {"SIMULATOR_URL": venue.url, "NATS_SEED": Nkey.new().seed, **QUICK, **more}
        one = Replica(settings_for("portfolio", PortfolioSettings, **values), crashes)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.kill()


@pytest.fixture
async def account(bus: Bus, credentials: CredentialsStandIn, venue: VenueServer) -> Trader:
    """An account whose credential is stored."""
    return await new_trader(bus, venue, credentials)


@contextlib.asynccontextmanager
async def kept_running(*replicas: Replica) -> AsyncIterator[None]:
    """Start each again whenever it has crashed."""
    tasks = [asyncio.create_task(one.keep_running()) for one in replicas]
    try:
        yield
    finally:
        for task in tasks:
            await end_task(task)


@pytest.mark.timeout(400)
async def test_killed_at_random_points_under_load(seed: int, replica: NewReplica, account: Trader) -> None:
    chosen = random.Random(seed)
    often = sorted(POINTS.keys() - {"asking for trades"})
    crashes = [(chosen.choice(often), chosen.randint(1, 6)) for _ in range(4)]
    one = replica(*crashes)
    async with kept_running(one):
        load = Load(account, seed)
        for _ in range(10):
            await asyncio.gather(*(load.trade(4) for _ in range(3)))
            if one.crashed == len(crashes):
                break
        await come_to_agree(account)
    assert one.crashed == len(crashes), f"expected crashes at {crashes}, was {one.crashed}"
    assert load.asked == set(account.venue_orders()) | {
        order_id for order_id in load.asked if await account.status(order_id) is OrderStatus.FAILED
    }


@pytest.mark.parametrize("point", sorted(POINTS))
async def test_killed_once_at_each_point(point: str, replica: NewReplica, account: Trader) -> None:
    if point == "asking for trades":  # they are asked for where the stream has not told of them
        account.server.add_fault("missed_message", path="userData")
    one = replica((point, 2))
    async with kept_running(one):
        load = Load(account, seed=11)
        while not one.crashed:
            await load.trade(2)
        await come_to_agree(account)
    assert one.crashed == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_another_replica_takes_over_within_ten_seconds(
    number: signal.Signals, replica: NewReplica, account: Trader
) -> None:
    first = replica(PORTFOLIO_LEASE_SECONDS="5")
    await account.ready()
    replica(PORTFOLIO_LEASE_SECONDS="5")
    await account.place()
    first.signal(number)
    began = time.monotonic()
    load = Load(account, seed=1, patience=1.0)
    await load.trade(1)
    within(10, began, "a takeover")
    first.kill()  # what anybody may answer would be asked of the one that is paused too, in vain
    await come_to_agree(account)


async def test_a_paused_owner_that_wakes_sends_nothing_and_records_nothing(
    replica: NewReplica, account: Trader
) -> None:
    first = replica()
    await account.ready()
    second = replica()
    # Orders are on their way to it when it stops.
    requests = [account.order() for _ in range(20)]
    placing = [asyncio.create_task(account.place(request)) for request in requests]
    await eventually(lambda: bool(account.venue_orders()))
    first.signal(signal.SIGSTOP)
    await asyncio.gather(*placing, return_exceptions=True)  # some were never answered
    load = Load(account, seed=3, patience=1.0)
    await load.trade(3)  # by the second
    before = set(account.venue_orders())
    first.signal(signal.SIGCONT)
    await come_to_agree(account)
    await load.trade(3)
    await come_to_agree(account)
    assert set(account.venue_orders()) - before <= load.asked
    second.kill()
    await load.trade(1)  # the first one is well, and takes it back
    await come_to_agree(account)
