"""Balances and how they are spread, over HTTP: what is asked, and what clients find in the answers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.declaration import AnyCommand
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, Balance, PortfolioStateFilter
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.errors import CommandError, ErrorCode
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, PortfolioStandIn

PATHS = ["/portfolio/state", "/portfolio/distribution", "/portfolio/accounts-distribution"]
COMMANDS: list[AnyCommand] = [PORTFOLIO_STATE, DISTRIBUTION, ACCOUNTS_DISTRIBUTION]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_balances_have_the_names_of_all_clients(edge: Edge, portfolio: PortfolioStandIn, slash: str) -> None:
    status, body = await edge.ask("POST", f"/portfolio/state{slash}", json={})
    assert status == 200
    assert set(body) == {ACCOUNT, "alice"}
    assert body["alice"] == {}
    bitcoin, odd = body[ACCOUNT][CONNECTOR]
    assert bitcoin == {
        "token": "BTC",
        "units": 1.5,
        "price": 65000.1,
        "value": 97500.15,
        "available_units": 1.25,
        "total": 1.5,
        "available": 1.25,
        "locked": 0.25,
        "usd_value": 97500.15,
    }
    assert (odd["priced"], odd["stale_since"]) == (False, "2026-01-02T03:04:05.600000+00:00")


async def test_numbers_keep_all_their_digits(edge: Edge, portfolio: PortfolioStandIn) -> None:
    units = Decimal("999999999999999999.123456789012345678")
    portfolio.state = {ACCOUNT: {CONNECTOR: (Balance("SHIB", units, Decimal("1E-18"), Decimal("1E+3"), Decimal(0)),)}}
    async with edge.client.post(f"{edge.url}/portfolio/state") as answer:
        found = json.loads(await answer.text(), parse_float=Decimal)[ACCOUNT][CONNECTOR][0]
    assert found["units"] == found["total"] == units
    assert found["locked"] == Decimal("999999999999999999.123456789012345677")
    assert found["price"] == 1000


async def test_a_state_that_changes_is_seen_at_once(edge: Edge, portfolio: PortfolioStandIn) -> None:
    for units in (1, 2, 1, 3):
        amount = Decimal(units)
        portfolio.state = {ACCOUNT: {CONNECTOR: (Balance("BTC", amount, amount, amount, amount),)}}
        _, body = await edge.ask("POST", "/portfolio/state")
        assert body[ACCOUNT][CONNECTOR][0]["units"] == units


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (None, PortfolioStateFilter()),
        ({}, PortfolioStateFilter()),
        ({"account_names": None, "connector_names": None, "refresh": None}, PortfolioStateFilter()),
        ({"account_names": []}, PortfolioStateFilter()),
        ({"account_names": ["a", "b"]}, PortfolioStateFilter(("a", "b"))),
        ({"account_names": "a,b"}, PortfolioStateFilter(("a", "b"))),
        ({"connector_names": ["paper"]}, PortfolioStateFilter(None, ("paper",))),
        ({"connectors": ["paper"]}, PortfolioStateFilter(None, ("paper",))),
        ({"connectors": ["x"], "connector_names": ["paper"]}, PortfolioStateFilter(None, ("paper",))),
        ({"refresh": True, "skip_gateway": True}, PortfolioStateFilter(refresh=True)),
        ({"what": {"is": ["this"]}}, PortfolioStateFilter()),
    ],
)
async def test_every_form_of_a_filter(
    edge: Edge, portfolio: PortfolioStandIn, body: Any, asked: PortfolioStateFilter
) -> None:
    options = {} if body is None else {"json": body}
    assert (await edge.ask("POST", "/portfolio/state", **options))[0] == 200
    assert portfolio.last() == asked
    if not asked.refresh:
        for path in PATHS[1:]:
            assert (await edge.ask("POST", path, **options))[0] == 200
            assert portfolio.last() == PortfolioFilter(asked.account_names, asked.connector_names)


@pytest.mark.parametrize(
    ("form", "loc", "kind"),
    [
        ({"json": {"account_names": ["a.b"]}}, ["body", "account_names", 0], "string_pattern_mismatch"),
        ({"json": {"account_names": [7]}}, ["body", "account_names", 0], "type_error"),
        ({"json": {"account_names": {"a": 1}}}, ["body", "account_names"], "type_error"),
        ({"json": {"connectors": ["x" * 65]}}, ["body", "connectors", 0], "string_pattern_mismatch"),
        ({"json": {"connector_names": "a\x00"}}, ["body", "connector_names"], "string_pattern_mismatch"),
        ({"json": []}, ["body"], "type_error"),
        ({"data": b"{", "headers": {"content-type": "application/json"}}, ["body"], "json_invalid"),
        ({"data": b"\xff", "headers": {"content-type": "application/json"}}, ["body"], "json_invalid"),
        ({"data": b"[" * 9999, "headers": {"content-type": "application/json"}}, ["body"], "type_error"),
        ({"data": b"{}", "headers": {"content-type": "text/plain"}}, ["header", "content-type"], "content_type"),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused(
    edge: Edge, portfolio: PortfolioStandIn, form: dict[str, Any], loc: list[Any], kind: str
) -> None:
    for path in PATHS:
        status, body = await edge.ask("POST", path, **form)
        assert status == 422
        assert [(fault["loc"], fault["type"]) for fault in body["detail"]] == [(loc, kind)]
    assert portfolio.asked == []


async def test_a_body_that_is_too_large_is_refused(edge: Edge, portfolio: PortfolioStandIn) -> None:
    for path in PATHS:
        assert (await edge.ask("POST", path, json={"account_names": ["a" * 60] * 5000}))[0] == 413
    assert portfolio.asked == []


async def test_the_spread_over_tokens_is_a_list_and_a_map(edge: Edge, portfolio: PortfolioStandIn) -> None:
    status, body = await edge.ask("POST", "/portfolio/distribution", json={})
    assert status == 200
    assert body["account_filter"] == "all_accounts"
    assert (body["total_portfolio_value"], body["token_count"]) == (97500.15, 1)
    (token,) = body["distribution"]
    assert (token["token"], token["percentage"]) == ("BTC", 100)
    assert token["accounts"][ACCOUNT]["connectors"][CONNECTOR] == {"value": 97500.15, "units": 1.5}
    assert body["tokens"] == {"BTC": {"value": 97500.15, "percentage": 100, "amount": 1.5, "usd_value": 97500.15}}


async def test_the_spread_over_accounts_has_their_names_on_top_only_when_posted(
    edge: Edge, portfolio: PortfolioStandIn
) -> None:
    status, plain = await edge.ask("GET", "/portfolio/accounts-distribution")
    assert status == 200
    assert set(plain) == {"total_portfolio_value", "account_count", "distribution"}
    assert plain["distribution"][0]["connectors"] == {CONNECTOR: {"value": 97500.15, "percentage": 100}}
    status, posted = await edge.ask("POST", "/portfolio/accounts-distribution")
    assert posted == plain | {ACCOUNT: {"usd_value": 97500.15, "percentage": 100}}


@pytest.mark.parametrize("path", PATHS)
async def test_a_service_that_is_away_is_named(edge: Edge, path: str) -> None:
    async with edge.client.post(edge.url + path, json={}) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert "portfolio" in (await answer.json())["detail"]


@pytest.mark.usefixtures("impatient")
async def test_a_service_that_says_nothing_is_named(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.silent = {command.key for command in COMMANDS}
    for path in PATHS:
        status, body = await edge.ask("POST", path)
        assert status == 503
        assert "portfolio" in body["detail"]


@pytest.mark.parametrize("rubbish", [b"", b"\xff", b"[1]", b'{"master_account": 7}', b'{"x":{"y":[{"token":"B"}]}}'])
async def test_rubbish_is_an_error_that_says_who_sent_it(
    edge: Edge, portfolio: PortfolioStandIn, rubbish: bytes
) -> None:
    portfolio.instead = dict.fromkeys((command.key for command in COMMANDS), rubbish)
    for path in PATHS:
        status, body = await edge.ask("POST", path)
        assert status == 500
        assert "portfolio" in body["detail"]
    portfolio.instead = {}
    assert (await edge.ask("POST", PATHS[0]))[0] == 200


async def test_a_fault_that_the_service_finds_keeps_its_code(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.instead = {PORTFOLIO_STATE.key: CommandError(ErrorCode.BUSY, "portfolio has too much to do")}
    assert await edge.ask("POST", "/portfolio/state") == (503, {"detail": "portfolio has too much to do"})


async def test_a_question_names_what_its_caller_has_changed_of_accounts(
    edge: Edge, credentials: CredentialsStandIn, portfolio: PortfolioStandIn
) -> None:
    await edge.ask("POST", "/portfolio/state", json={})
    assert portfolio.asked[-1][1].after_others == {}
    status, _ = await edge.ask("POST", "/accounts/add-account?account_name=new")
    assert status == 201
    await edge.ask("POST", "/portfolio/state", json={})
    assert list(portfolio.asked[-1][1].after_others) == ["credentials"]
    await edge.ask("POST", "/trading/orders/active", json={})
    assert list(portfolio.asked[-1][1].after_others) == ["credentials"]
