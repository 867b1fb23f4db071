"""An owner that was paused while another took its session gets commands too: its word is not taken for the outcome."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from hummingbus.stack.nkey import Nkey
from services.portfolio.settings import PortfolioSettings
from shared.bus.client import Bus
from shared.contracts.portfolio.orders import PLACE_ORDER, OrderStatus
from shared.errors import CommandError
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.processes import Replica
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.trading import Trader, new_trader
from tests.services.simulator.process import TOKEN
from tests.services.simulator.rest.venue_server import VenueServer

NewReplica = Callable[[], Replica]


@pytest.fixture
def replica(settings_for: SettingsFor, venue: VenueServer) -> Iterator[NewReplica]:
    """A function that makes a replica as a process; all are killed afterwards."""
    made: list[Replica] = []

    def make() -> Replica:
        values = {"SIMULATOR_URL": venue.url, "NATS_SEED": Nkey.new().seed, **QUICK}
        one = Replica(settings_for("portfolio", PortfolioSettings, **values))
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.kill()


async def until_placed(trader: Trader, **more: Any) -> None:
    """Place orders until one is taken, by whoever has the session."""

    async def placed() -> bool:
        try:
            order = await trader.ask(PLACE_ORDER, trader.order(), timeout=1.0)
        except CommandError:
            return False
        return order.status is OrderStatus.OPEN

    await eventually(placed, **more)


def faults_met(server: VenueServer) -> int:
    url = f"http://127.0.0.1:{server.admin_port}/faults"
    return sum(one["met"] for one in httpx.get(url, headers={"X-Admin-Token": TOKEN}).raise_for_status().json())


async def test_what_a_paused_owner_says_when_it_wakes_is_not_taken_for_the_outcome(
    replica: NewReplica, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    trader = await new_trader(bus, venue, credentials)
    first = replica()
    await trader.ready()
    replica()
    first.signal(signal.SIGSTOP)
    await until_placed(trader, seconds=30)
    # The new owner waits for the exchange when the old one wakes, with the same command before it.
    venue.add_fault("latency", path="/api/v3/order", method="POST", delay=0.7)
    request = trader.order()
    placing = asyncio.create_task(trader.place(request))
    await eventually(lambda: faults_met(venue) > 0)
    first.signal(signal.SIGCONT)
    # SUBMITTED if the exchange has not answered within the two seconds that are waited for; never refused.
    assert (await placing).status in {OrderStatus.SUBMITTED, OrderStatus.OPEN}
    await trader.until(request.client_order_id, OrderStatus.OPEN)
    assert request.client_order_id in trader.venue_orders()
