"""Prices, books and settings over HTTP."""

from typing import Any

import pytest

from shared.contracts.marketdata.books import GET_BOOK, BookFilter
from shared.contracts.marketdata.fields import MAX_PAIRS
from shared.contracts.marketdata.tickers import GET_PRICES, PricesFilter
from shared.errors import CommandError, ErrorCode
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.marketdata_stand_in import BOTS_ONLY, CONNECTOR, TIMESTAMP, MarketdataStandIn

PRICES, BOOK = "/market-data/prices", "/market-data/order-book"


@pytest.mark.parametrize("slash", ["", "/"])
async def test_settings(edge: Edge, marketdata: MarketdataStandIn, slash: str) -> None:
    status, body = await edge.ask("GET", f"/market-data/settings{slash}")
    assert status == 200
    assert (body["cleanup_interval"], body["feed_timeout"]) == (300, 600)


@pytest.mark.parametrize("pairs", [["BTC-USDT", "ETH-USDT"], "BTC-USDT,ETH-USDT", ["BTC-USDT", "ETH-USDT", "NO-PAIR"]])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_prices_are_in_a_map_and_on_top(
    edge: Edge, marketdata: MarketdataStandIn, pairs: Any, slash: str
) -> None:
    status, body = await edge.ask("POST", PRICES + slash, json={"connector_name": CONNECTOR, "trading_pairs": pairs})
    assert status == 200
    assert body == {
        "connector": CONNECTOR,
        "prices": {"BTC-USDT": 65000.5, "ETH-USDT": 3000.25},
        "timestamp": TIMESTAMP,
        "BTC-USDT": {"price": 65000.5, "timestamp": TIMESTAMP},
        "ETH-USDT": {"price": 3000.25, "timestamp": TIMESTAMP},
    }


