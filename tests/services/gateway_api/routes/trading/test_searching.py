"""Orders and trades searched over HTTP: pages, every form of a filter, and what does not fit."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.contracts.portfolio.orders import (
    ACTIVE_ORDERS,
    SEARCH_ORDERS,
    OrderFilter,
    OrderSearch,
    OrderStatus,
    TradeType,
)
from shared.contracts.portfolio.trades import SEARCH_TRADES, Trade, TradeSearch
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR, MOMENT, PortfolioStandIn
from tests.services.gateway_api.routes.trading.asking import place

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
