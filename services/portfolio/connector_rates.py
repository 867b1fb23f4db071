"""What the tokens on one connector are worth, asked for again and again, so that a slow exchange holds up no other."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.backoff import Backoff
from shared.contracts.marketdata.fields import MAX_PAIRS
from shared.errors import CommandError, ErrorCode
from shared.tasks import end_task, set_within
from shared.telemetry.logs import logger

#: Asks for the prices of tokens on a connector, in USD; a token without a price is left out.
Ask = Callable[[str, tuple[str, ...]], Awaitable[Mapping[str, float]]]

#: Seconds between two questions.
INTERVAL = 5.0
#: Seconds between two questions where the connector is one that has no prices: that changes with a new version of us.
_HOPELESS = 60.0
#: Seconds for which the last price of a token counts. A portfolio at prices of some minutes ago says more than one
#: that has lost its value because market data is restarted; after that it would say something wrong.
MAX_AGE = 600.0
#: Longer names are not asked for: they do not fit the contract, and no market has them.
_TOKEN_LENGTH = 32

_NEVER = frozenset({ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.INVALID})

_log = logger("rates")


@dataclass(frozen=True, slots=True)
class _Price:
    price: Decimal
    given: float


class ConnectorRates:
    """The prices of the tokens that are held on one connector."""

    def __init__(
        self, connector: str, ask: Ask, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`changed` is called after each change of a price; `clock` gives seconds."""
        self._connector = connector
        self._ask = ask
        self._changed = changed
        self._clock = clock
        self._prices: dict[str, _Price] = {}
        self._wanted: frozenset[str] = frozenset()
        self._asked: frozenset[str] = frozenset()
        self._now = asyncio.Event()
        self._answered = asyncio.Event()
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    def want(self, tokens: frozenset[str]) -> None:
        """Keep the prices of these tokens from now on; ask at once where there is a new one among them."""
        self._wanted = frozenset(token for token in tokens if 0 < len(token) <= _TOKEN_LENGTH)
        if not self._wanted <= self._asked:
            self._answered.clear()
            self._now.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_asking(), name=f"rates {self._connector}")

    def price(self, token: str) -> Decimal | None:
        """Return the price of a token in USD; None where none is known that still counts."""
        known = self._prices.get(token)
        return None if known is None else known.price

    async def asked(self) -> None:
        """Return when every token that is wanted has been asked for, with or without success."""
        await self._answered.wait()

    async def stop(self) -> None:
        """Ask no more."""
        await end_task(self._task)
        self._task = None

    async def _keep_asking(self) -> None:
        backoff = Backoff(0.2, INTERVAL)
        while True:
            self._now.clear()
            tokens = self._wanted
            pause = INTERVAL
            try:
                await self._look(tokens)
            except CommandError as error:
                pause = _HOPELESS if error.code in _NEVER else backoff.pause()
                self._failed(error)
            except Exception:
                # Whatever it is: prices that are never asked for again are worse than a question that fails.
                _log.exception("prices not taken in", connector=self._connector)
                pause = backoff.pause()
            else:
                if tokens <= self._prices.keys():
                    backoff.reset()
                else:
                    # Market data may not have them yet, as after a start; who never has them is asked ever less often.
                    pause = backoff.pause()
                self._succeeded()
            self._asked = tokens
            self._let_go(tokens)
            if self._wanted <= tokens:
                self._answered.set()
            await set_within(self._now, pause)

    async def _look(self, tokens: frozenset[str]) -> None:
        for some in _portions(sorted(tokens)):
            given = await self._ask(self._connector, some)
            now = self._clock()
            differs = False
            for token in some:
                price = _price(given.get(token))
                if price is not None:
                    differs = differs or self.price(token) != price
                    self._prices[token] = _Price(price, now)
            if differs:
                self._changed()

    def _let_go(self, tokens: frozenset[str]) -> None:
        since = self._clock() - MAX_AGE
        gone = [token for token, known in self._prices.items() if token not in tokens or known.given < since]
        for token in gone:
            del self._prices[token]
        if gone:
            self._changed()

    def _failed(self, error: CommandError) -> None:
        if not self._failing:
            _log.warning("no prices", connector=self._connector, code=error.code, reason=error.detail)
        self._failing = True

    def _succeeded(self) -> None:
        if self._failing:
            _log.info("prices again", connector=self._connector)
        self._failing = False


def _portions(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(tokens), MAX_PAIRS):
        yield tuple(tokens[first : first + MAX_PAIRS])


def _price(given: float | None) -> Decimal | None:
    """Return the shortest decimal that stands for the same double; None where it is not a price."""
    if given is None or not math.isfinite(given) or given <= 0:
        return None
    return Decimal(repr(float(given)))
