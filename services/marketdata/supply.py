"""Where the states of one feed come from: its exchange, or the replica that follows that already."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from services.marketdata.follower import Follower

S = TypeVar("S")

#: Seconds of silence after which a feed's owner sends its last state again. It looks twice as often, so messages are
#: up to one and a half times as far apart.
BEAT = 1.5
#: Seconds of silence on the bus after which a feed counts as broken.
BUS_PATIENCE = 4.0


class Supply(Generic[S]):
    """Hands each state of a feed to `take`.

    Args:
        name: for logs.
        exchange, bus: open the stream of either.
        take: keeps a state; raises Unsound if it cannot be.
        patience: of the exchange's stream, see `Follower`.
    """

    def __init__(
        self,
        name: str,
        exchange: Callable[[], AsyncIterator[S]],
        bus: Callable[[], AsyncIterator[S]],
        take: Callable[[S], None],
        patience: float,
    ) -> None:
        self._name = name
        self._exchange = exchange
        self._bus = bus
        self._take = take
        self._patience = patience
        self._before: Follower[S] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._leads = True
        self._follower = self._from_exchange()

    @property
    def leads(self) -> bool:
        """Whether this replica follows the exchange itself, and sends what comes."""
        return self._leads

    @property
    def live_since(self) -> float | None:
        """Since when the stream brings something, by the monotonic clock; None while it does not."""
        if self._follower.live_since is None and self._before is not None:
            return self._before.live_since
        return self._follower.live_since

    @property
    def why_not(self) -> str | None:
        """Why the stream broke last, while it is not back."""
        return None if self.live_since is not None else self._follower.why_not

    @property
    def opened(self) -> int:
        """How often the present stream was opened."""
        return self._follower.opened

    def start(self) -> None:
        """Begin, at the exchange."""
        self._follower.start()

    def turn(self, leads: bool) -> None:
        """Follow the exchange from now on, or the bus."""
        if leads == self._leads:
            return
        self._leads = leads
        if leads:
            self._drop(self._before)
            self._drop(self._follower)
            self._before = None
            self._follower = self._from_exchange()
        else:
            # The exchange's stream ends when the bus brings something.
            self._before = self._follower
            self._follower = Follower(f"{self._name} on the bus", self._bus, self._take_from_bus, BUS_PATIENCE, 1)
        self._follower.start()

    def restart(self) -> None:
        """Open the exchange's stream anew, where that is ours."""
        if self._leads:
            self._drop(self._follower)
            self._follower = self._from_exchange()
            self._follower.start()

    async def stop(self) -> None:
        """Close all streams."""
        self._drop(self._before)
        self._drop(self._follower)
        if self._ending:
            await asyncio.wait(self._ending)

    def _from_exchange(self) -> Follower[S]:
        return Follower(self._name, self._exchange, self._take, self._patience)

    def _take_from_bus(self, state: S) -> None:
        if self._before is not None:
            self._drop(self._before)
            self._before = None
        self._take(state)

    def _drop(self, follower: Follower[S] | None) -> None:
        if follower is not None:
            task = asyncio.create_task(follower.stop(), name=f"end of {self._name}")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
