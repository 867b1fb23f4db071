"""Bodies that come again and again: read once, told apart by every byte, and refused each time when they do not fit."""

from collections.abc import AsyncIterator

from shared.contracts.portfolio.orders import OrderFilter
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import PortfolioStandIn

PATH = "/trading/orders/active"
JSON = {"content-type": "application/json"}


async def test_each_body_gets_its_own_answer_however_often_it_comes(edge: Edge, portfolio: PortfolioStandIn) -> None:
    for _ in range(3):
        for limit in (1, 2, 3):
            status, body = await edge.ask("POST", PATH, json={"limit": limit})
            assert (status, body["pagination"]["limit"], portfolio.last().limit) == (200, limit, limit)
        assert (await edge.ask("POST", PATH, json={"limit": 0}))[0] == 422


async def test_the_type_is_checked_each_time(edge: Edge, portfolio: PortfolioStandIn) -> None:
    for headers, expected in ((JSON, 200), ({"content-type": "text/plain"}, 422), (JSON, 200)):
        assert (await edge.ask("POST", PATH, data=b'{"limit": 7}', headers=headers))[0] == expected


async def test_a_body_may_come_in_pieces(edge: Edge, portfolio: PortfolioStandIn) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"limit"', b": 7", b"}"):
            yield piece

    assert (await edge.ask("POST", PATH, data=pieces(), headers=JSON))[0] == 200
    assert portfolio.last() == OrderFilter(limit=7)
    # With a length, but larger than what one read of the server brings.
    names = [f"account-{number}" for number in range(15_000)]
    assert (await edge.ask("POST", PATH, json={"account_names": names}))[0] == 200
    assert portfolio.last().account_names == tuple(names)
