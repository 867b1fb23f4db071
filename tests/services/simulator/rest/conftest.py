"""One exchange for all tests of the REST API that do not need one of their own."""

from collections.abc import Callable, Iterator

import pytest

from services.simulator.rest.weights import BINANCE
from tests.services.simulator.rest.venue_server import Client, VenueServer


@pytest.fixture(scope="session")
def server() -> Iterator[VenueServer]:
    """An exchange whose limits are too wide to be met."""
    running = VenueServer(BINANCE.times(10_000))
    yield running
    running.stop()


@pytest.fixture
def anonymous(server: VenueServer) -> Client:
    """A client without a key."""
    return Client(server)


@pytest.fixture
def trader(server: VenueServer) -> Client:
    """A client with a new account that has enough of everything."""
    account = server.account({"USDT": "1000000", "BTC": "10", "ETH": "100"}, {"USDT": "1000000"})
    return Client(server, account)


@pytest.fixture
def open_account(server: VenueServer) -> Callable[..., Client]:
    """Makes clients with accounts of given balances."""
    return lambda balances, futures=None: Client(server, server.account(balances, futures))
