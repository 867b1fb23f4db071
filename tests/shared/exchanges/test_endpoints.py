"""Where connectors are reached: settings in, every address of ccxt's turned."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt.async_support
import ccxt.pro
import pytest
from pydantic import ValidationError

from shared.connectors.catalogue import CONNECTORS
from shared.exchanges.ccxt_urls import turned
from shared.exchanges.endpoints import Endpoint, endpoint_of, endpoints_of
from shared.exchanges.registry import Exchanges
from shared.exchanges.settings import ExchangeSettings
from shared.settings import Settings, faults_of

IDS = sorted({str(connector.ccxt_id) for connector in CONNECTORS.values() if connector.ccxt_id})


class _Settings(Settings, ExchangeSettings):
    pass


def test_simulated_connectors_are_reached_at_the_simulator() -> None:
    usual = _Settings.model_validate({}).endpoints()
    assert usual == dict.fromkeys(
        ("paper", "paper_perpetual"), Endpoint("http://127.0.0.1:8010", "ws://127.0.0.1:8010")
    )

    set_elsewhere = _Settings.model_validate({"SIMULATOR_URL": "https://exchange.example/"}).endpoints()
    assert set_elsewhere["paper"] == Endpoint("https://exchange.example", "wss://exchange.example")


def test_endpoints_come_as_text_or_from_a_file(tmp_path: Path) -> None:
    value = {"binance": "http://proxy:81", "okx": {"rest": "https://a.example", "websocket": "wss://b.example:8443"}}
    expected = {
        "binance": Endpoint("http://proxy:81", "ws://proxy:81"),
        "okx": Endpoint("https://a.example", "wss://b.example:8443"),
    }
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps(value))

    assert endpoints_of(json.dumps(value)) == expected
    assert endpoints_of(str(file)) == expected
    assert endpoints_of("") == endpoints_of("  ") == endpoints_of("{}") == {}
    both = _Settings.model_validate({"CONNECTOR_ENDPOINTS": str(file)}).endpoints()
    assert set(both) == {"paper", "paper_perpetual", "binance", "okx"}


@pytest.mark.parametrize(
    "value",
    [
        "ftp://host",
        "host:80",
        "http://",
        "http://user:hush@host",
        "http://host:port",
        "http://host:99999",
        "http://host?key=hush",
        "ws://host",
        {"websocket": "ws://host"},
        {"rest": "http://host", "websocket": "http://host"},
        {"rest": "http://host", "more": 1},
        {"rest": 5},
        7,
        None,
        ["http://host"],
    ],
)
def test_wrong_addresses_are_refused_without_being_repeated(value: object) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        endpoint_of(value)
    assert "hush" not in str(refused.value)
    with pytest.raises(ValidationError) as invalid:
        _Settings.model_validate({"CONNECTOR_ENDPOINTS": json.dumps({"binance": value})})
    told = faults_of(invalid.value)
    assert told.startswith("CONNECTOR_ENDPOINTS: ")
    assert "binance" in told
    assert "hush" not in told
    assert "hush" not in str(invalid.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"nowhere": "http://host"}', '{"xrpl": "http://host"}', "/no/such/file"])
def test_wrong_settings_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="CONNECTOR_ENDPOINTS"):
        _Settings.model_validate({"CONNECTOR_ENDPOINTS": text})
    with pytest.raises(ValidationError, match="SIMULATOR_URL"):
        _Settings.model_validate({"SIMULATOR_URL": "nonsense"})


def test_a_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.json"
    file.write_bytes(b"\xff\xfe{}")
    for path in (file, tmp_path):
        with pytest.raises(ValidationError, match="CONNECTOR_ENDPOINTS") as refused:
            _Settings.model_validate({"CONNECTOR_ENDPOINTS": str(path)})
        assert "expected" in faults_of(refused.value)


def _addresses(urls: Any) -> Iterator[str]:
    for value in urls.values():
        if isinstance(value, dict):
            yield from _addresses(value)
        elif isinstance(value, str):
            yield value


@pytest.mark.parametrize("ccxt_id", IDS)
def test_no_address_of_an_exchange_is_left_when_it_is_reached_elsewhere(ccxt_id: str) -> None:
    client = getattr(ccxt.pro if hasattr(ccxt.pro, ccxt_id) else ccxt.async_support, ccxt_id)()
    before = list(_addresses(client.urls["api"]))

    after = list(_addresses(turned(client.urls["api"], ccxt_id, Endpoint("http://there:1", "ws://here:2"))))

    assert len(before) == len(after) > 0
    assert all(one.startswith(("http://there:1", "ws://here:2")) for one in after)
    assert [one.startswith("ws") for one in before] == [one.startswith("ws") for one in after]


def test_sockets_of_binance_keep_the_mark_that_ccxt_knows_them_by() -> None:
    urls = ccxt.pro.binance().urls["api"]

    assert turned(urls, "binance", endpoint_of("http://h:1"))["ws"]["spot"] == "ws://h:1/stream/ws"
    assert turned(urls, "binance", endpoint_of("http://h:1"))["ws"]["future"] == "ws://h:1/fstream/ws"
    assert turned(urls, "binance", endpoint_of("http://h:1"))["ws"]["ws-api"]["spot"] == "ws://h:1/ws-api/v3"
    testnet = endpoint_of({"rest": "https://testnet.example", "websocket": "wss://stream.testnet.example"})
    assert turned(urls, "binance", testnet)["ws"]["spot"] == "wss://stream.testnet.example/ws"
    assert urls["ws"]["spot"] == "wss://stream.binance.com:9443/ws", "expected ccxt's own table as it was"


async def test_connectors_at_other_addresses_do_not_share_what_may_be_asked() -> None:
    exchanges = Exchanges({"paper": "http://a:1", "binance": "http://b:1"})
    ours, theirs = (exchanges._market(name).address for name in ("paper", "binance"))
    assert ours is not theirs
    assert Exchanges({"paper": "http://a:1", "binance": "http://a:1"})._market("binance").address
    shared = Exchanges({"paper": "http://a:1", "binance": "http://a:1"})
    assert shared._market("paper").address is shared._market("binance").address
    for one in (exchanges, shared):
        await one.close()
