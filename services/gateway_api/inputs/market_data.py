"""What callers may ask of the market."""

from typing import Annotated

import msgspec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway_api.inputs import fields, schema
from services.gateway_api.inputs.fields import Listed
from shared.contracts.marketdata.books import BookFilter, PairRef
from shared.contracts.marketdata.fields import MAX_PAIRS
from shared.contracts.marketdata.funding import FundingRef
from shared.contracts.marketdata.tickers import PricesFilter
from shared.names import Name

_DEFAULT_DEPTH = 10
_DEFAULT_TIMEOUT = 30.0
#: Contracts whose funding one request asks for; each is a question of its own.
MOST_CONTRACTS = 50

PRICES_SCHEMA = schema.body_schema(
    {
        "connector_name": schema.name("The connector whose prices these are."),
        "trading_pairs": schema.pair_list("A list, or one text with commas.", least=1),
    },
    required=("connector_name", "trading_pairs"),
)
BOOK_SCHEMA = schema.body_schema(
    {
        "connector_name": schema.name("The connector whose book it is."),
        "trading_pair": schema.pair(),
        "depth": schema.count(1000, _DEFAULT_DEPTH, "The most levels of a side."),
    },
    required=("connector_name", "trading_pair"),
)
FUNDING_SCHEMA = schema.body_schema(
    {
        "connector_name": schema.name("A connector with perpetuals."),
        "trading_pair": schema.optional_text(fields.PAIR_PATTERN, "A trading pair, as `BTC-USDT`."),
        "trading_pairs": schema.pair_list("Several pairs, where `trading_pair` is left out."),
    },
    required=("connector_name",),
)
PAIR_SCHEMA = schema.body_schema(
    {
        "connector_name": schema.name("The connector whose book it is."),
        "trading_pair": schema.pair(),
        "account_name": Schema(
            type=[OpenAPIType.STRING, OpenAPIType.NULL],
            description="Without a meaning: all accounts share what is followed.",
        ),
        "timeout": Schema(
            type=[OpenAPIType.NUMBER, OpenAPIType.NULL],
            minimum=1,
            maximum=120,
            default=_DEFAULT_TIMEOUT,
            description="Seconds to wait for the first book.",
        ),
    },
    required=("connector_name", "trading_pair"),
)


class PricesBody(msgspec.Struct, frozen=True):
    """Which prices, as callers write it."""

    connector_name: Name
    trading_pairs: list[str] | str

    def command(self) -> PricesFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return PricesFilter(self.connector_name, some_pairs(self.trading_pairs))


class BookBody(msgspec.Struct, frozen=True):
    """Which order book, as callers write it."""

    connector_name: Name
    trading_pair: str
    depth: fields.Count = None

    def command(self) -> BookFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return BookFilter(
            self.connector_name,
            fields.pair(self.trading_pair, "trading_pair"),
            fields.whole(self.depth, _DEFAULT_DEPTH, "depth"),
        )


class FundingBody(msgspec.Struct, frozen=True):
    """Whose funding, as callers write it."""

    connector_name: Name
    trading_pair: str | None = None
    trading_pairs: Listed = None

    def command(self) -> tuple[FundingRef, ...]:
        """Return what the market data are asked, contract by contract.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        if self.trading_pair is not None:
            return (FundingRef(self.connector_name, fields.pair(self.trading_pair, "trading_pair")),)
        found = fields.pairs(self.trading_pairs, "trading_pairs")
        if found is None:
            raise fields.fault("trading_pair", "Field required", "missing")
        if len(found) > MOST_CONTRACTS:
            raise fields.fault("trading_pairs", f"Expected at most {MOST_CONTRACTS} trading pairs", "length_error")
        return tuple(FundingRef(self.connector_name, pair) for pair in found)


class PairBody(msgspec.Struct, frozen=True):
    """A pair whose book is to be followed or not, as callers write it."""

    connector_name: Name
    trading_pair: str
    account_name: str | None = None
    timeout: Annotated[float, msgspec.Meta(ge=1, le=120)] | None = None

    def command(self) -> PairRef:
        """Return what the market data are told.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return PairRef(
            self.connector_name, fields.pair(self.trading_pair, "trading_pair"), self.timeout or _DEFAULT_TIMEOUT
        )


def some_pairs(trading_pairs: Listed) -> tuple[str, ...]:
    """Return the pairs that a question is about.

    Raises:
        HttpError: 422 if there are none, too many, or one cannot be a pair.
    """
    found = fields.pairs(trading_pairs, "trading_pairs")
    if found is None or len(found) > MAX_PAIRS:
        raise fields.fault("trading_pairs", f"Expected 1 to {MAX_PAIRS} trading pairs", "length_error")
    return found
