"""Simulators for the tests of streams: most share one, with the tests of the REST API too."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.services.simulator.rest.venue_server import VenueServer
from tests.services.simulator.streams.running import Running


@pytest.fixture
async def simulator(server: VenueServer) -> AsyncIterator[Running]:
    """A simulator whose limits are not to be met by chance."""
    running = Running(server)
    yield running
    await running.leave()


@pytest.fixture(scope="package")
def impatient_server() -> Iterator[VenueServer]:
    """A simulator with Binance's limits, where everything else is over soon."""
    running = VenueServer(
        SIMULATOR_LIMITS="1",
        SIMULATOR_SOCKET_SECONDS="4",
        SIMULATOR_PING_SECONDS="0.2",
        SIMULATOR_LISTEN_KEY_SECONDS="1.5",
    )
    yield running
    running.stop()


@pytest.fixture
async def impatient(impatient_server: VenueServer) -> AsyncIterator[Running]:
    """A simulator with Binance's limits, sockets of 4 s, pings every 0.2 s and listen keys of 1.5 s."""
    running = Running(impatient_server)
    yield running
    await running.leave()
