"""Answers have Binance's fields and kinds of values: compared with fixtures written after its public documentation."""

import json
from typing import Any

import pytest

from tests.services.simulator.rest.paths import BY_NAME, FIXTURES
from tests.services.simulator.rest.venue_server import Client
from tests.services.simulator.shapes import difference

SHAPES: dict[str, Any] = {
    name: shape
    for file in ("spot.json", "usdm.json")
    for name, shape in json.loads((FIXTURES / file).read_text()).items()
}
_MARKET_ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
#: What is asked with, but for the symbol.
_PARAMETERS: dict[str, dict[str, str]] = {
    "GET /api/v3/klines": {"interval": "1h"},
    "GET /api/v3/uiKlines": {"interval": "1h"},
    "GET /fapi/v1/klines": {"interval": "1h"},
    "GET /fapi/v1/exchangeInfo": {},
    "POST /api/v3/order": _MARKET_ORDER,
    "POST /fapi/v1/order": _MARKET_ORDER,
    "POST /fapi/v1/algoOrder": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01",
        "algoType": "CONDITIONAL",
        "type": "STOP_MARKET",
        "triggerPrice": "30000",
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_answer_has_the_shape_that_is_documented(trader: Client, name: str) -> None:
    asked, _, query = name.partition("?")
    documented = BY_NAME[asked]
    method, path = documented.method, documented.path
    parameters = dict(_PARAMETERS.get(asked, {}))
    if "symbol" in documented.parameters:
        parameters["symbol"] = "BTCUSDT"
    if query:
        parameters |= dict([query.split("=")])
    if method == "GET" and documented.security == "signed":
        for venue in ("/api/v3/order", "/fapi/v1/order"):  # something to tell of
            trader.ok("POST", venue, **_MARKET_ORDER)

    answer = (
        trader.public(path, method, **parameters)
        if documented.security == "public"
        else trader.signed(method, path, **parameters)
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert difference(SHAPES[name], answer.json()) is None


@pytest.mark.parametrize("venue", ["api/v3", "fapi/v1"])
def test_every_symbol_has_the_filters_that_clients_need(anonymous: Client, venue: str) -> None:
    symbols = anonymous.public(f"/{venue}/exchangeInfo").json()["symbols"]

    for symbol in symbols:
        filters = {one["filterType"]: one for one in symbol["filters"]}
        assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS"} <= set(filters)
        assert float(filters["PRICE_FILTER"]["tickSize"]) > 0
        assert float(filters["LOT_SIZE"]["stepSize"]) > 0
        assert ("NOTIONAL" if venue == "api/v3" else "MIN_NOTIONAL") in filters
