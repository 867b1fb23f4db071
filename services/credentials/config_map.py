"""The config map of a connector: what the Hummingbot API says of each field of its credential."""

from shared.connectors.catalogue import Connector, CredentialField, FieldKind
from shared.contracts.credentials import ConfigField

#: Types in the words of the Hummingbot API, which are those of Python's annotations.
_TYPES = {
    FieldKind.SECRET: "SecretStr",
    FieldKind.TEXT: "str",
    FieldKind.INTEGER: "int",
    FieldKind.BOOLEAN: "bool",
    FieldKind.CHOICE: "str",
    FieldKind.TEXT_LIST: "List[str]",
    FieldKind.MARKETS: "Dict[str, Dict[str, str]]",
    FieldKind.MODE: "Union[str, Dict[str, Any]]",
    FieldKind.BALANCES: "str",
}

#: Names that are not written as one would write a word.
_WORDS = {
    "bing": "BingX",
    "btc": "BTC",
    "bybit": "Bybit",
    "dydx": "dYdX",
    "gate": "Gate.io",
    "grvt": "GRVT",
    "hft": "HFT",
    "htx": "HTX",
    "io": "",
    "kucoin": "KuCoin",
    "mexc": "MEXC",
    "ndax": "NDAX",
    "okx": "OKX",
    "v2": "",
    "v4": "",
    "x": "",
    "xrpl": "XRPL",
}


def config_map(connector: Connector) -> dict[str, ConfigField]:
    """Return the fields of the credential of `connector` by their names, in the order to ask for them.

    Fields that Hummingbot fills by itself are there too, as optional ones, since its files may hold them.
    """
    return {field.name: _config_field(connector, field) for field in connector.fields}


def display_name(connector_name: str) -> str:
    """Return the name of a connector as people write it: `gate_io_perpetual` gives `Gate.io Perpetual`."""
    words = (_WORDS.get(word, word.capitalize()) for word in connector_name.replace("-", "_").split("_"))
    return " ".join(word for word in words if word)


def _config_field(connector: Connector, field: CredentialField) -> ConfigField:
    choices = field.choices or tuple(mode.name for mode in field.modes)
    return ConfigField(
        type=_TYPES[field.kind],
        required=field.required,
        prompt=_prompt(connector, field),
        is_secure=field.secure,
        is_connect_key=field.connect_key,
        allowed_values=choices or None,
    )


def _prompt(connector: Connector, field: CredentialField) -> str:
    exchange = display_name(connector.name)
    match field.kind:
        case FieldKind.BOOLEAN:
            text = f"{exchange}: {field.topic}, true or false?"
        case FieldKind.CHOICE | FieldKind.MODE:
            names = field.choices or tuple(mode.name for mode in field.modes)
            text = f"Choose your {exchange} {field.topic}: {' or '.join(names)}"
        case FieldKind.TEXT_LIST:
            text = f"Enter your {exchange} {field.topic}, separated by commas"
        case FieldKind.BALANCES:
            text = f"Enter your {exchange} {field.topic}, such as USDT=100000,BTC=1"
        case _:
            text = f"Enter your {exchange} {field.topic}"
    return text + _hint(field)


def _hint(field: CredentialField) -> str:
    match field.default:
        case _ if field.required:
            return ""
        case None | tuple():
            return " (optional)"
        case bool():
            return f" (default {str(field.default).lower()})"
        case _:
            return f" (default {field.default})"
