"""Connectors over HTTP."""

import pytest
import yarl

from shared.contracts.marketdata.rules import LIST_RULES
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.marketdata_stand_in import BOTS_ONLY, MarketdataStandIn


@pytest.mark.parametrize("path", ["/connectors", "/connectors/"])
async def test_connectors_are_listed_with_and_without_a_slash(edge: Edge, path: str) -> None:
    async with edge.client.get(edge.url + path, allow_redirects=False) as answer:
        assert answer.status == 200
        assert await answer.json() == ["binance", "paper"]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_config_map_has_both_name_sets(edge: Edge, slash: str) -> None:
    status, body = await edge.ask("GET", f"/connectors/binance/config-map{slash}")
    assert status == 200
    assert set(body["binance_api_key"]) == {"type", "required", "prompt", "is_secure", "is_connect_key"}


async def test_an_unknown_connector_is_named(edge: Edge) -> None:
    status, body = await edge.ask("GET", "/connectors/nowhere/config-map")
    assert status == 404
    assert "nowhere" in body["detail"]


RULES = "/connectors/paper/trading-rules"


@pytest.mark.parametrize("slash", ["", "/"])
async def test_trading_rules_are_numbers(edge: Edge, marketdata: MarketdataStandIn, slash: str) -> None:
    status, body = await edge.ask("GET", RULES + slash)
    assert status == 200
    assert set(body) == {"BTC-USDT", "ETH-USDT"}
    assert body["BTC-USDT"] == {
        "min_order_size": 0.00001,
        "max_order_size": None,
        "min_price_increment": 0.01,
        "min_base_amount_increment": 0.00001,
        "min_quote_amount_increment": 1e-8,
        "min_notional_size": 5,
        "min_order_value": 5,
        "max_price_significant_digits": 0,
        "supports_limit_orders": True,
        "supports_market_orders": True,
        "buy_order_collateral_token": "USDT",
        "sell_order_collateral_token": "USDT",
    }


@pytest.mark.parametrize(
    "query", ["trading_pairs=BTC-USDT&trading_pairs=NO-PAIR", "trading_pairs=BTC-USDT,NO-PAIR,BTC-USDT"]
)
async def test_pairs_are_asked_for_by_repetition_or_commas(
    edge: Edge, marketdata: MarketdataStandIn, query: str
) -> None:
    for _ in range(2):
        status, body = await edge.ask("GET", f"{RULES}?{query}")
        assert status == 200
        assert set(body) == {"BTC-USDT", "NO-PAIR"}
        assert set(body["NO-PAIR"]) == {"error"}
        assert marketdata.asked[-1].trading_pairs == ("BTC-USDT", "NO-PAIR")
    status, body = await edge.ask("GET", f"{RULES}?trading_pairs=BTC-USDT")
    assert set(body) == {"BTC-USDT"}


async def test_pairs_none_of_which_is_known_are_not_found(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for _ in range(2):
        status, body = await edge.ask("GET", f"{RULES}?trading_pairs=NO-PAIR,X-YZ")
        assert status == 404
        assert "NO-PAIR" in body["detail"]


@pytest.mark.parametrize("query", ["", "B", "%00%00%00", "BTC%20USDT", "BTC-USDT,", "BTC-USDT&trading_pairs=x"])
async def test_what_can_be_no_pair_is_refused(edge: Edge, marketdata: MarketdataStandIn, query: str) -> None:
    async with edge.client.get(yarl.URL(f"{edge.url}{RULES}?trading_pairs={query}", encoded=True)) as answer:
        assert answer.status == 422
        assert (await answer.json())["detail"][0]["loc"] == ["query", "trading_pairs"]
    assert marketdata.asked == []


async def test_order_types_are_an_object(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for slash in ("", "/"):
        status, body = await edge.ask("GET", f"/connectors/paper/order-types{slash}")
        assert status == 200
        assert body == {"connector": "paper", "supported_order_types": ["LIMIT", "MARKET"]}


@pytest.mark.parametrize("what", ["trading-rules", "order-types"])
async def test_connectors_without_a_market_are_told(edge: Edge, marketdata: MarketdataStandIn, what: str) -> None:
    assert (await edge.ask("GET", f"/connectors/nowhere/{what}"))[0] == 404
    assert (await edge.ask("GET", f"/connectors/{BOTS_ONLY}/{what}"))[0] == 400
    await marketdata.stop()
    status, body = await edge.ask("GET", f"/connectors/paper/{what}")
    assert (status, body["detail"]) == (503, "the service marketdata is not running")


async def test_rules_that_cannot_be_read_are_an_error(edge: Edge, marketdata: MarketdataStandIn) -> None:
    marketdata.instead = {LIST_RULES.key: b'{"BTC-USDT": {}}'}
    status, body = await edge.ask("GET", RULES)
    assert status == 500
    assert "marketdata" in body["detail"]
