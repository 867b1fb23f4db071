"""What callers may ask of the market."""

from typing import Annotated

import msgspec

from services.gateway_api.inputs import fields, schema
from services.gateway_api.inputs.fields import Listed
from shared.contracts.marketdata import MAX_PAIRS, BookFilter, PricesFilter
from shared.names import Name

_DEFAULT_DEPTH = 10

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


class PricesBody(msgspec.Struct, frozen=True):
    """Which prices, as callers write it."""

    connector_name: Name
    trading_pairs: list[str] | str

    def command(self) -> PricesFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return PricesFilter(self.connector_name, _some(self.trading_pairs))


class BookBody(msgspec.Struct, frozen=True):
    """Which order book, as callers write it."""

    connector_name: Name
    trading_pair: str
    depth: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None

    def command(self) -> BookFilter:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return BookFilter(
            self.connector_name, fields.pair(self.trading_pair, "trading_pair"), self.depth or _DEFAULT_DEPTH
        )


def _some(trading_pairs: Listed) -> tuple[str, ...]:
    found = fields.pairs(trading_pairs, "trading_pairs")
    if found is None or len(found) > MAX_PAIRS:
        raise fields.fault("trading_pairs", f"Expected 1 to {MAX_PAIRS} trading pairs", "length_error")
    return found
