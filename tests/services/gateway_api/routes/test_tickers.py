"""Feeds, tickers, funding and rates over HTTP, and the rate oracle."""

from typing import Any

import pytest

from shared.contracts.marketdata.funding import GET_FUNDING, FundingRef
from shared.contracts.marketdata.rates import CONFIGURE_ORACLE, GET_RATES, OracleChange, RatesFilter
from shared.contracts.marketdata.tickers import TickersFilter
from shared.errors import CommandError, ErrorCode
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.marketdata_stand_in import (
    BOTS_ONLY,
    CONNECTOR,
    PERPETUAL,
    TIMESTAMP,
    MarketdataStandIn,
)

FUNDING = "/market-data/funding-info"
FAILED = CommandError(ErrorCode.UPSTREAM, "binance: the connection was refused")


async def test_feeds_that_run(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("GET", "/market-data/active-feeds")
    assert status == 200
    assert body["one"] == {
        "feed_type": "candles",
        "last_access_time": TIMESTAMP,
        "seconds_since_access": 1.5,
        "will_expire_in": 598.5,
        "config": "1m candles of BTC-USDT",
    }


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", TickersFilter()),
        ("?connectors=paper", TickersFilter(("paper",))),
        ("?connectors=paper,paper_perpetual", TickersFilter(("paper", "paper_perpetual"))),
        ("?connectors=paper&connectors=paper_perpetual", TickersFilter(("paper", "paper_perpetual"))),
        ("?refresh=true&max_age=2.5", TickersFilter(None, True, 2.5)),
        *[(f"?refresh={text}", TickersFilter(None, value)) for text, value in (("1", True), ("True", True))],
        *[(f"?refresh={text}", TickersFilter(None, False)) for text in ("false", "0", "False")],
    ],
)
async def test_tickers_by_connector_and_pair(
    edge: Edge, marketdata: MarketdataStandIn, query: str, asked: TickersFilter
) -> None:
    status, body = await edge.ask("GET", f"/market-data/tickers{query}")
    assert status == 200
    assert marketdata.asked == [asked]
    row = {"price": 65000.5, "base_volume": None, "quote_volume": 1.5, "timestamp": TIMESTAMP}
    assert body["tickers"][CONNECTOR]["BTC-USDT"] == row
    assert (body["counts"][CONNECTOR], body["updated_at"][CONNECTOR], body["errors"]) == (2, TIMESTAMP, {})


async def test_the_tickers_of_one_connector(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("GET", "/market-data/tickers/paper?refresh=true&max_age=1")
    assert (status, list(body["tickers"])) == (200, ["paper"])
    assert marketdata.asked == [TickersFilter(("paper",), True, 1.0)]
    for name, expected in (("nowhere", 404), (BOTS_ONLY, 400), ("a.b", 422)):
        assert (await edge.ask("GET", f"/market-data/tickers/{name}"))[0] == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("connectors=a.b", "connectors"),
        ("connectors=", "connectors"),
        ("max_age=-1", "max_age"),
        ("max_age=nan", "max_age"),
        ("max_age=inf", "max_age"),
        ("max_age=1e400", "max_age"),
        ("max_age=old", "max_age"),
        ("refresh=maybe", "refresh"),
    ],
)
async def test_tickers_that_cannot_be_asked_for(
    edge: Edge, marketdata: MarketdataStandIn, query: str, name: str
) -> None:
    status, body = await edge.ask("GET", f"/market-data/tickers?{query}")
    assert (status, body["detail"][0]["loc"]) == (422, ["query", name])
    assert marketdata.asked == []


_BTC = {
    "trading_pair": "BTC-USDT",
    "funding_rate": 0.0001,
    "next_funding_time": 1767254400.0,
    "mark_price": 65000.5,
    "index_price": 65001.0,
    "timestamp": TIMESTAMP,
}
_ETH = _BTC | {"trading_pair": "ETH-USDT"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"trading_pair": "BTC-USDT"}, _BTC),
        ({"trading_pairs": ["BTC-USDT"]}, _BTC),
        ({"trading_pairs": "ETH-USDT,BTC-USDT"}, [_ETH, _BTC]),
        ({"trading_pairs": ["NO-PAIR", "ETH-USDT"]}, [_ETH]),
        ({"trading_pair": "BTC-USDT", "trading_pairs": ["ETH-USDT"]}, _BTC),
    ],
)
async def test_funding_of_one_or_several(
    edge: Edge, marketdata: MarketdataStandIn, given: dict[str, Any], expected: Any
) -> None:
    status, body = await edge.ask("POST", FUNDING, json={"connector_name": PERPETUAL, **given})
    assert (status, body) == (200, expected)
    assert FundingRef(PERPETUAL, (expected if isinstance(expected, dict) else expected[0])["trading_pair"]) in (
        marketdata.asked
    )


