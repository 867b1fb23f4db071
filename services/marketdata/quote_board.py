"""The tickers of all pairs of an exchange at once, for lists and for values: asked for when somebody needs them."""

import time
from collections.abc import Mapping

from services.marketdata.prices import mid_of, price_of
from services.marketdata.rate_graph import RateGraph
from services.marketdata.rates import Quote
from services.marketdata.shared_fetch import SharedFetch
from shared.contracts.marketdata.tickers import TickerRow
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import Market

#: Seconds that the prices are good for.
AGE = 5.0
#: Seconds that new prices are waited for while there are old ones, and nothing bad is known of the exchange.
WAIT = 1.0

Quotes = Mapping[str, Quote]


class Snapshot:
    """All tickers of an exchange, heard at `heard` (Unix seconds)."""

    def __init__(self, rows: Mapping[str, TickerRow], quotes: Quotes, sure: Quotes, heard: float) -> None:
        #: By pair; pairs without a price are left out.
        self.rows = rows
        #: The prices, of the time that the exchange gives them.
        self.quotes = quotes
        self.heard = heard
        self._sure = sure
        self._graph: RateGraph | None = None

    @property
    def graph(self) -> RateGraph:
        """The ways from token to token. A mid is of the time when it was heard, a last price of when it was made."""
        if self._graph is None:
            self._graph = RateGraph(self._sure)
        return self._graph


class QuoteBoard:
    """All prices of one market; older ones are served for up to `max_age` seconds while the exchange is away."""

    def __init__(self, market: Market, max_age: float) -> None:
        self._market = market
        self._max_age = max_age
        self._fetch = SharedFetch(f"{market.connector} prices of all pairs", self._ask)

    def now(self) -> Quotes | None:
        """Return the prices from memory if they are young."""
        snapshot = self.snapshot_now(AGE)
        return None if snapshot is None else snapshot.quotes

    def snapshot_now(self, age: float) -> Snapshot | None:
        """Return all tickers from memory if they are no older than `age` seconds."""
        return self._fetch.kept(age)

    async def get(self, seconds: float) -> Quotes:
        """Return the prices.

        Raises:
            ExchangeError: if the exchange does not give them within `seconds`, and memory holds none young enough.
        """
        return (await self.snapshot(AGE, seconds, self._max_age)).quotes

    async def snapshot(self, age: float, seconds: float, max_age: float | None) -> Snapshot:
        """Return all tickers no older than `age`; while the exchange is away, those up to `max_age` (None: any).

        Raises:
            ExchangeError: if the exchange does not give them within `seconds`, and memory holds none young enough.
        """
        old = self._fetch.kept(max_age)
        if old is not None and self._fetch.asks_beside():
            return old
        try:
            return await self._fetch.get(age, seconds if old is None else min(WAIT, seconds))
        except ExchangeError:
            if old is None:
                raise
            return old

    async def glance(self, seconds: float) -> Quotes | None:
        """Return the prices where they are at hand, or are within `seconds`; else have them asked for."""
        kept = self._fetch.kept(self._max_age)
        if kept is not None:
            if self._fetch.kept(AGE) is None:
                self._fetch.begin()
            return kept.quotes
        if self._fetch.asking:
            return None  # somebody waits for an exchange that is slow: not everybody has to
        try:
            return (await self._fetch.get(AGE, seconds)).quotes
        except ExchangeError:
            return None  # told by whoever needs it

    async def stop(self) -> None:
        """Give up what is asked for."""
        await self._fetch.stop()

    async def _ask(self) -> Snapshot:
        told = await self._market.fetch_day_tickers()
        now = time.time()
        rows, quotes, sure = {}, {}, {}
        for pair, day in told.items():
            price = price_of(day.ticker)
            if price is not None:
                at = day.ticker.timestamp or now
                rows[pair] = TickerRow(price, day.base_volume, day.quote_volume, at)
                quotes[pair] = Quote(price, at)
                sure[pair] = Quote(price, now if mid_of(day.ticker) is not None else at)
        return Snapshot(rows, quotes, sure, now)
