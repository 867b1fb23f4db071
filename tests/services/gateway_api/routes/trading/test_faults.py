"""Orders over HTTP while portfolio or the owner of a session is away, silent or broken: what each looks like."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.gateway_api import sessions
from shared.contracts.portfolio.orders import CANCEL_ORDER, ORDER_OUTCOME, PLACE_ORDER, OrderStatus
from shared.contracts.portfolio.sessions import GET_SESSION, SessionRef, SessionState
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, PortfolioStandIn
from tests.services.gateway_api.routes.trading.asking import CANCEL, ORDER, PATH, place


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_does_not_come_leaves_the_outcome_unknown(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.silent = {PLACE_ORDER.key, CANCEL_ORDER.key}
    for given in (..., "mine"):
        status, body = await place(edge, client_order_id=given)
        assert status == 504
        assert set(body) == {"detail", "client_order_id"}
        assert body["client_order_id"] == portfolio.last().client_order_id
        assert "may exist" in body["detail"]
        assert "/trading/orders/search" in body["detail"]
    status, body = await edge.ask("POST", CANCEL.format("mine"))
    assert status == 504
    portfolio.silent = set()
    status, body = await place(edge, client_order_id="mine")
    assert (status, body["order_id"]) == (201, "mine")


async def test_portfolio_that_dies_with_an_order_under_way_leaves_the_outcome_unknown(
    edge: Edge, portfolio: PortfolioStandIn
) -> None:
    portfolio.instead = {PLACE_ORDER.key: b"\xff rubbish", CANCEL_ORDER.key: b"[]"}
    status, body = await place(edge, client_order_id="mine")
    assert (status, body["client_order_id"]) == (504, "mine")
    assert "may exist" in body["detail"]
    status, body = await edge.ask("POST", CANCEL.format("mine"))
    assert status == 504
    assert "may have been done" in body["detail"]


async def both(edge: Edge, account: str = ACCOUNT, connector: str = CONNECTOR) -> list[tuple[int, Any]]:
    """Place and cancel."""
    return [
        await place(edge, account_name=account, connector_name=connector),
        await edge.ask("POST", f"/trading/{account}/{connector}/orders/x/cancel"),
    ]


async def test_names_that_do_not_exist_are_told_before_who_is_away(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.untradable = {"dexalot"}
    for account, connector, expected, named in (
        ("nobody", CONNECTOR, 404, "nobody"),
        (ACCOUNT, "binance", 404, "binance"),
        (ACCOUNT, "dexalot", 400, "dexalot"),
    ):
        for status, body in await both(edge, account, connector):
            assert status == expected
            assert named in body["detail"]
    assert portfolio.orders == {}


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (SessionState.STARTING, "up to date"),
        (SessionState.WAITING, "cannot be reached"),
        (SessionState.REFUSED, "refuses its keys"),
        (SessionState.UNOWNED, "no replica"),
        (SessionState.READY, "no replica"),
    ],
)
async def test_a_session_without_an_owner_says_how_it_is(
    edge: Edge, portfolio: PortfolioStandIn, state: SessionState, why: str
) -> None:
    await portfolio.lose(state)
    for status, body in await both(edge):
        assert status == 503
        for word in ("portfolio", ACCOUNT, CONNECTOR, why):
            assert word in body["detail"]


async def change_credentials(edge: Edge) -> None:
    status, _ = await edge.ask("POST", "/accounts/add-account", params={"account_name": "another"})
    assert status == 201


@pytest.mark.parametrize("state", list(SessionState))
async def test_who_has_just_changed_a_credential_waits_for_its_session(
    edge: Edge, portfolio: PortfolioStandIn, state: SessionState
) -> None:
    await portfolio.lose(state)
    await change_credentials(edge)
    placing = asyncio.create_task(place(edge, client_order_id="mine"))
    await eventually(lambda: len([one for one, _ in portfolio.asked if isinstance(one, SessionRef)]) > 1)
    assert not placing.done()
    await portfolio.gain()
    status, body = await placing
    assert (status, body["order_id"]) == (201, "mine")
    _, call = portfolio.asked[-1]
    assert call.after_others == {"credentials": (1,)}


async def test_it_is_waited_for_in_bounds_and_while_it_can_still_open(
    edge: Edge, portfolio: PortfolioStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await portfolio.lose(SessionState.STARTING)
    await change_credentials(edge)
    monkeypatch.setattr(sessions, "OPENING", 0.2)
    for status, body in await both(edge):
        assert status == 503
        assert "up to date" in body["detail"]
    monkeypatch.setattr(sessions, "OPENING", 60.0)
    monkeypatch.setattr(sessions, "ENDING", 0.2)
    await portfolio.lose(SessionState.REFUSED)
    for status, body in await both(edge):
        assert status == 503
        assert "refuses its keys" in body["detail"]


async def test_an_order_that_was_placed_before_is_known_when_nobody_owns_the_session(
    edge: Edge, portfolio: PortfolioStandIn
) -> None:
    first = await place(edge, client_order_id="mine")
    await portfolio.lose(SessionState.UNOWNED)
    assert await place(edge, client_order_id="mine") == first
    status, body = await place(edge, client_order_id="mine", amount="7")
    assert (status, body["client_order_id"]) == (409, "mine")
    status, body = await place(edge, client_order_id="other")
    assert (status, body["client_order_id"]) == (503, "other")
    assert "no replica" in body["detail"]
    portfolio.orders["mine"] = msgspec.structs.replace(
        portfolio.orders["mine"], status=OrderStatus.FAILED, error_message="no funds"
    )
    status, body = await place(edge, client_order_id="mine")
    assert (status, body["detail"]) == (400, "no funds")


async def test_an_order_of_which_nobody_can_say_whether_it_was_placed_before(
    edge: Edge, portfolio: PortfolioStandIn
) -> None:
    await place(edge, client_order_id="mine")
    await portfolio.lose(SessionState.UNOWNED)
    portfolio.instead = {ORDER_OUTCOME.key: CommandError(ErrorCode.UNAVAILABLE, "the database is away")}
    status, body = await place(edge, client_order_id="mine")
    assert status == 503
    assert "no replica" in body["detail"]
    assert "whether it was before cannot be said" in body["detail"]


async def test_the_owner_itself_may_be_unable(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.instead = {
        command.key: CommandError(ErrorCode.UNAVAILABLE, "paper is away; nothing was sent")
        for command in (PLACE_ORDER, CANCEL_ORDER)
    }
    for status, body in await both(edge):
        assert (status, body["detail"]) == (503, "paper is away; nothing was sent")
    assert GET_SESSION.key not in {call.command for _, call in portfolio.asked}


async def test_a_service_that_is_away_is_named(edge: Edge) -> None:
    for path in (PATH, CANCEL.format("x"), "/trading/orders/active", "/trading/orders/search", "/trading/trades"):
        async with edge.client.post(edge.url + path, json=ORDER) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
            assert (await answer.json())["detail"] == "the service portfolio is not running"


async def test_a_session_that_cannot_be_read_is_an_error(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await portfolio.lose(SessionState.WAITING)
    portfolio.instead = {GET_SESSION.key: b"?"}
    status, body = await place(edge)
    assert status == 500
    assert "portfolio" in body["detail"]