async def test_funding_that_there_is_not(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for body, expected, named in (
        ({"connector_name": CONNECTOR, "trading_pair": "BTC-USDT"}, 400, CONNECTOR),
        ({"connector_name": "nowhere", "trading_pair": "BTC-USDT"}, 404, "nowhere"),
        ({"connector_name": PERPETUAL, "trading_pair": "NO-PAIR"}, 404, "NO-PAIR"),
        ({"connector_name": PERPETUAL, "trading_pairs": ["NO-PAIR", "X-PAIR"]}, 404, "NO-PAIR"),
    ):
        status, answer = await edge.ask("POST", FUNDING, json=body)
        assert status == expected
        assert named in answer["detail"]
    wrong: dict[str, Any]
    for wrong in ({}, {"trading_pairs": []}, {"trading_pair": "B"}, {"trading_pairs": [f"A{n}-B" for n in range(51)]}):
        assert (await edge.ask("POST", FUNDING, json={"connector_name": PERPETUAL, **wrong}))[0] == 422
    marketdata.instead = {GET_FUNDING.key: FAILED}
    for pairs in (["BTC-USDT"], ["BTC-USDT", "ETH-USDT"]):
        status, _ = await edge.ask("POST", FUNDING, json={"connector_name": PERPETUAL, "trading_pairs": pairs})
        assert status == 502


async def test_rates_of_pairs(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("POST", "/market-data/rates", json={"trading_pairs": ["BTC-USDT", "X-USDT"]})
    assert status == 200
    assert body == {
        "quote_token": "USDT",
        "connector": None,
        "source": "gate_io",
        "rates": {"BTC-USDT": 65000.5, "X-USDT": None},
        "reasons": {"X-USDT": "no way to X-USDT"},
        "timestamp": TIMESTAMP,
    }
    assert marketdata.asked[-1] == RatesFilter(("BTC-USDT", "X-USDT"))
    _, body = await edge.ask("POST", "/market-data/rates", json={"trading_pairs": "BTC-USDT", "connector": CONNECTOR})
    assert (body["connector"], body["source"], body["rates"]) == (CONNECTOR, CONNECTOR, {"BTC-USDT": 65000.5})
    wrong: dict[str, Any]
    for wrong in ({}, {"trading_pairs": []}, {"trading_pairs": ["B"]}, {"trading_pairs": "A-BC", "connector": "a.b"}):
        assert (await edge.ask("POST", "/market-data/rates", json=wrong))[0] == 422
    status, _ = await edge.ask("POST", "/market-data/rates", json={"trading_pairs": "BTC-USDT", "connector": "nowhere"})
    assert status == 404


async def test_the_rate_of_a_pair(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("GET", f"/market-data/rate/BTC-USDT?connector={CONNECTOR}")
    rate = {"trading_pair": "BTC-USDT", "rate": 65000.5, "connector": CONNECTOR, "quote_token": "USDT"}
    assert (status, body) == (200, rate | {"timestamp": TIMESTAMP})
    status, body = await edge.ask("GET", "/market-data/rate/X-USDT")
    assert (status, body["detail"]) == (404, "no way to X-USDT")
    for wrong, told in (("B", "not allowed"), ("BTC-USDT?connector=a.b", "Only letters")):
        status, body = await edge.ask("GET", f"/market-data/rate/{wrong}")
        assert status == 422
        assert told in body["detail"][0]["msg"]


async def test_the_oracle_tells_rates(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("POST", "/rate-oracle/rates", json={"trading_pairs": ["BTC-USDT", "X-USDT"]})
    assert (status, body["source"], body["quote_token"]) == (200, "gate_io", "USDT")
    assert body["rates"] == {"BTC-USDT": 65000.5, "X-USDT": None}
    for path, fresh in (("rate", False), ("rate-async", True)):
        for pair, rate in (("BTC-USDT", 65000.5), ("X-USDT", None)):
            status, body = await edge.ask("GET", f"/rate-oracle/{path}/{pair}")
            expected = {"trading_pair": pair, "rate": rate, "source": "gate_io", "quote_token": "USDT"}
            expected |= {"timestamp": TIMESTAMP}
            # Why there is none is told beside it.
            assert (status, body) == (200, expected | ({} if rate else {"reason": "no way to X-USDT"}))
            assert marketdata.asked[-1] == RatesFilter((pair,), fresh=fresh)
    status, body = await edge.ask("GET", "/rate-oracle/prices")
    assert (status, body["prices_count"], body["prices"]) == (200, 2, marketdata.prices)
    assert body["timestamp"] == TIMESTAMP
    marketdata.instead = {GET_RATES.key: FAILED}
    assert (await edge.ask("GET", "/rate-oracle/rate/BTC-USDT"))[0] == 502


async def test_the_oracle_is_configured(edge: Edge, marketdata: MarketdataStandIn) -> None:
    before = {
        "rate_oracle_source": {"name": "gate_io"},
        "global_token": {"global_token_name": "USDT", "global_token_symbol": "$"},
        "available_sources": ["binance", "gate_io"],
    }
    assert await edge.ask("GET", "/rate-oracle/sources") == (200, ["binance", "gate_io"])
    assert await edge.ask("GET", "/rate-oracle/config") == (200, before)
    status, body = await edge.ask("PUT", "/rate-oracle/config", json={"rate_oracle_source": {"name": "binance"}})
    assert (status, body["success"]) == (200, True)
    assert body["config"] == before | {"rate_oracle_source": {"name": "binance"}}
    token = {"global_token": {"global_token_name": "EUR", "global_token_symbol": "€"}, "rate_oracle_source": None}
    status, body = await edge.ask("PUT", "/rate-oracle/config", json=token)
    assert (status, body["config"]["global_token"]) == (200, token["global_token"])
    assert marketdata.asked[-1] == OracleChange(None, "EUR", "€")
    assert (await edge.ask("PUT", "/rate-oracle/config", json={}))[0] == 200


async def test_a_configuration_that_does_not_fit_is_refused(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("PUT", "/rate-oracle/config", json={"rate_oracle_source": {"name": "nowhere"}})
    assert (status, body["detail"]) == (400, "there is no source nowhere")
    for wrong, loc in (
        ({"rate_oracle_source": {}}, ["rate_oracle_source", "name"]),
        ({"rate_oracle_source": {"name": "a b"}}, ["rate_oracle_source", "name"]),
        ({"rate_oracle_source": "binance"}, ["rate_oracle_source"]),
        ({"global_token": {"global_token_name": ""}}, ["global_token", "global_token_name"]),
        ({"global_token": {"global_token_name": "US\nD"}}, ["global_token", "global_token_name"]),
        ({"global_token": {"global_token_name": "USD "}}, ["global_token", "global_token_name"]),
        ({"global_token": {"global_token_symbol": "\x00"}}, ["global_token", "global_token_symbol"]),
        ({"global_token": {"global_token_symbol": "123456789"}}, ["global_token", "global_token_symbol"]),
    ):
        status, body = await edge.ask("PUT", "/rate-oracle/config", json=wrong)
        assert (status, body["detail"][0]["loc"]) == (422, ["body", *loc])


@pytest.mark.usefixtures("impatient")
async def test_a_configuration_without_an_answer_has_an_unknown_outcome(
    edge: Edge, marketdata: MarketdataStandIn
) -> None:
    marketdata.silent = {CONFIGURE_ORACLE.key}
    assert (await edge.ask("PUT", "/rate-oracle/config", json={}))[0] == 504


async def test_a_service_that_is_away_is_named(edge: Edge) -> None:
    for path in (
        "/market-data/active-feeds", "/market-data/tickers", "/market-data/rate/BTC-USDT", "/rate-oracle/sources",
        "/rate-oracle/config", "/rate-oracle/rate/BTC-USDT", "/rate-oracle/prices",
    ):  # fmt: skip
        status, answer = await edge.ask("GET", path)
        assert (status, answer["detail"]) == (503, "the service marketdata is not running")
