"""The tickers of some pairs of one exchange, which come by one stream.

Pairs come and go while the stream runs. It is opened again with the others then, a moment later, so that those who come
together cost one opening; meanwhile the pairs are asked for by REST.
"""

import asyncio
from collections.abc import Callable

from services.marketdata.follower import Follower
from shared.contracts.marketdata.tickers import LiveTicker
from shared.exchanges.interface import Market
from shared.tasks import end_task

#: Pairs of one stream at most: what is lost for a moment when one joins, and what one dead stream takes with it.
MOST_PAIRS = 100
#: Seconds in which others may join before the stream is opened again.
GATHER = 0.1


class TickerGroup:
    """Follows the tickers of `pairs` with one stream; `take` gets each of them."""

    def __init__(self, market: Market, take: Callable[[LiveTicker], None], patience: float) -> None:
        self._market = market
        self._take = take
        self._patience = patience
        self.pairs: set[str] = set()
        self._follower: Follower[LiveTicker] | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._keep_following(), name=f"tickers of {market.connector}")

    @property
    def has_room(self) -> bool:
        """Whether another pair may join."""
        return len(self.pairs) < MOST_PAIRS

    @property
    def live_since(self) -> float | None:
        """Since when the stream of the present pairs brings something; None if it does not."""
        if self._follower is None or self._changed.is_set():
            return None
        return self._follower.live_since

    @property
    def why_not(self) -> str | None:
        """Why the stream broke last, while it is not back."""
        return None if self._follower is None else self._follower.why_not

    @property
    def opened(self) -> int:
        """How often the present stream was opened."""
        return 0 if self._follower is None else self._follower.opened

    def add(self, pair: str) -> None:
        """Let a pair join."""
        self.pairs.add(pair)
        self._changed.set()

    def remove(self, pair: str) -> None:
        """Let a pair go."""
        self.pairs.discard(pair)
        self._changed.set()

    async def stop(self) -> None:
        """End the stream."""
        await end_task(self._task)
        if self._follower is not None:
            await self._follower.stop()

    async def _keep_following(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(GATHER)
            pairs = tuple(sorted(self.pairs))
            self._changed.clear()
            old, self._follower = self._follower, None
            if old is not None:
                await old.stop()
            if pairs:
                self._follower = self._following(pairs)
                self._follower.start()

    def _following(self, pairs: tuple[str, ...]) -> Follower[LiveTicker]:
        name = f"{self._market.connector} tickers of {len(pairs)} pairs"
        return Follower(name, lambda: self._market.watch_tickers(pairs), self._take, self._patience)
