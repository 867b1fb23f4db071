"""Which field of a connector's credential is what to ccxt.

Names of ours are written without the connector's prefix where the field has one. ccxt's: `apiKey`, `secret`,
`password`, `uid`, `login`, `walletAddress`, `privateKey`; `options.…` for what it takes as an option of the exchange.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.connectors.catalogue import Connector
from shared.exchanges.errors import KeysRefused


class FieldMap(msgspec.Struct, frozen=True):
    """The fields of one exchange: ccxt's name to the end of ours.

    `unused`: ends of names that ccxt has no use for. `not_needed`: what ccxt asks for and does not use with keys.
    """

    fields: dict[str, str]
    unused: tuple[str, ...] = ()
    not_needed: tuple[str, ...] = ()


_KEY_AND_API_SECRET = FieldMap({"apiKey": "api_key", "secret": "api_secret"})
_KEY_AND_SECRET_KEY = FieldMap({"apiKey": "api_key", "secret": "secret_key"})
_WITH_PASSPHRASE = FieldMap({"apiKey": "api_key", "secret": "secret_key", "password": "passphrase"})
#: By ccxt's id. Sources: `requiredCredentials` and the reading of them in ccxt 4.5.64, and the catalogue's topics.
FIELDS: dict[str, FieldMap] = {
    "backpack": _KEY_AND_API_SECRET,
    "binance": _KEY_AND_API_SECRET,
    "bingx": _KEY_AND_API_SECRET,
    "bitget": _WITH_PASSPHRASE,
    "bitrue": _KEY_AND_API_SECRET,
    "bitstamp": _KEY_AND_API_SECRET,
    "btcmarkets": _KEY_AND_API_SECRET,
    "bybit": FieldMap({"apiKey": "api_key", "secret": "api_secret|secret_key"}),
    "coinbase": FieldMap({"apiKey": "api_key", "secret": "api_secret"}, unused=("use_auth_for_public_endpoints",)),
    "derive": FieldMap(
        {"walletAddress": "wallet_address", "privateKey": "session_private_key",
         "options.deriveWalletAddress": "wallet_address", "options.subaccount_id": "subacct_id"},
        unused=("account_type",),
    ),
    "dydx": FieldMap({"walletAddress": "chain_address", "options.mnemonic": "secret_phrase"}),
    "foxbit": FieldMap({"apiKey": "api_key", "secret": "api_secret"}, unused=("user_id",)),
    "gate": FieldMap({"apiKey": "api_key", "secret": "secret_key", "uid": "user_id"}),
    "gemini": _KEY_AND_API_SECRET,
    "grvt": FieldMap(
        {"apiKey": "api_key", "privateKey": "private_key", "options.accountId": "trading_account_id"}
    ),
    "htx": _KEY_AND_SECRET_KEY,
    "hyperliquid": FieldMap(
        {"walletAddress": "address", "privateKey": "secret_key"}, unused=("mode", "use_vault")
    ),
    "kraken": FieldMap({"apiKey": "api_key", "secret": "secret_key"}, unused=("api_tier",)),
    "kucoin": _WITH_PASSPHRASE,
    "kucoinfutures": _WITH_PASSPHRASE,
    # ccxt's private key would be that of the wallet, which the connector does not ask for: it has the key of the API.
    "lighter": FieldMap(
        {"walletAddress": "l1_address", "options.lighterPrivateKey": "api_private_key",
         "options.apiKeyIndex": "api_key_index", "options.accountIndex": "account_index"},
        unused=("account_limit",),
        not_needed=("privateKey",),
    ),
    "mexc": _KEY_AND_API_SECRET,
    # ccxt signs with uid, key and secret (`ndax.sign`); login and password are for its sign_in, which is not used.
    "ndax": FieldMap(
        {"apiKey": "api_key", "secret": "secret_key", "uid": "uid"},
        unused=("account_name",),
        not_needed=("login", "password"),
    ),
    "okx": FieldMap(
        {"apiKey": "api_key", "secret": "secret_key", "password": "passphrase"},
        unused=("registration_sub_domain",),
    ),
    "pacifica": FieldMap(
        {"walletAddress": "user_wallet_public_key", "privateKey": "agent_wallet_private_key",
         "options.agentAddress": "agent_wallet_public_key", "options.apiKey": "api_config_key"},
    ),
}  # fmt: skip

#: The fields of a credential of the simulator's connectors, made by `credentials` when one is added.
_SIMULATED = {"apiKey": "paper_api_key", "secret": "paper_api_secret"}

#: OKX serves keys where they were registered; hosts as in ccxt's `okx`, `okxus` and `myokx`.
_OKX_HOSTS = {"www": "www.okx.com", "app": "us.okx.com", "my": "eea.okx.com"}


def field_named(connector: Connector, end: str) -> str | None:
    """Return a connector's field by the end of its name (one of several, parted by `|`), None if it has none such."""
    names = [field.name for field in connector.fields]
    for one in end.split("|"):
        for name in names:
            if name == one or name.endswith(f"_{one}"):
                return name
    return None


def ccxt_keys(connector: Connector, credential: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a ccxt object that has a credential's keys.

    Raises:
        KeysRefused: if a field that is needed has no value.
    """
    if connector.simulated:
        return {name: _value(credential, field, needed=True) for name, field in _SIMULATED.items()}
    fields = FIELDS[connector.ccxt_id or ""]
    config: dict[str, Any] = {"options": {}}
    needed = {field.name for field in connector.fields if field.required}
    for name, end in fields.fields.items():
        ours = field_named(connector, end)
        if ours is None:
            continue
        value = _value(credential, ours, needed=ours in needed)
        if value is None:
            continue
        if name.startswith("options."):
            config["options"][name.removeprefix("options.")] = value
        else:
            config[name] = value if isinstance(value, str) else str(value)
    _add_particulars(connector, credential, config)
    if fields.not_needed:
        config["requiredCredentials"] = dict.fromkeys(fields.not_needed, False)
    return config


def _add_particulars(connector: Connector, credential: Mapping[str, Any], config: dict[str, Any]) -> None:
    """Add what is no key, but says where a key belongs."""
    if connector.ccxt_id == "okx":
        site = str(credential.get("okx_registration_sub_domain") or "www")
        config["hostname"] = _OKX_HOSTS.get(site, _OKX_HOSTS["www"])
    if connector.ccxt_id == "hyperliquid" and credential.get("use_vault"):
        config["options"]["vaultAddress"] = config["walletAddress"]


def _value(credential: Mapping[str, Any], name: str, *, needed: bool) -> Any:
    value = credential.get(name)
    if value is None or value == "":
        if needed:
            raise KeysRefused(f"the credential has no {name}")
        return None
    return value
