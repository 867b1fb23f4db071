"""The OpenAPI document: complete, true, and usable by the tools that read it."""

from typing import Any

import jsonschema_rs
import pytest

from services.gateway_api.gate import PUBLIC
from shared.service import VERSION
from tests.services.gateway_api.conftest import Edge

#: Method, path and success code of every route that is built, as the contract of the API has them.
ROUTES = {
    ("get", "/"): "200",
    ("get", "/health"): "200",
    ("get", "/ready"): "200",
    ("get", "/accounts/"): "200",
    ("get", "/accounts/{account_name}/credentials"): "200",
    ("post", "/accounts/add-account"): "201",
    ("post", "/accounts/delete-account"): "200",
    ("post", "/accounts/add-credential/{account_name}/{connector_name}"): "201",
    ("post", "/accounts/delete-credential/{account_name}/{connector_name}"): "200",
    ("get", "/connectors/"): "200",
    ("get", "/connectors/{connector_name}/config-map"): "200",
    ("get", "/connectors/{connector_name}/trading-rules"): "200",
    ("get", "/connectors/{connector_name}/order-types"): "200",
    ("post", "/portfolio/state"): "200",
    ("post", "/portfolio/distribution"): "200",
    ("get", "/portfolio/accounts-distribution"): "200",
    ("post", "/portfolio/accounts-distribution"): "200",
    ("post", "/trading/orders"): "201",
    ("post", "/trading/{account_name}/{connector_name}/orders/{client_order_id}/cancel"): "200",
    ("post", "/trading/orders/active"): "200",
    ("post", "/trading/orders/search"): "200",
    ("post", "/trading/trades"): "200",
    ("get", "/market-data/settings"): "200",
    ("post", "/market-data/prices"): "200",
    ("post", "/market-data/order-book"): "200",
    ("post", "/market-data/candles"): "200",
    ("post", "/market-data/historical-candles"): "200",
    ("get", "/market-data/available-candle-connectors"): "200",
    ("get", "/market-data/active-feeds"): "200",
    ("get", "/market-data/tickers"): "200",
    ("get", "/market-data/tickers/{connector_name}"): "200",
    ("post", "/market-data/funding-info"): "200",
    ("post", "/market-data/rates"): "200",
    ("get", "/market-data/rate/{trading_pair}"): "200",
    ("post", "/market-data/order-book/price-for-volume"): "200",
    ("post", "/market-data/order-book/volume-for-price"): "200",
    ("post", "/market-data/order-book/price-for-quote-volume"): "200",
    ("post", "/market-data/order-book/quote-volume-for-price"): "200",
    ("post", "/market-data/order-book/vwap-for-volume"): "200",
    ("post", "/market-data/trading-pair/add"): "200",
    ("post", "/market-data/trading-pair/remove"): "200",
    ("get", "/market-data/order-book/diagnostics/{connector_name}"): "200",
    ("post", "/market-data/order-book/restart/{connector_name}"): "200",
    ("get", "/rate-oracle/sources"): "200",
    ("get", "/rate-oracle/config"): "200",
    ("put", "/rate-oracle/config"): "200",
    ("post", "/rate-oracle/rates"): "200",
    ("get", "/rate-oracle/rate/{trading_pair}"): "200",
    ("get", "/rate-oracle/rate-async/{trading_pair}"): "200",
    ("get", "/rate-oracle/prices"): "200",
    ("get", "/events"): "200",
}
BOOK_QUERIES = {path for _, path in ROUTES if path.startswith("/market-data/order-book/") and "-for-" in path}
#: Changes that are the same when they are made again, and so take no key.
REPEATABLE = {
    "/market-data/trading-pair/add",
    "/market-data/trading-pair/remove",
    "/market-data/order-book/restart/{connector_name}",
    "/rate-oracle/config",
}
#: Questions that are posted, as their filters are bodies.
QUESTIONS = {
    "/portfolio/state",
    "/portfolio/distribution",
    "/portfolio/accounts-distribution",
    "/trading/orders/active",
    "/trading/orders/search",
    "/trading/trades",
    "/market-data/prices",
    "/market-data/order-book",
    "/market-data/candles",
    "/market-data/historical-candles",
    "/market-data/funding-info",
    "/market-data/rates",
    "/rate-oracle/rates",
    *BOOK_QUERIES,
}
#: Routes that ask an exchange.
OF_AN_EXCHANGE = {
    "/connectors/{connector_name}/trading-rules",
    "/connectors/{connector_name}/order-types",
    "/trading/orders",
    "/trading/{account_name}/{connector_name}/orders/{client_order_id}/cancel",
    "/market-data/prices",
    "/market-data/order-book",
    "/market-data/candles",
    "/market-data/historical-candles",
    "/market-data/tickers",
    "/market-data/tickers/{connector_name}",
    "/market-data/funding-info",
    "/market-data/rates",
    "/market-data/rate/{trading_pair}",
    "/market-data/trading-pair/add",
    "/market-data/trading-pair/remove",
    "/rate-oracle/rates",
    "/rate-oracle/rate/{trading_pair}",
    "/rate-oracle/rate-async/{trading_pair}",
    "/rate-oracle/prices",
    *BOOK_QUERIES,
}


