"""What callers may ask of rates, and how they configure where these come from."""

import msgspec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway_api.inputs import schema
from services.gateway_api.inputs.market_data import some_pairs
from shared.contracts.marketdata.rates import SEEN, OracleChange, QuoteSymbol, QuoteToken, RatesFilter
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN, Name

_PAIRS = schema.pair_list("Base and quote token of each rate. A list, or one text with commas.", least=1)

RATES_SCHEMA = schema.body_schema(
    {
        "trading_pairs": _PAIRS,
        "connector": schema.optional_text(
            NAME_PATTERN, "The connector whose prices are taken; the rate source when left out."
        ),
    },
    required=("trading_pairs",),
)
ORACLE_RATES_SCHEMA = schema.body_schema({"trading_pairs": _PAIRS}, required=("trading_pairs",))

_NOTHING_OR_OBJECT = [OpenAPIType.OBJECT, OpenAPIType.NULL]
_TEXT_OR_NOTHING = [OpenAPIType.STRING, OpenAPIType.NULL]
CONFIG_SCHEMA = schema.body_schema(
    {
        "rate_oracle_source": Schema(
            type=_NOTHING_OR_OBJECT,
            properties={
                "name": Schema(type=OpenAPIType.STRING, pattern=NAME_PATTERN, max_length=NAME_MAX_LENGTH),
            },
            required=["name"],
            description="Where rates come from: one of the sources that `GET /rate-oracle/sources` lists.",
        ),
        "global_token": Schema(
            type=_NOTHING_OR_OBJECT,
            properties={
                "global_token_name": Schema(type=_TEXT_OR_NOTHING, min_length=1, max_length=32, pattern=SEEN),
                "global_token_symbol": Schema(type=_TEXT_OR_NOTHING, min_length=1, max_length=8, pattern=SEEN),
            },
            description="The token that values are given in, and its symbol.",
        ),
    }
)


class RatesBody(msgspec.Struct, frozen=True):
    """Which rates, as callers write it."""

    trading_pairs: list[str] | str
    connector: Name | None = None

    def command(self) -> RatesFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return RatesFilter(some_pairs(self.trading_pairs), self.connector)


class OracleRatesBody(msgspec.Struct, frozen=True):
    """Which rates of the rate source, as callers write it."""

    trading_pairs: list[str] | str

    def command(self) -> RatesFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return RatesFilter(some_pairs(self.trading_pairs))


class SourceName(msgspec.Struct, frozen=True):
    """Where rates come from."""

    name: Name


class GlobalToken(msgspec.Struct, frozen=True):
    """The token that values are given in."""

    global_token_name: QuoteToken | None = None
    global_token_symbol: QuoteSymbol | None = None


class ConfigBody(msgspec.Struct, frozen=True):
    """What of the configuration is to be another; what is left out stays as it is."""

    rate_oracle_source: SourceName | None = None
    global_token: GlobalToken | None = None

    def change(self) -> OracleChange:
        """Return what the market data are told."""
        token = self.global_token or GlobalToken()
        return OracleChange(
            None if self.rate_oracle_source is None else self.rate_oracle_source.name,
            token.global_token_name,
            token.global_token_symbol,
        )
