"""What the tokens that are held are worth, on every connector that holds some."""

import asyncio
import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from services.portfolio.connector_rates import INTERVAL, Ask, ConnectorRates
from services.portfolio.valuation import needs_price
from shared.tasks import end_task, set_within


class Rates:
    """Prices in USD by connector, kept in memory for the tokens that `held` names."""

    def __init__(
        self,
        ask: Ask,
        held: Callable[[], Mapping[str, frozenset[str]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`held` gives the tokens of each connector; see `look`."""
        self._ask = ask
        self._held = held
        self._clock = clock
        self._connectors: dict[str, ConnectorRates] = {}
        self._look_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Grows with each change of what can be seen here.
        self.generation = 0

    async def start(self) -> None:
        """Begin to ask for prices; waits for none."""
        self._task = asyncio.create_task(self._keep_looking(), name="rates")

    async def stop(self) -> None:
        """Ask no more."""
        await end_task(self._task)
        self._task = None
        await self._end(tuple(self._connectors))

    def look(self) -> None:
        """Look soon at what is held: it may have changed."""
        self._look_now.set()

    def price(self, connector: str, token: str) -> Decimal | None:
        """Return the price of a token in USD by the market of `connector`; None where none is known."""
        known = self._connectors.get(connector)
        return None if known is None else known.price(token)

    async def settle(self, seconds: float) -> None:
        """Return when every token that is held has been asked for, or after `seconds`."""
        await self._want_what_is_held()
        waiting = [asyncio.ensure_future(one.asked()) for one in self._connectors.values()]
        if not waiting:
            return
        _, pending = await asyncio.wait(waiting, timeout=max(0.0, seconds))
        for one in pending:
            one.cancel()

    async def _keep_looking(self) -> None:
        while True:
            self._look_now.clear()
            await self._want_what_is_held()
            # Without a call of `look` too, as accounts may have gone without a change of balances.
            await set_within(self._look_now, INTERVAL)

    async def _want_what_is_held(self) -> None:
        wanted = {
            connector: frozenset(token for token in tokens if needs_price(token))
            for connector, tokens in self._held().items()
        }
        wanted = {connector: tokens for connector, tokens in wanted.items() if tokens}
        await self._end(tuple(self._connectors.keys() - wanted.keys()))
        for connector, tokens in wanted.items():
            known = self._connectors.get(connector)
            if known is None:
                known = ConnectorRates(connector, self._ask, self._changed, self._clock)
                self._connectors[connector] = known
            known.want(tokens)

    async def _end(self, connectors: tuple[str, ...]) -> None:
        for connector in connectors:
            ended = self._connectors.pop(connector, None)
            if ended is not None:
                self._changed()
                await ended.stop()

    def _changed(self) -> None:
        self.generation += 1
