"""Orders placed over HTTP: every form of one, what portfolio is asked for it, and why one is refused."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.contracts.portfolio.orders import PLACE_ORDER, OrderPlace, OrderStatus, OrderType, PositionAction, TradeType
from shared.errors import CommandError, ErrorCode, FieldError, invalid
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, PortfolioStandIn
from tests.services.gateway_api.routes.trading.asking import ORDER, PATH, place

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_order_is_placed(edge: Edge, portfolio: PortfolioStandIn, slash: str) -> None:
    status, body = await edge.ask("POST", PATH + slash, json={**ORDER, "client_order_id": "mine-1"})
    assert status == 201
    assert body.pop("message")
    assert body == {
        "order_id": "mine-1",
        "client_order_id": "mine-1",
        "exchange_order_id": "28",
        "account_name": ACCOUNT,
        "connector_name": CONNECTOR,
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "amount": "0.001",
        "order_type": "LIMIT",
        "price": "64000",
        "position_action": "OPEN",
        "status": "submitted",
    }
    assert portfolio.last() == OrderPlace(
        ACCOUNT,
        CONNECTOR,
        "BTC-USDT",
        TradeType.BUY,
        Decimal("0.001"),
        "mine-1",
        OrderType.LIMIT,
        Decimal(64000),
        PositionAction.OPEN,
    )


async def test_words_may_be_in_any_case_and_most_left_out(edge: Edge, portfolio: PortfolioStandIn) -> None:
    words = {"trade_type": "sell", "order_type": "limit_maker", "position_action": "close"}
    status, body = await place(edge, **words)
    assert status == 201
    assert (body["trade_type"], body["order_type"]) == ("SELL", "LIMIT_MAKER")
    assert portfolio.last().position_action is PositionAction.CLOSE
    for left_out in (..., None):
        status, body = await place(edge, order_type=left_out, position_action=left_out, client_order_id=left_out)
        assert (status, body["order_type"]) == (201, "LIMIT")
        assert portfolio.last().position_action is PositionAction.OPEN
    status, body = await place(edge, order_type="MARKET", price=...)
    assert (status, body["price"]) == (201, None)


@pytest.mark.parametrize(
    "written",
    ["0.1", '"0.1"', "1e-8", '"1E-8"', "0.1000000000000000055511151231257827", '"99999999999.123456789012345678"', "3"],
)
async def test_amounts_are_read_exactly_from_numbers_and_text(
    edge: Edge, portfolio: PortfolioStandIn, written: str
) -> None:
    body = json.dumps(ORDER).replace("0.001", written).replace("64000", written)
    status, answer = await edge.ask("POST", PATH, data=body, headers=JSON)
    assert status == 201
    exact = Decimal(written.strip('"'))
    assert portfolio.last().amount == portfolio.last().price == exact
    assert Decimal(answer["amount"]) == exact
    assert "E" not in answer["amount"]


@pytest.mark.parametrize("field", ["amount", "price"])
@pytest.mark.parametrize(
    "written",
    [
        *("0", "-1", "-0.0", "1e400", "1e-400", '"NaN"', '"Infinity"', '"-inf"', '"sNaN"', "NaN", "Infinity", "true"),
        *('"x"', '""', "[]", "{}", "1e99999999999999999999", "9" * 5000, '"' + "9" * 5000 + '"', "1e20"),
    ],
)
async def test_what_is_no_amount_is_refused(edge: Edge, portfolio: PortfolioStandIn, field: str, written: str) -> None:
    body = json.dumps({**ORDER, field: "here"}).replace('"here"', written)
    status, answer = await edge.ask("POST", PATH, data=body, headers=JSON)
    assert status == 422
    (fault,) = answer["detail"]
    assert set(fault) == {"loc", "msg", "type"}
    assert fault["loc"] == ["body", field]
    assert portfolio.asked == []


@pytest.mark.parametrize(
    ("change", "loc", "kind"),
    [
        *(({name: ...}, ["body", name], "missing") for name in ("account_name", "connector_name", "trading_pair")),
        *(({name: ...}, ["body", name], "missing") for name in ("trade_type", "amount")),
        ({"amount": None}, ["body", "amount"], "type_error"),
        ({"account_name": "a.b"}, ["body", "account_name"], "string_pattern_mismatch"),
        ({"account_name": "*"}, ["body", "account_name"], "string_pattern_mismatch"),
        ({"connector_name": "a>"}, ["body", "connector_name"], "string_pattern_mismatch"),
        ({"connector_name": 7}, ["body", "connector_name"], "type_error"),
        ({"trading_pair": "B"}, ["body", "trading_pair"], "string_pattern_mismatch"),
        ({"trading_pair": "BTC-USDT\x00"}, ["body", "trading_pair"], "string_pattern_mismatch"),
        ({"trade_type": "HOLD"}, ["body", "trade_type"], "enum"),
        ({"order_type": ""}, ["body", "order_type"], "enum"),
        ({"position_action": "FLIP"}, ["body", "position_action"], "enum"),
        ({"client_order_id": "a.b"}, ["body", "client_order_id"], "string_pattern_mismatch"),
        ({"client_order_id": "x" * 37}, ["body", "client_order_id"], "string_pattern_mismatch"),
        ({"client_order_id": ""}, ["body", "client_order_id"], "string_pattern_mismatch"),
    ],
)
async def test_an_order_that_does_not_fit_is_refused(
    edge: Edge, portfolio: PortfolioStandIn, change: dict[str, Any], loc: list[str], kind: str
) -> None:
    status, body = await place(edge, **change)
    assert status == 422
    (fault,) = body["detail"]
    assert fault["loc"] == loc
    assert fault["type"] in (kind, "length_error")
    assert portfolio.asked == []


async def test_each_order_has_an_id(edge: Edge, portfolio: PortfolioStandIn) -> None:
    made = [(await place(edge))[1]["client_order_id"] for _ in range(20)]
    assert made == sorted(set(made))
    assert list(portfolio.orders) == made
    # The client order id is the key; the bus carries no other.
    assert portfolio.asked[-1][1].key is None


async def test_the_same_id_gives_the_first_outcome_and_no_second_order(edge: Edge, portfolio: PortfolioStandIn) -> None:
    first = await place(edge, client_order_id="mine")
    assert await place(edge, client_order_id="mine") == first
    assert len(portfolio.orders) == 1
    status, body = await place(edge, client_order_id="mine", amount=0.002)
    assert (status, body["client_order_id"]) == (409, "mine")


async def test_an_idempotency_key_makes_the_id(edge: Edge, portfolio: PortfolioStandIn) -> None:
    async def with_key(key: str, **more: Any) -> tuple[int, Any]:
        return await edge.ask("POST", PATH, json={**ORDER, **more}, headers={"Idempotency-Key": key})

    first = await with_key("k-1")
    assert await with_key("k-1") == first
    assert (await with_key("k-1", amount=2))[0] == 409
    assert (await with_key("k-2"))[1]["order_id"] != first[1]["order_id"]
    assert (await with_key("k-1", client_order_id="mine"))[1]["order_id"] == "mine"
    status, body = await with_key("a b")
    assert (status, body["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])


async def test_what_was_placed_is_seen_by_the_next_question(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await place(edge)
    await edge.ask("POST", "/trading/orders/active", json={})
    assert portfolio.asked[-1][1].after == (1,)


async def test_a_refusal_has_its_reason_and_the_id(edge: Edge, portfolio: PortfolioStandIn) -> None:
    reason = "Account has insufficient balance for requested action."
    portfolio.instead = {PLACE_ORDER.key: CommandError(ErrorCode.REFUSED, reason)}
    assert await place(edge, client_order_id="m") == (400, {"detail": reason, "client_order_id": "m"})
    portfolio.instead = {PLACE_ORDER.key: CommandError(ErrorCode.UPSTREAM, "paper: the connection was refused")}
    status, body = await place(edge, client_order_id="m")
    assert (status, body["client_order_id"]) == (502, "m")


async def test_an_id_whose_order_was_refused_gives_the_refusal_again(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await place(edge, client_order_id="m")
    failed = msgspec.structs.replace(portfolio.orders["m"], status=OrderStatus.FAILED, error_message="too poor")
    portfolio.orders["m"] = failed
    assert await place(edge, client_order_id="m") == (400, {"detail": "too poor", "client_order_id": "m"})
    portfolio.orders["m"] = msgspec.structs.replace(failed, error_message=None)
    status, body = await place(edge, client_order_id="m")
    assert status == 400
    assert CONNECTOR in body["detail"]


async def test_an_order_that_is_over_already_is_submitted_all_the_same(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await place(edge, client_order_id="m")
    for status in (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.SUBMITTED):
        portfolio.orders["m"] = msgspec.structs.replace(portfolio.orders["m"], status=status)
        code, body = await place(edge, client_order_id="m")
        assert (code, body["status"]) == (201, "submitted")


async def test_a_field_that_portfolio_refuses_stands_in_the_body(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.instead = {PLACE_ORDER.key: invalid("no", FieldError(("amount",), "too odd", "value_error"))}
    status, body = await place(edge)
    assert status == 422
    assert body == {"detail": [{"loc": ["body", "amount"], "msg": "too odd", "type": "value_error"}]}
