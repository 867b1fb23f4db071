"""Sessions spread over replicas: who has clearly more than its share gives some up."""

import pytest

from services.portfolio.sessions.fair_share import surplus
from shared.bus.client import Bus
from shared.contracts.portfolio.orders import OrderStatus
from tests.eventually import eventually
from tests.services.portfolio.conftest import Start
from tests.services.portfolio.credentials_stand_in import CredentialsStandIn
from tests.services.portfolio.quick import QUICK
from tests.services.portfolio.trading import new_trader
from tests.services.simulator.rest.venue_server import VenueServer


@pytest.mark.parametrize(
    ("total", "owned", "replicas", "given_up"),
    [
        (0, 0, 1, 0),
        (10, 10, 1, 0),
        (10, 10, 2, 4),
        (10, 8, 2, 2),
        (10, 6, 2, 0),
        (10, 5, 2, 0),
        (3, 3, 2, 0),
        (4, 4, 2, 1),
        (7, 4, 3, 0),
        (10, 10, 0, 0),
    ],
)
def test_who_has_more_than_its_share_and_one_gives_up(total: int, owned: int, replicas: int, given_up: int) -> None:
    assert surplus(total, owned, replicas) == given_up


async def test_a_second_replica_gets_its_share(
    start: Start, bus: Bus, credentials: CredentialsStandIn, venue: VenueServer
) -> None:
    quick = {**QUICK, "PORTFOLIO_FAIR_SHARE_SECONDS": "0.5"}
    traders = [await new_trader(bus, venue, credentials, name=f"account-{number}") for number in range(6)]
    first = await start(**quick)
    for trader in traders:
        await trader.ready()
    second = await start(**quick)

    def is_spread() -> bool:
        owned = [dict(service.health().figures)["sessions_ready"] for service in (first, second)]
        return sum(owned) == 6 and min(owned) >= 2

    await eventually(is_spread)
    for trader in traders:
        await trader.ready()
        assert (await trader.place()).status is OrderStatus.OPEN
