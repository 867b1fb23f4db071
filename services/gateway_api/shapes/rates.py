"""Rates and where they come from, as the HTTP API shows them: in `/market-data` and, the same, in `/rate-oracle`."""

import msgspec

from services.gateway_api.errors import HttpError
from services.gateway_api.shapes.json import encode
from shared.bus.client import decode_response
from shared.contracts.marketdata.rates import GET_RATES, ORACLE_CONFIG, ORACLE_PRICES, OracleConfig, Rates


class RatesView(msgspec.Struct, frozen=True):
    """Quote units for one base unit; null without a way to a rate, and then `reasons` says why.

    `connector` is the one that was asked for, null for the rate source, which `source` names. `timestamp` is that of
    the oldest price used.
    """

    quote_token: str
    connector: str | None
    source: str
    rates: dict[str, float | None]
    reasons: dict[str, str]
    timestamp: float


class RateView(msgspec.Struct, frozen=True):
    """The rate of one pair."""

    trading_pair: str
    rate: float
    connector: str | None
    quote_token: str
    timestamp: float


class OracleRateView(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rate of one pair by the rate source; null without a way to one, and then `reason` says why."""

    trading_pair: str
    rate: float | None
    source: str
    quote_token: str
    timestamp: float
    reason: str | None = None


class OraclePricesView(msgspec.Struct, frozen=True):
    """Every price of the rate source."""

    source: str
    quote_token: str
    prices_count: int
    prices: dict[str, float]
    timestamp: float


class SourceView(msgspec.Struct, frozen=True):
    """Where rates come from."""

    name: str


class TokenView(msgspec.Struct, frozen=True):
    """The token that values are given in."""

    global_token_name: str
    global_token_symbol: str


class ConfigView(msgspec.Struct, frozen=True):
    """How the rate oracle is configured."""

    rate_oracle_source: SourceView
    global_token: TokenView
    available_sources: tuple[str, ...]


class ConfigChanged(msgspec.Struct, frozen=True):
    """What the configuration is now."""

    success: bool
    message: str
    config: ConfigView


def rates(reply: bytes, connector: str | None) -> bytes:
    """Return rates by the prices of `connector`, or of the rate source.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    found = decode_response(GET_RATES, reply)
    return encode(RatesView(found.quote_token, connector, found.source, found.rates, found.reasons, found.timestamp))


def rate(reply: bytes, pair: str, connector: str | None) -> bytes:
    """Return the rate of `pair`.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
        HttpError: 404 if there is none.
    """
    found = decode_response(GET_RATES, reply)
    value = found.rates.get(pair)
    if value is None:
        raise HttpError(404, _reason(found, pair))
    return encode(RateView(pair, value, connector, found.quote_token, found.timestamp))


def oracle_rate(reply: bytes, pair: str) -> bytes:
    """Return the rate of `pair` by the rate source.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    found = decode_response(GET_RATES, reply)
    value = found.rates.get(pair)
    reason = _reason(found, pair) if value is None else None
    return encode(OracleRateView(pair, value, found.source, found.quote_token, found.timestamp, reason))


def prices(reply: bytes) -> bytes:
    """Return every price of the rate source.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    found = decode_response(ORACLE_PRICES, reply)
    count = len(found.prices)
    return encode(OraclePricesView(found.source, found.quote_token, count, found.prices, found.timestamp))


def sources(reply: bytes) -> bytes:
    """Return the sources that rates can come from.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    return encode(decode_response(ORACLE_CONFIG, reply).available_sources)


def config(reply: bytes) -> bytes:
    """Return the configuration.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    return encode(_view(decode_response(ORACLE_CONFIG, reply)))


def config_changed(now: OracleConfig) -> bytes:
    """Return the answer to a change of the configuration."""
    message = f"Rates come from {now.source} and are given in {now.quote_token}"
    return encode(ConfigChanged(True, message, _view(now)))


def _view(now: OracleConfig) -> ConfigView:
    return ConfigView(SourceView(now.source), TokenView(now.quote_token, now.quote_symbol), now.available_sources)


def _reason(found: Rates, pair: str) -> str:
    return found.reasons.get(pair) or f"there is no rate of {pair} by {found.source}"
