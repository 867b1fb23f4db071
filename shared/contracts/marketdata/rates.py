"""What tokens are worth, and where rates come from."""

from typing import Annotated

import msgspec

from shared.contracts.credentials import Nothing
from shared.contracts.declaration import EDGE, OUTSIDE, Command, Event
from shared.contracts.marketdata.fields import MAX_PAIRS, OF_A_CONNECTOR, SERVICE, Pairs, Token
from shared.errors import ErrorCode
from shared.names import Name


class Valuation(msgspec.Struct, frozen=True):
    """What these tokens are worth in `quote`, by the prices of a connector."""

    connector_name: Name
    tokens: Annotated[tuple[Token, ...], msgspec.Meta(max_length=MAX_PAIRS)]
    quote: Token = "USD"


class Valued(msgspec.Struct, frozen=True):
    """The price of each token; one without a price by a direct pair or over one other token is left out.

    `timestamp` is that of the oldest price used.
    """

    quote: str
    prices: dict[str, float]
    timestamp: float


class RatesFilter(msgspec.Struct, frozen=True):
    """The rates of pairs by the prices of a connector (None: of the rate source). `fresh`: none older than a moment."""

    trading_pairs: Pairs
    connector_name: Name | None = None
    fresh: bool = False


class Rates(msgspec.Struct, frozen=True):
    """A rate for each pair: quote units for one base unit; None where there is no way to one, or only an old price.

    `timestamp` is that of the oldest price used; without any, of when the prices were heard.
    """

    source: str
    quote_token: str
    rates: dict[str, float | None]
    reasons: dict[str, str]
    timestamp: float = 0.0


class OraclePrices(msgspec.Struct, frozen=True):
    """Every price of the rate source, as they were heard at `timestamp`."""

    source: str
    quote_token: str
    prices: dict[str, float]
    timestamp: float = 0.0


class OracleConfig(msgspec.Struct, frozen=True):
    """Where rates come from, and the token that values are given in, with its symbol. `version` grows by one with each
    change; 0: nobody has changed anything.
    """

    source: str
    quote_token: str
    quote_symbol: str
    available_sources: tuple[str, ...] = ()
    version: int = 0


#: What a token's symbol may be where somebody chooses it: no spaces, and nothing that cannot be seen.
SEEN = r"^[^\x00-\x20\x7f-\xa0]+$(?!\n)"
QuoteToken = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=SEEN)]
QuoteSymbol = Annotated[str, msgspec.Meta(min_length=1, max_length=8, pattern=SEEN)]


class OracleChange(msgspec.Struct, frozen=True):
    """What of the configuration is to be another; None stays as it is."""

    source: Name | None = None
    quote_token: QuoteToken | None = None
    quote_symbol: QuoteSymbol | None = None


VALUE_TOKENS = Command(
    SERVICE, "rate", "value", Valuation, Valued, "Say what tokens are worth by the prices of a connector.",
    callers=frozenset({EDGE, OUTSIDE, "portfolio"}), errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
GET_RATES = Command(
    SERVICE, "rate", "get", RatesFilter, Rates, "Give the rates of pairs.", errors=OF_A_CONNECTOR, timeout=10.0,
)  # fmt: skip
ORACLE_PRICES = Command(
    SERVICE, "rate", "prices", Nothing, OraclePrices, "Give all prices of the rate source.",
    errors=OF_A_CONNECTOR, timeout=10.0, streams=True,
)  # fmt: skip
ORACLE_CONFIG = Command(SERVICE, "rate", "config", Nothing, OracleConfig, "Say where rates come from.")
CONFIGURE_ORACLE = Command(
    SERVICE, "rate", "configure", OracleChange, OracleConfig, "Have rates come from elsewhere.", changes_state=True,
    errors=frozenset({ErrorCode.REFUSED}),
)  # fmt: skip
ORACLE_CONFIGURED = Event(SERVICE, "rate", "configured", OracleConfig, "Rates come from elsewhere.")

COMMANDS = (VALUE_TOKENS, GET_RATES, ORACLE_PRICES, ORACLE_CONFIG, CONFIGURE_ORACLE)
EVENTS = (ORACLE_CONFIGURED,)
