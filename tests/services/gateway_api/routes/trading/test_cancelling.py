"""Orders cancelled over HTTP, by either of their ids."""

from urllib.parse import quote

import pytest
import yarl

from shared.contracts.portfolio.orders import OrderCancel
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, PortfolioStandIn
from tests.services.gateway_api.routes.trading.asking import CANCEL, place


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_order_is_cancelled_by_either_of_its_ids(edge: Edge, portfolio: PortfolioStandIn, slash: str) -> None:
    await place(edge, client_order_id="mine")
    for given in ("mine", "28"):
        status, body = await edge.ask("POST", CANCEL.format(given) + slash)
        assert status == 200
        assert "mine" in body.pop("message")
        assert body == {
            "status": "success",
            "success": True,
            "order_id": "mine",
            "client_order_id": "mine",
            "exchange_order_id": "28",
        }
        assert portfolio.last() == OrderCancel(ACCOUNT, CONNECTOR, given)
    status, body = await edge.ask("POST", CANCEL.format("other"))
    assert status == 404
    assert "other" in body["detail"]


async def test_an_id_that_no_exchange_has_is_refused(edge: Edge, portfolio: PortfolioStandIn) -> None:
    for given in ("a b", "a\x00", "ä", "x" * 129, "a\n"):
        url = yarl.URL(edge.url + CANCEL.format(quote(given, safe="")), encoded=True)
        async with edge.client.post(url) as answer:
            assert answer.status == 422, ascii(given)
            assert (await answer.json())["detail"][0]["loc"] == ["path", "client_order_id"]
    for account, connector in (("a.b", "paper"), ("a", "p*")):
        status, _ = await edge.ask("POST", f"/trading/{account}/{connector}/orders/x/cancel")
        assert status == 422
    assert portfolio.asked == []


async def test_a_cancellation_carries_the_callers_key(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await place(edge, client_order_id="mine")
    await edge.ask("POST", CANCEL.format("mine"), headers={"Idempotency-Key": "k"})
    assert portfolio.asked[-1][1].key == "k"
    await edge.ask("POST", CANCEL.format("mine"))
    assert portfolio.asked[-1][1].key is None
