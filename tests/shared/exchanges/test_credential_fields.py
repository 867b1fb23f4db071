"""The table of credential fields against ccxt and the catalogue."""

import ccxt.async_support
import ccxt.pro
import pytest

from shared.connectors.catalogue import CONNECTORS, Connector, ConnectorKind
from shared.exchanges.credential_fields import FIELDS, ccxt_keys, field_named
from shared.exchanges.errors import KeysRefused
from shared.exchanges.registry import Exchanges

TRADED = [
    connector
    for connector in CONNECTORS.values()
    if connector.ccxt_id and connector.kind in (ConnectorKind.SPOT, ConnectorKind.PERPETUAL)
]
REAL = [connector for connector in TRADED if not connector.simulated]


def _credential(connector: Connector) -> dict[str, object]:
    if connector.simulated:
        return {"paper_api_key": "the-key", "paper_api_secret": "the-secret"}
    return {field.name: f"value-of-{field.name}" for field in connector.fields}


def _ids(connectors: list[Connector]) -> list[str]:
    return [connector.name for connector in connectors]


@pytest.mark.parametrize("connector", TRADED, ids=_ids(TRADED))
def test_everything_that_ccxt_requires_has_a_value(connector: Connector) -> None:
    """ccxt's own check is asked, on its own class, with our configuration."""
    kind = getattr(
        ccxt.pro if hasattr(ccxt.pro, str(connector.ccxt_id)) else ccxt.async_support, str(connector.ccxt_id)
    )
    client = kind(ccxt_keys(connector, _credential(connector)))

    assert client.check_required_credentials(False), client.requiredCredentials


@pytest.mark.parametrize("connector", REAL, ids=_ids(REAL))
def test_every_field_of_a_connector_is_used_or_known_to_have_no_use(connector: Connector) -> None:
    table = FIELDS[str(connector.ccxt_id)]
    named = {field_named(connector, end) for end in (*table.fields.values(), *table.unused)}

    assert {field.name for field in connector.fields} <= named


@pytest.mark.parametrize("connector", REAL, ids=_ids(REAL))
def test_a_field_that_is_needed_is_asked_for_by_its_name(connector: Connector) -> None:
    credential = _credential(connector)
    used = {field_named(connector, end) for end in FIELDS[str(connector.ccxt_id)].fields.values()}
    needed = [field.name for field in connector.fields if field.required and field.name in used]
    assert needed
    for missing in needed:
        for nothing in ({}, {missing: ""}, {missing: None}):
            rest = {name: value for name, value in credential.items() if name != missing} | nothing
            with pytest.raises(KeysRefused, match=missing):
                ccxt_keys(connector, rest)


@pytest.mark.parametrize(
    ("name", "credential", "expected"),
    [
        (
            "bybit_perpetual",
            {"bybit_perpetual_api_key": "k", "bybit_perpetual_secret_key": "s"},
            {"apiKey": "k", "secret": "s"},
        ),
        (
            "kucoin_hft",
            {"kucoin_hft_api_key": "k", "kucoin_hft_secret_key": "s", "kucoin_hft_passphrase": "p"},
            {"apiKey": "k", "secret": "s", "password": "p"},
        ),
        (
            "bing_x",
            {"bingx_api_key": "k", "bingx_api_secret": "s"},
            {"apiKey": "k", "secret": "s"},
        ),
        (
            "hyperliquid",
            {"hyperliquid_address": "0xa", "hyperliquid_secret_key": "0xs", "use_vault": False},
            {"walletAddress": "0xa", "privateKey": "0xs"},
        ),
        (
            "gate_io_perpetual",
            {
                "gate_io_perpetual_api_key": "k",
                "gate_io_perpetual_secret_key": "s",
                "gate_io_perpetual_user_id": 7,
            },
            {"apiKey": "k", "secret": "s", "uid": "7"},
        ),
        (
            "paper",
            {"paper_api_key": "k", "paper_api_secret": "s", "starting_balances": "USDT=1"},
            {"apiKey": "k", "secret": "s"},
        ),
    ],
)
def test_fields_go_where_ccxt_looks_for_them(
    name: str, credential: dict[str, object], expected: dict[str, object]
) -> None:
    keys = ccxt_keys(CONNECTORS[name], credential)

    assert {field: value for field, value in keys.items() if field != "options"} == expected


def test_a_vault_is_traded_for_when_it_is_one() -> None:
    credential = {"hyperliquid_address": "0xv", "hyperliquid_secret_key": "0xs", "use_vault": True}

    assert ccxt_keys(CONNECTORS["hyperliquid"], credential)["options"] == {"vaultAddress": "0xv"}


@pytest.mark.parametrize(
    ("site", "host"), [(None, "www.okx.com"), ("www", "www.okx.com"), ("app", "us.okx.com"), ("my", "eea.okx.com")]
)
def test_keys_of_okx_are_used_where_they_were_registered(site: str | None, host: str) -> None:
    credential = {"okx_api_key": "k", "okx_secret_key": "s", "okx_passphrase": "p"}
    if site:
        credential["okx_registration_sub_domain"] = site

    assert ccxt_keys(CONNECTORS["okx"], credential)["hostname"] == host


@pytest.mark.parametrize("connector", TRADED, ids=_ids(TRADED))
async def test_every_connector_has_a_market_and_accounts(connector: Connector) -> None:
    """Nothing is asked of any exchange: objects of ccxt's are made, their sandboxes entered, and closed."""
    exchanges = Exchanges({"paper": "http://127.0.0.1:1", "paper_perpetual": "http://127.0.0.1:1"})
    account = exchanges.account(connector.name, _credential(connector))

    assert account.connector == account.market.connector == connector.name
    assert set(account.market.order_types()) == set(connector.order_types)
    assert "value-of" not in repr(account)
    await account.close()
    await exchanges.close()
