"""Checks of the values of a credential: what is taken, in which form, and what is refused, where and how."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credentials.config_fields import MAX_TEXT, checked_values
from shared.connectors.catalogue import CONNECTORS, Connector, CredentialField, FieldKind
from shared.errors import CommandError, ErrorCode

BINANCE = {"binance_api_key": "key", "binance_api_secret": "secret"}
XRPL = {"xrpl_secret_key": "seed"}
LIGHTER = {
    "lighter_l1_address": "0x1",
    "lighter_api_key_index": 2,
    "lighter_api_private_key": "key",
    "lighter_account_limit": "standard",
}
MARKET = {"base": "SOLO", "quote": "XRP", "base_issuer": "rSo", "quote_issuer": ""}
DELEGATE = {
    "private_key": "key",
    "subaccount_index": 0,
    "granter_address": "inj1",
    "granter_subaccount_index": "3",
}
CHECKED_DELEGATE = {**DELEGATE, "mode": "delegate_account", "granter_subaccount_index": 3}


def checked(connector: str, values: dict[str, Any]) -> dict[str, Any]:
    return checked_values(CONNECTORS[connector], values)


def faults(connector: str, values: dict[str, Any]) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(CommandError) as caught:
        checked(connector, values)
    assert caught.value.code is ErrorCode.INVALID
    assert connector in caught.value.detail
    return {fault.loc: fault.type for fault in caught.value.fields}


@pytest.mark.parametrize(
    ("connector", "values", "expected"),
    [
        ("binance", BINANCE, BINANCE),
        ("binance", {**BINANCE, "binance_api_key": "  key\n"}, {**BINANCE, "binance_api_key": "  key\n"}),
        ("binance", {**BINANCE, "binance_api_key": 12345}, {**BINANCE, "binance_api_key": "12345"}),
        ("okx", {"okx_api_key": "a", "okx_secret_key": "b", "okx_passphrase": "c"}, None),
        (
            "okx",
            {"okx_api_key": "a", "okx_secret_key": "b", "okx_passphrase": "c", "okx_registration_sub_domain": " APP "},
            {"okx_api_key": "a", "okx_secret_key": "b", "okx_passphrase": "c", "okx_registration_sub_domain": "app"},
        ),
        ("lighter", LIGHTER, LIGHTER),
        ("lighter", {**LIGHTER, "lighter_api_key_index": "2"}, LIGHTER),
        ("lighter", {**LIGHTER, "lighter_api_key_index": 2.0}, LIGHTER),
        ("lighter", {**LIGHTER, "lighter_account_index": None}, LIGHTER),
        ("lighter", {**LIGHTER, "lighter_account_index": ""}, LIGHTER),
        ("lighter", {**LIGHTER, "lighter_account_index": " 7 "}, {**LIGHTER, "lighter_account_index": 7}),
        ("xrpl", {**XRPL, "wss_node_urls": []}, XRPL),
        ("xrpl", {**XRPL, "custom_markets": {}}, XRPL),
        ("xrpl", {**XRPL, "wss_node_urls": "wss://a/, wss://b/"}, {**XRPL, "wss_node_urls": ["wss://a/", "wss://b/"]}),
        ("xrpl", {**XRPL, "wss_node_urls": '["wss://a/"]'}, {**XRPL, "wss_node_urls": ["wss://a/"]}),
        ("xrpl", {**XRPL, "wss_node_urls": ["wss://a/"]}, {**XRPL, "wss_node_urls": ["wss://a/"]}),
        ("xrpl", {**XRPL, "custom_markets": {"SOLO-XRP": MARKET}}, {**XRPL, "custom_markets": {"SOLO-XRP": MARKET}}),
        (
            "xrpl",
            {**XRPL, "custom_markets": msgspec.json.encode({"A-B": {**MARKET, "trading_pair_symbol": "AB"}}).decode()},
            {**XRPL, "custom_markets": {"A-B": {**MARKET, "trading_pair_symbol": "AB"}}},
        ),
        ("injective_v2", {}, {}),
        ("injective_v2", {"network": "testnet_network"}, False),
        ("injective_v2", {"network": "mainnet_network"}, {"network": {"mode": "mainnet_network"}}),
        ("injective_v2", {"network": {}}, {}),
        (
            "injective_v2",
            {"network": {"testnet_node": "lb"}},
            {"network": {"mode": "testnet_network", "testnet_node": "lb"}},
        ),
        ("injective_v2", {"account_type": DELEGATE}, {"account_type": CHECKED_DELEGATE}),
        (
            "injective_v2",
            {"account_type": {"mode": "delegate_account", **DELEGATE}},
            {"account_type": CHECKED_DELEGATE},
        ),
        (
            "injective_v2",
            {"fee_calculator": {"name": "simulated_transaction_fee_calculator"}},
            {"fee_calculator": {"mode": "simulated_transaction_fee_calculator"}},
        ),
        ("paper", {}, {}),
        ("paper", {"starting_balances": ""}, {}),
        ("paper", {"starting_balances": "USDT=5"}, {"starting_balances": {"USDT": "5"}}),
        ("paper", {"starting_balances": {"USDT": 5, "BTC": "0.1"}}, {"starting_balances": {"USDT": "5", "BTC": "0.1"}}),
        ("paper", {"starting_balances": '{"USDT": 5}'}, {"starting_balances": {"USDT": "5"}}),
    ],
)
def test_values_come_out_in_one_form(connector: str, values: dict[str, Any], expected: Any) -> None:
    if expected is False:
        assert faults(connector, values)
    else:
        assert checked(connector, values) == (values if expected is None else expected)


@pytest.mark.parametrize("word", [True, "true", "True", " YES ", "1", 1])
def test_words_for_true(word: object) -> None:
    assert checked("architect_perpetual", _architect(word))["use_auth_for_public_endpoints"] is True


@pytest.mark.parametrize("word", [False, "false", "FALSE", "no", "0", 0])
def test_words_for_false(word: object) -> None:
    assert checked("architect_perpetual", _architect(word))["use_auth_for_public_endpoints"] is False


def _architect(flag: object) -> dict[str, Any]:
    return {"api_key": "k", "api_secret": "s", "use_auth_for_public_endpoints": flag}


@pytest.mark.parametrize(
    ("connector", "values", "expected"),
    [
        ("binance", {}, {("body", "binance_api_key"): "missing", ("body", "binance_api_secret"): "missing"}),
        ("binance", {**BINANCE, "binance_api_key": ""}, {("body", "binance_api_key"): "missing"}),
        ("binance", {**BINANCE, "binance_api_key": " \t"}, {("body", "binance_api_key"): "missing"}),
        ("binance", {**BINANCE, "binance_api_key": None}, {("body", "binance_api_key"): "missing"}),
        ("binance", {**BINANCE, "binance_api_key": True}, {("body", "binance_api_key"): "string_type"}),
        ("binance", {**BINANCE, "binance_api_key": 1.5}, {("body", "binance_api_key"): "string_type"}),
        ("binance", {**BINANCE, "binance_api_key": -1}, {("body", "binance_api_key"): "string_type"}),
        ("binance", {**BINANCE, "binance_api_key": ["k"]}, {("body", "binance_api_key"): "string_type"}),
        ("binance", {**BINANCE, "binance_api_key": "a\0b"}, {("body", "binance_api_key"): "string_type"}),
        (
            "binance",
            {**BINANCE, "binance_api_key": "x" * (MAX_TEXT + 1)},
            {("body", "binance_api_key"): "string_too_long"},
        ),
        ("binance", {**BINANCE, "passphrase": "x"}, {("body", "passphrase"): "extra_forbidden"}),
        ("binance", {**BINANCE, "x" * 100: "x"}, {("body", "x" * 64): "extra_forbidden"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": "two"}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": "-2"}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": -2}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": 2.5}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": 2**63}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": True}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("lighter", {**LIGHTER, "lighter_api_key_index": "٢"}, {("body", "lighter_api_key_index"): "int_parsing"}),
        ("architect_perpetual", _architect("maybe"), {("body", "use_auth_for_public_endpoints"): "bool_parsing"}),
        ("architect_perpetual", _architect(2), {("body", "use_auth_for_public_endpoints"): "bool_parsing"}),
        ("architect_perpetual", _architect(1.0), {("body", "use_auth_for_public_endpoints"): "bool_parsing"}),
        ("architect_perpetual", _architect([True]), {("body", "use_auth_for_public_endpoints"): "bool_parsing"}),
        ("xrpl", {**XRPL, "wss_node_urls": 1}, {("body", "wss_node_urls"): "list_type"}),
        ("xrpl", {**XRPL, "wss_node_urls": ["a", ""]}, {("body", "wss_node_urls", 1): "string_type"}),
        ("xrpl", {**XRPL, "wss_node_urls": ["a", 1]}, {("body", "wss_node_urls", 1): "string_type"}),
        ("xrpl", {**XRPL, "wss_node_urls": "a,,b"}, {("body", "wss_node_urls", 1): "string_type"}),
        ("xrpl", {**XRPL, "wss_node_urls": "[1"}, {("body", "wss_node_urls"): "json_invalid"}),
        ("xrpl", {**XRPL, "wss_node_urls": "[" * 9000}, {("body", "wss_node_urls"): "json_invalid"}),
        ("xrpl", {**XRPL, "wss_node_urls": ["a"] * 101}, {("body", "wss_node_urls"): "too_long"}),
        ("xrpl", {**XRPL, "custom_markets": ["x"]}, {("body", "custom_markets"): "dict_type"}),
        ("xrpl", {**XRPL, "custom_markets": "[1]"}, {("body", "custom_markets"): "dict_type"}),
        ("xrpl", {**XRPL, "custom_markets": {"A": 1}}, {("body", "custom_markets", "A"): "dict_type"}),
        ("xrpl", {**XRPL, "custom_markets": {"A": {}}}, {("body", "custom_markets", "A", "base"): "missing"}),
        (
            "xrpl",
            {**XRPL, "custom_markets": {"A": {**MARKET, "base_issuer": 1}}},
            {("body", "custom_markets", "A", "base_issuer"): "string_type"},
        ),
        (
            "xrpl",
            {**XRPL, "custom_markets": {"A": {**MARKET, "fee": "1"}}},
            {("body", "custom_markets", "A", "fee"): "extra_forbidden"},
        ),
        ("injective_v2", {"network": "moon"}, {("body", "network"): "literal_error"}),
        ("injective_v2", {"network": 1}, {("body", "network"): "dict_type"}),
        ("injective_v2", {"network": "testnet_network"}, {("body", "network", "testnet_node"): "missing"}),
        ("injective_v2", {"network": {"lcd_endpoint": "x"}}, {("body", "network"): "union_error"}),
        (
            "injective_v2",
            {"account_type": {"mode": "delegate_account", **DELEGATE, "more": 1}},
            {("body", "account_type", "more"): "extra_forbidden"},
        ),
        ("paper", {"starting_balances": {"USDT": -5}}, {("body", "starting_balances", "USDT"): "value_error"}),
        ("paper", {"starting_balances": 5}, {("body", "starting_balances"): "value_error"}),
        ("paper", {"api_key": "x"}, {("body", "api_key"): "extra_forbidden"}),
        (
            "okx",
            {"okx_api_key": "a", "okx_secret_key": "b", "okx_registration_sub_domain": "www2", "x": 1},
            {
                ("body", "okx_passphrase"): "missing",
                ("body", "okx_registration_sub_domain"): "literal_error",
                ("body", "x"): "extra_forbidden",
            },
        ),
    ],
)
def test_each_fault_is_named_with_its_place(
    connector: str, values: dict[str, Any], expected: dict[tuple[str | int, ...], str]
) -> None:
    assert faults(connector, values) == expected


GOOD: dict[FieldKind, Any] = {
    FieldKind.SECRET: "text",
    FieldKind.TEXT: "text",
    FieldKind.INTEGER: 1,
    FieldKind.BOOLEAN: True,
    FieldKind.TEXT_LIST: ["wss://a/"],
    FieldKind.MARKETS: {"A-B": MARKET},
    FieldKind.BALANCES: {"USDT": "1"},
}


def _good(field: CredentialField) -> Any:
    choices = (*field.choices, *(mode.name for mode in field.modes))
    return choices[0] if choices else GOOD[field.kind]


@pytest.mark.parametrize("connector", [c for c in CONNECTORS.values() if c.trades], ids=lambda c: c.name)
def test_every_connector_takes_all_its_fields_and_only_the_required_ones(connector: Connector) -> None:
    everything = {field.name: _good(field) for field in connector.fields}
    assert set(checked_values(connector, everything)) == set(everything)
    required = {field.name: _good(field) for field in connector.fields if field.required}
    assert set(checked_values(connector, required)) == set(required)
    for name in required:
        with pytest.raises(CommandError) as caught:
            checked_values(connector, {key: value for key, value in required.items() if key != name})
        assert [fault.loc for fault in caught.value.fields] == [("body", name)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SECRET = "sk-7f3a9c-very-secret"
hidden = json_values | st.just(SECRET) | st.lists(st.just(SECRET)) | st.dictionaries(st.just("base"), st.just(SECRET))


@given(st.sampled_from([c for c in CONNECTORS.values() if c.trades]), st.data())
def test_whatever_is_sent_is_taken_in_one_form_or_refused_without_its_values(
    connector: Connector, data: st.DataObject
) -> None:
    values = {field.name: data.draw(hidden) for field in connector.fields}
    try:
        once = checked_values(connector, values)
    except CommandError as error:
        refusal = error
    else:
        assert checked_values(connector, once) == once
        assert checked_values(connector, msgspec.json.decode(msgspec.json.encode(once))) == once
        return
    assert refusal.code is ErrorCode.INVALID
    assert SECRET not in msgspec.json.encode(refusal.body()).decode()
