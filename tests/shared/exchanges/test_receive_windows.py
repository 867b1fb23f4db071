"""The time and window of an order in what is sent, for each exchange that keeps to them."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.connectors.catalogue import CONNECTORS
from shared.exchanges.clients import Blueprint
from shared.exchanges.clock import Clock
from shared.exchanges.rate_limits import Budget
from shared.exchanges.receive_windows import has_receive_window
from shared.exchanges.request_weights import venue_of
from shared.exchanges.traffic import Traffic
from shared.exchanges.wire import Signing, signed_as_of

SIGNING = Signing(1_700_000_000_000, 2345)


def _trader(name: str) -> Any:
    connector = CONNECTORS[name]
    venue = venue_of(str(connector.ccxt_id), str(connector.ccxt_type))
    traffic = Traffic(name, Budget(()), Budget(()))
    clock = Clock() if has_receive_window(str(connector.ccxt_id)) else None
    if clock is not None:
        clock.offset_ms = 17
    keys = {"apiKey": "key", "secret": "c2VjcmV0", "password": "word", "uid": "1"}
    return Blueprint(connector, None, venue).trader(traffic, clock, keys)


def _query(request: dict[str, Any]) -> dict[str, str]:
    text = request["body"] or urlsplit(request["url"]).query
    return {name: values[0] for name, values in parse_qs(text).items()}


@pytest.mark.parametrize(
    ("name", "path", "api"),
    [
        ("binance", "order", "private"),
        ("binance_perpetual", "order", "fapiPrivate"),
        ("mexc", "order", ["spot", "private"]),
    ],
)
async def test_the_query_has_them(name: str, path: str, api: Any) -> None:
    client = _trader(name)
    with signed_as_of(SIGNING):
        sent = _query(client.sign(path, api, "POST", {"symbol": "BTCUSDT"}))
    usual = _query(client.sign(path, api, "POST", {"symbol": "BTCUSDT"}))

    assert (sent["timestamp"], sent["recvWindow"]) == ("1700000000017", "2345")
    assert int(usual["timestamp"]) > 1_700_000_000_017
    assert usual["recvWindow"] != "2345"
    await client.close()


async def test_the_headers_have_them() -> None:
    client = _trader("bybit")
    with signed_as_of(SIGNING):
        sent = client.sign("v5/order/create", "private", "POST", {"symbol": "BTCUSDT"})["headers"]
    usual = client.sign("v5/order/create", "private", "POST", {"symbol": "BTCUSDT"})["headers"]

    assert (sent["X-BAPI-TIMESTAMP"], sent["X-BAPI-RECV-WINDOW"]) == ("1700000000017", "2345")
    assert int(usual["X-BAPI-TIMESTAMP"]) > 1_700_000_000_017
    assert usual["X-BAPI-RECV-WINDOW"] == "5000"
    await client.close()


@pytest.mark.parametrize("name", ["okx", "kraken", "kucoin", "gate_io", "bitget", "htx"])
async def test_others_are_signed_as_ccxt_does(name: str) -> None:
    client = _trader(name)
    with signed_as_of(SIGNING):
        assert abs(int(client.nonce()) - 1_700_000_000_017) > 1_000_000
    assert not has_receive_window(client.id)
    await client.close()


@pytest.mark.parametrize("name", ["hyperliquid", "grvt_perpetual", "lighter", "pacifica_perpetual"])
async def test_no_fees_for_authors_are_agreed_to(name: str) -> None:
    connector = CONNECTORS[name]
    traffic = Traffic(name, Budget(()), Budget(()))
    venue = venue_of(str(connector.ccxt_id), str(connector.ccxt_type))
    client = Blueprint(connector, None, venue).trader(traffic, None, {"privateKey": "0x" + "1" * 64})

    assert client.options["builderFee"] is False
    assert not client.options.get("approvedBuilderFee")
    assert await client.handle_builder_fee_approval() is False
    await client.close()


def test_numbers_of_accounts_are_decimals() -> None:
    assert _trader("binance").parse_number("0.10") == Decimal("0.10")
    assert isinstance(_trader("kraken").parse_number("0.10"), Decimal)
