"""What callers may ask of an order book: what a volume costs, what a price gives. A buyer takes asks."""

from decimal import Decimal

import msgspec
from litestar.openapi.spec import Schema

from services.gateway_api.inputs import fields, schema
from shared.contracts.marketdata.books import BookQuery, BookQuestion
from shared.contracts.portfolio.orders import TradeType
from shared.names import Name


def _schema(field: str, description: str) -> Schema:
    return schema.body_schema(
        {
            "connector_name": schema.name("The connector whose book it is."),
            "trading_pair": schema.pair(),
            "is_buy": schema.flag("Whether it is bought; `side` says the same in words."),
            "side": schema.choice(TradeType, "`buy` or `sell`, where `is_buy` is left out."),
            field: schema.amount(description),
        },
        required=("connector_name", "trading_pair", field),
    )


VOLUME_SCHEMA = _schema("volume", "In base units.")
PRICE_SCHEMA = _schema("price", "In quote units: the worst price that is taken.")
QUOTE_VOLUME_SCHEMA = _schema("quote_volume", "In quote units.")


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    connector_name: Name
    trading_pair: str
    is_buy: bool | None = None
    side: str | None = None

    def _query(self, question: BookQuestion, value: Decimal, name: str) -> BookQuery:
        return BookQuery(
            self.connector_name,
            fields.pair(self.trading_pair, "trading_pair"),
            self._buys(),
            question,
            float(fields.positive(value, name)),
        )

    def _buys(self) -> bool:
        # Both are read, so that a fault is told whichever holds it.
        side = None if self.side is None else fields.folded(TradeType, self.side, "side") is TradeType.BUY
        if self.is_buy is not None:
            return self.is_buy
        if side is None:
            raise fields.fault("is_buy", "Field required", "missing")
        return side


class PriceForVolumeBody(_Asked, frozen=True, kw_only=True):
    """What price is reached when this volume is taken."""

    volume: Decimal

    def command(self) -> BookQuery:
        """Return what the market data are asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return self._query(BookQuestion.PRICE_FOR_VOLUME, self.volume, "volume")


class VwapForVolumeBody(_Asked, frozen=True, kw_only=True):
    """What this volume costs on average."""

    volume: Decimal

    def command(self) -> BookQuery:
        """As `PriceForVolumeBody.command`."""
        return self._query(BookQuestion.VWAP_FOR_VOLUME, self.volume, "volume")


class VolumeForPriceBody(_Asked, frozen=True, kw_only=True):
    """What volume there is up to this price."""

    price: Decimal

    def command(self) -> BookQuery:
        """As `PriceForVolumeBody.command`."""
        return self._query(BookQuestion.VOLUME_FOR_PRICE, self.price, "price")


class QuoteVolumeForPriceBody(_Asked, frozen=True, kw_only=True):
    """What the volume up to this price costs."""

    price: Decimal

    def command(self) -> BookQuery:
        """As `PriceForVolumeBody.command`."""
        return self._query(BookQuestion.QUOTE_VOLUME_FOR_PRICE, self.price, "price")


class PriceForQuoteVolumeBody(_Asked, frozen=True, kw_only=True):
    """What price is reached when this much is paid."""

    quote_volume: Decimal

    def command(self) -> BookQuery:
        """As `PriceForVolumeBody.command`."""
        return self._query(BookQuestion.PRICE_FOR_QUOTE_VOLUME, self.quote_volume, "quote_volume")
