"""Who asks the exchange that all tests of the REST API share but those that need one of their own."""

import pytest

from tests.services.simulator.rest.venue_server import Client, VenueServer


@pytest.fixture
def anonymous(server: VenueServer) -> Client:
    """A client without a key."""
    return Client(server)


@pytest.fixture
def trader(server: VenueServer) -> Client:
    """A client with a new account that has enough of everything."""
    account = server.account({"USDT": "1000000", "BTC": "10", "ETH": "100"}, {"USDT": "20000000"})
    return Client(server, account)