async def test_a_single_pair_may_be_a_text(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("POST", PRICES, json={"connector_name": CONNECTOR, "trading_pairs": "BTC-USDT"})
    assert (status, body["prices"]) == (200, {"BTC-USDT": 65000.5})
    assert marketdata.asked[-1] == PricesFilter(CONNECTOR, ("BTC-USDT",))


async def test_a_pair_with_the_name_of_a_field_hides_none(edge: Edge, marketdata: MarketdataStandIn) -> None:
    marketdata.prices = {"prices": 1.0, "BTC-USDT": 2.0}
    asked = {"connector_name": CONNECTOR, "trading_pairs": ["prices", "BTC-USDT"]}
    _, body = await edge.ask("POST", PRICES, json=asked)
    assert body["prices"] == {"prices": 1.0, "BTC-USDT": 2.0}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_book_has_objects_of_price_and_amount(edge: Edge, marketdata: MarketdataStandIn, slash: str) -> None:
    asked = {"connector_name": CONNECTOR, "trading_pair": "BTC-USDT", "depth": 2}
    status, body = await edge.ask("POST", BOOK + slash, json=asked)
    assert status == 200
    assert body == {
        "trading_pair": "BTC-USDT",
        "bids": [{"price": 64999.5, "amount": 0.5}, {"price": 64998.5, "amount": 0.5}],
        "asks": [{"price": 65001.5, "amount": 0.25}, {"price": 65002.5, "amount": 0.25}],
        "timestamp": TIMESTAMP,
    }
    for depth in ({}, {"depth": None}):
        _, body = await edge.ask("POST", BOOK, json={**asked, "depth": 10} | depth)
        assert len(body["bids"]) == len(body["asks"]) == 10
    assert marketdata.asked[-1] == BookFilter(CONNECTOR, "BTC-USDT", 10)


async def test_unknown_names_are_told(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for path, body, expected, named in (
        (PRICES, {"connector_name": "nowhere", "trading_pairs": ["BTC-USDT"]}, 404, "nowhere"),
        (PRICES, {"connector_name": CONNECTOR, "trading_pairs": ["NO-PAIR"]}, 404, "NO-PAIR"),
        (PRICES, {"connector_name": BOTS_ONLY, "trading_pairs": ["BTC-USDT"]}, 400, BOTS_ONLY),
        (BOOK, {"connector_name": "nowhere", "trading_pair": "BTC-USDT"}, 404, "nowhere"),
        (BOOK, {"connector_name": CONNECTOR, "trading_pair": "NO-PAIR"}, 404, "NO-PAIR"),
        (BOOK, {"connector_name": BOTS_ONLY, "trading_pair": "BTC-USDT"}, 400, BOTS_ONLY),
    ):
        status, answer = await edge.ask("POST", path, json=body)
        assert status == expected
        assert named in answer["detail"]


_NAMED = {"connector_name": CONNECTOR}


@pytest.mark.parametrize(
    ("path", "body", "loc"),
    [
        (PRICES, {}, ["connector_name"]),
        (PRICES, _NAMED, ["trading_pairs"]),
        (PRICES, _NAMED | {"trading_pairs": []}, ["trading_pairs"]),
        (PRICES, _NAMED | {"trading_pairs": ""}, ["trading_pairs"]),
        (PRICES, _NAMED | {"trading_pairs": None}, ["trading_pairs"]),
        (PRICES, _NAMED | {"trading_pairs": [None]}, ["trading_pairs", 0]),
        (PRICES, _NAMED | {"trading_pairs": ["BTC-USDT", "\x00\x00\x00"]}, ["trading_pairs", 1]),
        (PRICES, _NAMED | {"trading_pairs": [f"A{n}-B" for n in range(MAX_PAIRS + 1)]}, ["trading_pairs"]),
        (PRICES, {"connector_name": "a.b", "trading_pairs": ["BTC-USDT"]}, ["connector_name"]),
        (BOOK, {"trading_pair": "BTC-USDT"}, ["connector_name"]),
        (BOOK, _NAMED, ["trading_pair"]),
        (BOOK, _NAMED | {"trading_pair": "B"}, ["trading_pair"]),
        (BOOK, _NAMED | {"trading_pair": "BTC-USDT", "depth": 0}, ["depth"]),
        (BOOK, _NAMED | {"trading_pair": "BTC-USDT", "depth": 1001}, ["depth"]),
        (BOOK, _NAMED | {"trading_pair": "BTC-USDT", "depth": "all"}, ["depth"]),
    ],
)
async def test_a_question_that_does_not_fit_is_refused(
    edge: Edge, marketdata: MarketdataStandIn, path: str, body: Any, loc: list[Any]
) -> None:
    status, answer = await edge.ask("POST", path, json=body)
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", *loc]
    assert marketdata.asked == []


async def test_an_exchange_that_fails_is_named(edge: Edge, marketdata: MarketdataStandIn) -> None:
    failed = CommandError(ErrorCode.UPSTREAM, "binance: the connection was refused")
    marketdata.instead = {GET_PRICES.key: failed, GET_BOOK.key: failed}
    for path in (PRICES, BOOK):
        status, body = await edge.ask(
            "POST", path, json=_NAMED | {"trading_pairs": ["BTC-USDT"], "trading_pair": "BTC-USDT"}
        )
        assert (status, body["detail"]) == (502, "binance: the connection was refused")


async def test_a_service_that_is_away_is_named(edge: Edge) -> None:
    for method, path in (("GET", "/market-data/settings"), ("POST", PRICES), ("POST", BOOK)):
        body = _NAMED | {"trading_pairs": ["BTC-USDT"], "trading_pair": "BTC-USDT"} if method == "POST" else None
        status, answer = await edge.ask(method, path, json=body)
        assert (status, answer["detail"]) == (503, "the service marketdata is not running")


@pytest.mark.usefixtures("impatient")
async def test_a_service_that_says_nothing_is_named(edge: Edge, marketdata: MarketdataStandIn) -> None:
    marketdata.silent = {GET_PRICES.key}
    status, body = await edge.ask("POST", PRICES, json=_NAMED | {"trading_pairs": ["BTC-USDT"]})
    assert status == 503
    assert "marketdata" in body["detail"]


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"connector": "x", "prices": {"A": "1"}, "timestamp": 1}'])
async def test_rubbish_is_an_error_that_says_who_sent_it(
    edge: Edge, marketdata: MarketdataStandIn, rubbish: bytes
) -> None:
    marketdata.instead = {GET_PRICES.key: rubbish}
    status, body = await edge.ask("POST", PRICES, json=_NAMED | {"trading_pairs": ["BTC-USDT"]})
    assert status == 500
    assert "marketdata" in body["detail"]
