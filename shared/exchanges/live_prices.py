"""Books and tickers from ccxt's structures, and the streams of them."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from shared.contracts.marketdata.books import LiveBook
from shared.contracts.marketdata.tickers import LiveTicker
from shared.exchanges.errors import Unsupported
from shared.exchanges.interface import DayTicker
from shared.exchanges.merging import broken
from shared.exchanges.shared_clients import SharedClients


class StreamSource(Protocol):
    """What makes the objects that streams run on."""

    @property
    def connector(self) -> str: ...

    @property
    def shared_clients(self) -> SharedClients: ...

    def streaming_client(self) -> Any: ...


async def streamed(
    source: StreamSource, watch: Callable[[Any], Awaitable[Any]], ability: str
) -> AsyncGenerator[Any, None]:
    """Follow one of ccxt's streams, over connections that others of the exchange share.

    Raises:
        Unsupported: if the exchange has no such stream.
        ExchangeError: when it breaks.
    """
    async with source.shared_clients.client() as client:
        if not client.has.get(ability):
            raise Unsupported(f"{source.connector} has no such stream")
        while True:
            try:
                told = await watch(client)
            except Exception as error:  # translated, nothing of it swallowed
                raise broken(source.connector, error) from None
            yield told


def book_of(connector: str, pair: str, book: Mapping[str, Any], size: Decimal) -> LiveBook:
    """Return a book of ccxt's, its amounts in base units."""
    unit = float(size)
    return LiveBook(
        connector_name=connector,
        trading_pair=pair,
        bids=tuple((float(level[0]), float(level[1]) * unit) for level in book["bids"]),
        asks=tuple((float(level[0]), float(level[1]) * unit) for level in book["asks"]),
        timestamp=_seconds(book),
    )


def ticker_of(connector: str, pair: str, ticker: Mapping[str, Any], size: Decimal) -> LiveTicker:
    """Return a ticker of ccxt's, its amounts in base units."""
    unit = float(size)
    return LiveTicker(
        connector_name=connector,
        trading_pair=pair,
        bid=_number(ticker, "bid"),
        bid_amount=_number(ticker, "bidVolume") * unit,
        ask=_number(ticker, "ask"),
        ask_amount=_number(ticker, "askVolume") * unit,
        last=_number(ticker, "last"),
        timestamp=_seconds(ticker),
    )


def day_ticker_of(connector: str, pair: str, ticker: Mapping[str, Any], size: Decimal) -> DayTicker:
    """Return a ticker of ccxt's with what was traded in a day."""
    volumes = (None if (told := ticker.get(name)) is None else float(told) for name in ("baseVolume", "quoteVolume"))
    return DayTicker(ticker_of(connector, pair, ticker, size), *volumes)


def _number(told: Mapping[str, Any], field: str) -> float:
    value = told.get(field)
    return 0.0 if value is None else float(value)


def _seconds(told: Mapping[str, Any]) -> float:
    at = told.get("timestamp")
    return at / 1000 if at else time.time()
