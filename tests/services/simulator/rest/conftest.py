"""One exchange for all tests of the REST API that do not need one of their own."""

from collections.abc import Iterator

import pytest

from tests.services.simulator.rest.venue_server import Client, VenueServer


@pytest.fixture(scope="session")
def server() -> Iterator[VenueServer]:
    """A simulator."""
    running = VenueServer()
    yield running
    running.stop()


@pytest.fixture
def anonymous(server: VenueServer) -> Client:
    """A client without a key."""
    return Client(server)


@pytest.fixture
def trader(server: VenueServer) -> Client:
    """A client with a new account that has enough of everything."""
    account = server.account({"USDT": "1000000", "BTC": "10", "ETH": "100"}, {"USDT": "20000000"})
    return Client(server, account)
