"""The prices of all pairs of an exchange at once, for valuing tokens: asked for when somebody needs them."""

import time
from collections.abc import Mapping

from services.marketdata.prices import price_of
from services.marketdata.rates import Quote
from services.marketdata.shared_fetch import SharedFetch
from shared.exchanges.errors import ExchangeError
from shared.exchanges.interface import Market

#: Seconds that the prices are good for.
AGE = 5.0
#: Seconds that new prices are waited for while there are old ones.
WAIT = 2.0

Quotes = Mapping[str, Quote]


class QuoteBoard:
    """All prices of one market; older ones are served for up to `max_age` seconds while the exchange is away."""

    def __init__(self, market: Market, max_age: float) -> None:
        self._market = market
        self._max_age = max_age
        self._fetch = SharedFetch(f"{market.connector} prices of all pairs", self._ask)

    def now(self) -> Quotes | None:
        """Return the prices from memory if they are young."""
        return self._fetch.kept(AGE)

    async def get(self, seconds: float) -> Quotes:
        """Return the prices.

        Raises:
            ExchangeError: if the exchange does not give them within `seconds`, and memory holds none young enough.
        """
        old = self._fetch.kept(self._max_age)
        try:
            return await self._fetch.get(AGE, seconds if old is None else min(WAIT, seconds))
        except ExchangeError:
            if old is None:
                raise
            return old

    async def stop(self) -> None:
        """Give up what is asked for."""
        await self._fetch.stop()

    async def _ask(self) -> Quotes:
        now = time.time()
        quotes = {}
        for pair, ticker in (await self._market.fetch_tickers()).items():
            price = price_of(ticker)
            if price is not None:
                quotes[pair] = Quote(price, ticker.timestamp or now)
        return quotes