@pytest.fixture
async def document(edge: Edge) -> dict[str, Any]:
    async with edge.client.get(f"{edge.url}/openapi.json") as answer:
        assert answer.content_type == "application/json"
        body: dict[str, Any] = await answer.json()
        return body


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): op for path, item in document["paths"].items() for method, op in item.items()}


def resolved(document: dict[str, Any], value: Any) -> Any:
    """Return `value` with every reference replaced by what it refers to."""
    if isinstance(value, list):
        return [resolved(document, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(document, found)
    return {key: resolved(document, item) for key, item in value.items()}


def test_it_has_every_route_and_no_other(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == VERSION
    found = operations(document)
    assert set(found) == set(ROUTES)
    for route, status in ROUTES.items():
        assert [code for code in found[route]["responses"] if code < "300"] == [status]
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)


def test_it_says_who_needs_an_identity(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["basicAuth"]["scheme"] == "basic"
    assert (schemes["apiKeyAuth"]["in"], schemes["apiKeyAuth"]["name"]) == ("header", "X-API-KEY")
    for (_, path), operation in operations(document).items():
        if path in PUBLIC:
            assert not operation.get("security")
            assert "401" not in operation["responses"]
        else:
            assert operation["security"] == [{"basicAuth": []}, {"apiKeyAuth": []}]
            assert {"401", "429", "503"} <= operation["responses"].keys()


def test_it_has_the_errors_that_a_route_can_end_in(document: dict[str, Any]) -> None:
    found = operations(document)
    for (method, path), operation in found.items():
        codes = operation["responses"].keys()
        changes = method in ("post", "put") and path not in QUESTIONS
        assert ("504" in codes) == changes, path
        assert ("409" in codes) == (changes and path not in REPEATABLE), path
        assert ("413" in codes) == ("403" in codes) == (method in ("post", "put")), path
        assert ("422" in codes) == bool(operation.get("parameters") or operation.get("requestBody")), path
        assert ("502" in codes) == (path in OF_AN_EXCHANGE), path
        assert "500" not in codes, path
        assert "400" not in codes or path in OF_AN_EXCHANGE or path.startswith(("/accounts/", "/rate-oracle/")), path
    assert "404" in found["get", "/accounts/{account_name}/credentials"]["responses"]
    assert "400" in found["post", "/accounts/add-account"]["responses"]
    assert "400" not in found["get", "/connectors/{connector_name}/config-map"]["responses"]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for (method, path), operation in operations(document).items():
        holders = [*operation["responses"].values(), operation.get("requestBody", {})]
        for holder in resolved(document, holders):
            for media_type, content in holder.get("content", {}).items():
                assert content["examples"], (method, path)
                for shown in content["examples"].values():
                    if media_type == "application/json":
                        jsonschema_rs.validate(content["schema"], shown["value"])
                        checked += 1
    assert checked > 60


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], parameter["name"]
            assert parameter["schema"]["type"] in ("string", "array", "boolean", "number")


_ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 1,
    "price": 1,
    "client_order_id": "mine",
}
_BOOK = {"connector_name": "paper", "trading_pair": "BTC-USDT"}

_SEVERAL = {"connector_name": "paper", "trading_pairs": ["BTC-USDT", "ETH-USDT"]}
_PERPETUAL = {"connector_name": "paper_perpetual", "trading_pairs": ["BTC-USDT", "ETH-USDT"]}


@pytest.mark.usefixtures("portfolio", "marketdata")
async def test_answers_of_posts_fit_their_schemas(edge: Edge, document: dict[str, Any]) -> None:
    restart = "/market-data/order-book/restart/{connector_name}"
    cancel = "/trading/{account_name}/{connector_name}/orders/{client_order_id}/cancel"
    for path, named, body, status in (
        ("/trading/orders", "/trading/orders", _ORDER, 201),
        ("/trading/orders", "/trading/orders", {**_ORDER, "amount": 2}, 409),
        ("/trading/orders", "/trading/orders", {**_ORDER, "account_name": "nobody"}, 404),
        ("/trading/orders", "/trading/orders", {}, 422),
        ("/trading/orders/active", "/trading/orders/active", {}, 200),
        ("/trading/orders/search", "/trading/orders/search", {}, 200),
        ("/trading/trades", "/trading/trades", {}, 200),
        ("/trading/master_account/paper/orders/mine/cancel", cancel, None, 200),
        ("/trading/master_account/paper/orders/other/cancel", cancel, None, 404),
        ("/portfolio/state", "/portfolio/state", {}, 200),
        ("/portfolio/distribution", "/portfolio/distribution", {}, 200),
        ("/portfolio/accounts-distribution", "/portfolio/accounts-distribution", {}, 200),
        ("/market-data/prices", "/market-data/prices", {**_BOOK, "trading_pairs": ["BTC-USDT"]}, 200),
        ("/market-data/order-book", "/market-data/order-book", _BOOK, 200),
        ("/market-data/order-book", "/market-data/order-book", {**_BOOK, "connector_name": "dexalot"}, 400),
        ("/market-data/candles", "/market-data/candles", _BOOK, 200),
        ("/market-data/candles", "/market-data/candles", _SEVERAL, 200),
        ("/market-data/candles", "/market-data/candles", {**_BOOK, "interval": "7m"}, 400),
        ("/market-data/historical-candles", "/market-data/historical-candles", _BOOK, 200),
        ("/market-data/historical-candles", "/market-data/historical-candles", _SEVERAL, 200),
        ("/market-data/funding-info", "/market-data/funding-info", _PERPETUAL, 200),
        ("/market-data/funding-info", "/market-data/funding-info", _BOOK, 400),
        ("/market-data/rates", "/market-data/rates", {"trading_pairs": ["BTC-USDT", "X-Y"]}, 200),
        ("/rate-oracle/rates", "/rate-oracle/rates", {"trading_pairs": ["BTC-USDT", "X-Y"]}, 200),
        ("/market-data/trading-pair/add", "/market-data/trading-pair/add", _BOOK, 200),
        ("/market-data/order-book/restart/paper", restart, None, 200),
        ("/market-data/order-book/restart/nowhere", restart, None, 200),
        *[
            (path, path, {**_BOOK, "is_buy": True, path.rpartition("-for-")[2].replace("-", "_"): 1}, 200)
            for path in BOOK_QUERIES
        ],
    ):
        given, answer = await edge.ask("POST", path, json=body)
        assert given == status, (path, answer)
        declared = resolved(document, document["paths"][named]["post"]["responses"][str(status)])
        jsonschema_rs.validate(declared["content"]["application/json"]["schema"], answer)


async def test_each_price_under_its_pair_has_a_schema(document: dict[str, Any]) -> None:
    declared = resolved(document, document["paths"]["/market-data/prices"]["post"]["responses"]["200"])
    schema = declared["content"]["application/json"]["schema"]
    answer = {"connector": "paper", "prices": {"BTC-USDT": 1.5}, "timestamp": 1.5}
    jsonschema_rs.validate(schema, answer | {"BTC-USDT": {"price": 1.5, "timestamp": 1.5}})
    for wrong in ({"BTC-USDT": 1.5}, {"BTC-USDT": {"price": "1.5", "timestamp": 1.5}}, {"prices": None}):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, answer | wrong)


