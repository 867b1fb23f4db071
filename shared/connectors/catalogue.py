"""The connectors there are: what each is called, what its credential holds, what it can do.

The facts stand in `connectors.json` beside this module, one connector a line. They describe the connectors of
Hummingbot 2.12 and later, and the two of our own, `paper` and `paper_perpetual`, which trade on the simulator.
"""

from decimal import Decimal
from enum import StrEnum
from importlib.resources import files

import msgspec


class ConnectorKind(StrEnum):
    """What stands behind a connector."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    #: Hummingbot's own paper trading, inside a bot: no credential, no trading from here.
    PAPER_SPOT = "paper_spot"
    #: A chain behind Hummingbot Gateway, which registers it while it runs and keeps its wallets.
    GATEWAY = "gateway"


class FieldKind(StrEnum):
    """What a field of a credential holds."""

    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT_LIST = "text_list"
    #: Markets that an exchange does not list, by their names.
    MARKETS = "markets"
    #: One of several sets of fields, chosen by its name.
    MODE = "mode"
    #: Amounts of assets that a simulated account begins with.
    BALANCES = "balances"


class Mode(msgspec.Struct, frozen=True):
    """One of the sets of fields that a field of kind `MODE` may hold. All its fields are required.

    `named` says that a bot's file carries the name of the mode, where others are known by their fields.
    """

    name: str
    fields: tuple["CredentialField", ...] = ()
    named: bool = False


class CredentialField(msgspec.Struct, frozen=True):
    """One field of a connector's credential.

    Attributes:
        topic: what it is, in words, to follow "your <connector>".
        secure: whether a bot's file holds it encrypted. Not a measure of secrecy: some secret fields are written in
            clear there. Here all fields are encrypted.
        connect_key: whether it is an argument of the connector.
        asked: whether Hummingbot asks for it when a user connects.
        default: what a connector takes when the field is absent; None where it needs none or has its own.
    """

    name: str
    kind: FieldKind
    topic: str
    required: bool = True
    secure: bool = True
    connect_key: bool = True
    asked: bool = True
    default: bool | int | str | tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()


class Connector(msgspec.Struct, frozen=True):
    """One connector.

    Attributes:
        parent: the connector that this one is a variant of (a testnet, a sandbox), if any.
        centralized: False where orders are settled on a chain.
        maker_fee, taker_fee: fractions of a trade's value, as Hummingbot declares them; for estimates only.
        candle_intervals: intervals that candles can be had for; empty: it has no candles.
        paper_trade: whether Hummingbot can paper trade on it inside a bot.
        ccxt_id, ccxt_type, ccxt_sandbox: the exchange in ccxt, its market type (`spot`, `swap`) and whether to use
            its sandbox. None: bots can use the connector, we cannot.
        providers: of a chain, the names of the exchanges on it.
        simulated: whether it is one of our own, on the simulator.
    """

    name: str
    kind: ConnectorKind
    fields: tuple[CredentialField, ...]
    order_types: tuple[str, ...]
    example_pair: str
    maker_fee: Decimal
    taker_fee: Decimal
    position_modes: tuple[str, ...] = ()
    testnet: bool = False
    parent: str | None = None
    centralized: bool = True
    candle_intervals: tuple[str, ...] = ()
    paper_trade: bool = False
    ccxt_id: str | None = None
    ccxt_type: str | None = None
    ccxt_sandbox: bool = False
    providers: tuple[str, ...] = ()
    simulated: bool = False
    note: str | None = None

    @property
    def trades(self) -> bool:
        """Whether orders can be placed on it with a credential of ours: what lists of connectors show."""
        return self.kind in (ConnectorKind.SPOT, ConnectorKind.PERPETUAL)


def _load() -> dict[str, Connector]:
    text = files(__package__).joinpath("connectors.json").read_bytes()
    listed = msgspec.json.Decoder(tuple[Connector, ...]).decode(text)
    return {connector.name: connector for connector in listed}


#: Every connector by its name, in alphabetical order.
CONNECTORS: dict[str, Connector] = _load()
