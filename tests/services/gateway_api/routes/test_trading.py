"""Orders over HTTP: every form of placing one, what portfolio is asked for it, and what each fault looks like."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import yarl

from shared.contracts.portfolio.orders import (
    ACTIVE_ORDERS,
    CANCEL_ORDER,
    ORDER_OUTCOME,
    PLACE_ORDER,
    SEARCH_ORDERS,
    OrderCancel,
    OrderFilter,
    OrderPlace,
    OrderSearch,
    OrderStatus,
    OrderType,
    PositionAction,
    TradeType,
)
from shared.contracts.portfolio.sessions import GET_SESSION, SessionState
from shared.contracts.portfolio.trades import SEARCH_TRADES, Trade, TradeSearch
from shared.errors import CommandError, ErrorCode, FieldError, invalid
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, MOMENT, PortfolioStandIn

PATH = "/trading/orders"
ORDER: dict[str, Any] = {
    "account_name": ACCOUNT,
    "connector_name": CONNECTOR,
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 0.001,
    "order_type": "LIMIT",
    "price": 64000,
}
CANCEL = f"/trading/{ACCOUNT}/{CONNECTOR}/orders/{{}}/cancel"
JSON = {"content-type": "application/json"}


async def place(edge: Edge, **more: Any) -> tuple[int, Any]:
    body = {name: value for name, value in {**ORDER, **more}.items() if value is not ...}
    return await edge.ask("POST", PATH, json=body)


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


@pytest.mark.parametrize("path", ["/trading/orders/active", "/trading/orders/search"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_page_of_orders(edge: Edge, portfolio: PortfolioStandIn, path: str, slash: str) -> None:
    await place(edge, client_order_id="a")
    await place(edge, client_order_id="b", order_type="MARKET", price=...)
    portfolio.next_cursor = "next"
    status, body = await edge.ask("POST", path + slash, json={"limit": 1})
    assert status == 200
    assert body["pagination"] == {"limit": 1, "has_more": True, "next_cursor": "next", "total_count": 2}
    assert (body["next_cursor"], body["total"]) == ("next", 2)
    assert body["data"] == [
        {
            "order_id": "a",
            "client_order_id": "a",
            "account_name": ACCOUNT,
            "connector_name": CONNECTOR,
            "trading_pair": "BTC-USDT",
            "trade_type": "BUY",
            "order_type": "LIMIT",
            "position_action": "OPEN",
            "amount": 0.001,
            "price": 64000,
            "status": "OPEN",
            "filled_amount": 0,
            "average_fill_price": None,
            "fee_paid": None,
            "fee_currency": None,
            "created_at": "2026-01-02T03:04:05.600000+00:00",
            "updated_at": "2026-01-02T03:04:05.600000+00:00",
            "exchange_order_id": "28",
            "error_message": None,
        }
    ]
    portfolio.next_cursor = None
    _, body = await edge.ask("POST", path + slash)
    assert body["pagination"] == {"limit": 100, "has_more": False, "next_cursor": None, "total_count": 2}
    assert [row["price"] for row in body["data"]] == [64000, None]


async def test_a_change_of_an_order_is_seen_at_once(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await place(edge, client_order_id="a")
    for status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.OPEN, OrderStatus.PENDING_CANCEL):
        portfolio.orders["a"] = msgspec.structs.replace(portfolio.orders["a"], status=status)
        _, body = await edge.ask("POST", "/trading/orders/active", json={})
        assert body["data"][0]["status"] == status
    for limit in (1, 2):
        _, body = await edge.ask("POST", "/trading/orders/active", json={"limit": limit})
        assert body["pagination"]["limit"] == limit


_AT = datetime(2026, 1, 1, tzinfo=UTC)
_FILTERS: list[tuple[Any, dict[str, Any]]] = [
    ({}, {}),
    ({"account_names": ["a"], "connectors": ["c"]}, {"account_names": ("a",), "connector_names": ("c",)}),
    ({"trading_pairs": "BTC-USDT,ETH-USDT"}, {"trading_pairs": ("BTC-USDT", "ETH-USDT")}),
    ({"limit": 1000, "cursor": "c"}, {"limit": 1000, "cursor": "c"}),
    ({"limit": None, "cursor": None, "trading_pairs": None, "account_names": []}, {}),
]
_TIMES: list[tuple[Any, dict[str, Any]]] = [
    ({"start_time": 1767225600, "end_time": 1767225600000}, {"start_time": _AT, "end_time": _AT}),
    ({"start_time": None, "end_time": None}, {}),
]


@pytest.mark.parametrize(("body", "asked"), _FILTERS)
async def test_every_form_of_a_filter_of_active_orders(
    edge: Edge, portfolio: PortfolioStandIn, body: Any, asked: dict[str, Any]
) -> None:
    assert (await edge.ask("POST", "/trading/orders/active", json=body))[0] == 200
    assert portfolio.last() == OrderFilter(**asked)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        *_FILTERS,
        *_TIMES,
        ({"status": "open"}, {"status": OrderStatus.OPEN}),
        ({"status": "CANCELED"}, {"status": OrderStatus.CANCELLED}),
        ({"status": "cancelled"}, {"status": OrderStatus.CANCELLED}),
        ({"status": None}, {}),
    ],
)
async def test_every_form_of_a_search_of_orders(
    edge: Edge, portfolio: PortfolioStandIn, body: Any, asked: dict[str, Any]
) -> None:
    assert (await edge.ask("POST", "/trading/orders/search", json=body))[0] == 200
    assert portfolio.last() == OrderSearch(**asked)


@pytest.mark.parametrize(
    ("body", "asked"),
    [*_FILTERS, *_TIMES, ({"trade_types": ["buy", "SELL"]}, {"trade_types": (TradeType.BUY, TradeType.SELL)})],
)
async def test_every_form_of_a_search_of_trades(
    edge: Edge, portfolio: PortfolioStandIn, body: Any, asked: dict[str, Any]
) -> None:
    assert (await edge.ask("POST", "/trading/trades", json=body))[0] == 200
    assert portfolio.last() == TradeSearch(**asked)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": 7}, "cursor"),
        ({"cursor": "x" * 257}, "cursor"),
        ({"cursor": "\x00"}, "cursor"),
        ({"trading_pairs": ["B"]}, "trading_pairs"),
        ({"account_names": ["a/b"]}, "account_names"),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused(
    edge: Edge, portfolio: PortfolioStandIn, body: Any, field: str
) -> None:
    for path in ("/trading/orders/active", "/trading/orders/search", "/trading/trades"):
        status, answer = await edge.ask("POST", path, json=body)
        assert status == 422
        assert answer["detail"][0]["loc"][:2] == ["body", field]
    assert portfolio.asked == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("orders/search", {"status": "LOST"}, "status"),
        ("orders/search", {"status": ""}, "status"),
        ("orders/search", {"start_time": -1}, "start_time"),
        ("orders/search", {"start_time": "yesterday"}, "start_time"),
        ("trades", {"end_time": 1e300}, "end_time"),
        ("trades", {"end_time": True}, "end_time"),
        ("trades", {"trade_types": ["HOLD"]}, "trade_types"),
    ],
)
async def test_a_search_that_does_not_fit_is_refused(
    edge: Edge, portfolio: PortfolioStandIn, path: str, body: Any, field: str
) -> None:
    status, answer = await edge.ask("POST", f"/trading/{path}", json=body)
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", field]
    assert portfolio.asked == []


async def test_trades(edge: Edge, portfolio: PortfolioStandIn) -> None:
    portfolio.trades = (
        Trade(
            "t-1", "mine", ACCOUNT, CONNECTOR, "BTC-USDT", TradeType.SELL, Decimal("0.5"), Decimal("64000.10"),
            Decimal("0.00000001"), "BNB", MOMENT,
        ),
    )  # fmt: skip
    status, body = await edge.ask("POST", "/trading/trades", json={})
    assert status == 200
    assert body["pagination"] == {"limit": 100, "has_more": False, "next_cursor": None, "total_count": 1}
    assert body["data"] == [
        {
            "trade_id": "t-1",
            "order_id": "mine",
            "client_order_id": "mine",
            "account_name": ACCOUNT,
            "connector_name": CONNECTOR,
            "trading_pair": "BTC-USDT",
            "trade_type": "SELL",
            "amount": 0.5,
            "price": 64000.1,
            "fee_paid": 1e-08,
            "fee_currency": "BNB",
            "timestamp": "2026-01-02T03:04:05.600000+00:00",
        }
    ]


@pytest.mark.parametrize("rubbish", [b"", b"\xff", b"[]", b'{"orders": 7}', b'{"orders": [{}], "total": 1}'])
async def test_rubbish_is_an_error_that_says_who_sent_it(
    edge: Edge, portfolio: PortfolioStandIn, rubbish: bytes
) -> None:
    portfolio.instead = {command.key: rubbish for command in (ACTIVE_ORDERS, SEARCH_ORDERS, SEARCH_TRADES)}
    for path in ("/trading/orders/active", "/trading/orders/search", "/trading/trades"):
        status, body = await edge.ask("POST", path)
        assert status == 500
        assert "portfolio" in body["detail"]


async def test_a_session_that_cannot_be_read_is_an_error(edge: Edge, portfolio: PortfolioStandIn) -> None:
    await portfolio.lose(SessionState.WAITING)
    portfolio.instead = {GET_SESSION.key: b"?"}
    status, body = await place(edge)
    assert status == 500
    assert "portfolio" in body["detail"]
