"""Config maps, as clients read them."""

import msgspec
import pytest

from services.credentials.app import CredentialsService
from services.credentials.config_map import config_map, display_name
from services.credentials.connectors import connector_config_map, list_connectors
from shared.connectors.catalogue import CONNECTORS, Connector
from shared.contracts import credentials as contract
from shared.contracts.credentials import ConfigField, ConnectorRef, Nothing
from shared.errors import ErrorCode
from tests.services.credentials.conftest import Asker


def test_a_field_has_the_keys_of_both_sources() -> None:
    assert msgspec.json.decode(connector_config_map("binance").body) == {
        "binance_api_key": {
            "type": "SecretStr",
            "required": True,
            "prompt": "Enter your Binance API key",
            "is_secure": True,
            "is_connect_key": True,
        },
        "binance_api_secret": {
            "type": "SecretStr",
            "required": True,
            "prompt": "Enter your Binance API secret",
            "is_secure": True,
            "is_connect_key": True,
        },
    }


def test_an_enumeration_has_its_values() -> None:
    field = config_map(CONNECTORS["hyperliquid"])["hyperliquid_mode"]
    assert field.allowed_values == ("arb_wallet", "api_wallet")
    assert not field.required
    assert "arb_wallet or api_wallet" in field.prompt


def test_fields_of_other_types_say_so() -> None:
    types = {name: field.type for name, field in config_map(CONNECTORS["xrpl"]).items()}
    assert types == {
        "xrpl_secret_key": "SecretStr",
        "wss_node_urls": "List[str]",
        "custom_markets": "Dict[str, Dict[str, str]]",
        "max_request_per_minute": "int",
    }


def test_paper_asks_for_starting_balances_only() -> None:
    for name in ("paper", "paper_perpetual"):
        (field,) = config_map(CONNECTORS[name]).items()
        assert field[0] == "starting_balances"
        assert (field[1].type, field[1].required, field[1].is_secure) == ("str", False, False)


@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)
def test_every_connector_has_a_map_of_all_its_fields(connector: Connector) -> None:
    fields = msgspec.json.decode(connector_config_map(connector.name).body, type=dict[str, ConfigField])
    assert list(fields) == [field.name for field in connector.fields]
    assert all(field.prompt and display_name(connector.name) in field.prompt for field in fields.values())


def test_the_list_has_what_trades_and_fits_into_a_path() -> None:
    names = msgspec.json.decode(list_connectors().body, type=list[str])
    assert len(names) == 65
    assert names == sorted(names)
    assert {"binance", "binance_perpetual", "aevo_perpetual", "paper", "paper_perpetual"} <= set(names)
    assert not [name for name in names if "/" in name or name.endswith("_paper_trade") or "-" in name]


async def test_connectors_are_asked_for_over_the_bus(ask: Asker, service: CredentialsService) -> None:
    assert service.health().ready
    names = await ask(contract.LIST_CONNECTORS, Nothing())
    assert "kraken" in names
    fields = await ask(contract.CONFIG_MAP, ConnectorRef("kraken"))
    assert fields["kraken_api_tier"].required is False
    assert await ask(contract.CONFIG_MAP, ConnectorRef("ethereum-mainnet")) == {}
    error = await ask.refused(contract.CONFIG_MAP, ConnectorRef("nowhere"))
    assert error.code is ErrorCode.NOT_FOUND
    assert "nowhere" in error.detail
    assert (await ask.refused(contract.CONFIG_MAP, ConnectorRef("a/b"))).code is ErrorCode.INVALID