@pytest.mark.usefixtures("portfolio", "marketdata")
async def test_answers_fit_their_schemas(edge: Edge, document: dict[str, Any]) -> None:
    for path, named in (
        ("/connectors/paper/trading-rules", "/connectors/{connector_name}/trading-rules"),
        ("/connectors/paper/trading-rules?trading_pairs=BTC-USDT,X-Y", "/connectors/{connector_name}/trading-rules"),
        ("/connectors/paper/order-types", "/connectors/{connector_name}/order-types"),
        ("/connectors/dexalot/order-types", "/connectors/{connector_name}/order-types"),
        ("/portfolio/accounts-distribution", "/portfolio/accounts-distribution"),
        ("/market-data/settings", "/market-data/settings"),
        ("/market-data/active-feeds", "/market-data/active-feeds"),
        ("/market-data/available-candle-connectors", "/market-data/available-candle-connectors"),
        ("/market-data/tickers", "/market-data/tickers"),
        ("/market-data/tickers/paper", "/market-data/tickers/{connector_name}"),
        ("/market-data/rate/BTC-USDT", "/market-data/rate/{trading_pair}"),
        ("/market-data/rate/X-Y", "/market-data/rate/{trading_pair}"),
        ("/market-data/order-book/diagnostics/paper", "/market-data/order-book/diagnostics/{connector_name}"),
        ("/market-data/order-book/diagnostics/nowhere", "/market-data/order-book/diagnostics/{connector_name}"),
        ("/rate-oracle/sources", "/rate-oracle/sources"),
        ("/rate-oracle/config", "/rate-oracle/config"),
        ("/rate-oracle/rate/X-Y", "/rate-oracle/rate/{trading_pair}"),
        ("/rate-oracle/rate-async/BTC-USDT", "/rate-oracle/rate-async/{trading_pair}"),
        ("/rate-oracle/prices", "/rate-oracle/prices"),
        ("/", "/"),
        ("/health", "/health"),
        ("/ready", "/ready"),
        ("/accounts/", "/accounts/"),
        ("/accounts/nobody/credentials", "/accounts/{account_name}/credentials"),
        ("/accounts/a.b/credentials", "/accounts/{account_name}/credentials"),
        ("/connectors/", "/connectors/"),
        ("/connectors/binance/config-map", "/connectors/{connector_name}/config-map"),
    ):
        status, body = await edge.ask("GET", path)
        declared = resolved(document, document["paths"][named]["get"]["responses"][str(status)])
        jsonschema_rs.validate(declared["content"]["application/json"]["schema"], body)
