"""Settings of the marketdata service."""

from pydantic import Field, field_validator

from services.marketdata.rate_sources import why_no_source
from shared.connectors.catalogue import CONNECTORS
from shared.exchanges.day_tickers import has_day_tickers
from shared.exchanges.settings import ExchangeSettings
from shared.settings import DatabaseSettings


class MarketdataSettings(DatabaseSettings, ExchangeSettings):
    """How long feeds live and what they may serve; in seconds.

    Attributes:
        feed_timeout: a feed that nobody has asked for so long ends.
        cleanup_interval: time between two looks for such feeds.
        stale_after: a stream that brings nothing for so long is opened again.
        max_age: the oldest state that is still answered with, by its own timestamp, while the exchange is away.
        max_feeds: feeds of all kinds together, ticker pairs and candles too, that may run at a time.
        rate_source: the connector that rates come from until somebody configures another.
        rate_max_age: the oldest price that a rate is made of.
        ticker_sources: connectors, separated by commas, that tickers are listed of where none is named; the rate source
            always is one of them.
        banned_tokens: symbols, separated by commas, that have no rate: others trade under the same names.
    """

    max_feeds: int = Field(5000, alias="MARKET_DATA_MAX_FEEDS", ge=1, le=100_000)
    rate_source: str = Field("binance", alias="RATE_ORACLE_SOURCE")
    rate_max_age: float = Field(60.0, alias="RATE_ORACLE_MAX_AGE", gt=0, le=24 * 3600)
    ticker_sources: str = Field("", alias="RATE_SOURCES")
    banned_tokens: str = Field("NAV,ARS,ETHW,ETHF", alias="BANNED_TOKENS")
    feed_timeout: int = Field(600, alias="MARKET_DATA_FEED_TIMEOUT", ge=1, le=7 * 24 * 3600)
    cleanup_interval: int = Field(300, alias="MARKET_DATA_CLEANUP_INTERVAL", ge=1, le=24 * 3600)
    stale_after: float = Field(30.0, alias="MARKET_DATA_STALE_AFTER", gt=0, le=3600)
    max_age: float = Field(60.0, alias="MARKET_DATA_MAX_AGE", ge=0, le=3600)

    @field_validator("rate_source")
    @classmethod
    def _is_a_source(cls, name: str) -> str:
        why_not = why_no_source(name)
        if why_not is not None:
            raise ValueError(why_not)
        return name

    @field_validator("ticker_sources")
    @classmethod
    def _have_tickers(cls, names: str) -> str:
        for name in _listed(names):
            if name not in CONNECTORS or not has_day_tickers(CONNECTORS[name]):
                raise ValueError(f"'{name}' is no connector that gives the tickers of all its pairs")
        return names

    def sources(self) -> tuple[str, ...]:
        """Return the connectors of `ticker_sources`."""
        return _listed(self.ticker_sources)

    def banned(self) -> frozenset[str]:
        """Return the banned tokens, in capitals."""
        return frozenset(token.upper() for token in _listed(self.banned_tokens))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
