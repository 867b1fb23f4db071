"""Waits for sessions that are being opened: who has added a credential and asks what it holds is not told "nothing"."""

import asyncio
from collections.abc import Collection, Iterable

from services.portfolio.followed import PortfolioViews
from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio.sessions import SessionState

_BEING_OPENED = (SessionState.UNOWNED, SessionState.STARTING)


class Openings:
    """The sessions that have nothing to show yet because they are being opened, and how that ends."""

    def __init__(self, views: PortfolioViews) -> None:
        self._views = views
        self._changed = asyncio.Event()
        views.sessions.watch(self._look)

    def of(self, sessions: Iterable[SessionKey]) -> frozenset[SessionKey]:
        """Return those of `sessions` that are being opened and show no balances of an earlier opening."""
        return frozenset(key for key in sessions if self._is_being_opened(key) and not self._shows_balances(key))

    async def end(self, sessions: Collection[SessionKey], seconds: float) -> frozenset[SessionKey]:
        """Wait until none of `sessions` is being opened any more, for `seconds` at most; return those that failed."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                while any(self._is_being_opened(key) for key in sessions):
                    await self._changed.wait()
        except TimeoutError:
            pass  # what has come by now counts
        return frozenset(key for key in sessions if self._views.sessions.get(key).state is not SessionState.READY)

    def _is_being_opened(self, key: SessionKey) -> bool:
        return self._views.sessions.get(key).state in _BEING_OPENED

    def _shows_balances(self, key: SessionKey) -> bool:
        known = self._views.balances.get(key)
        return known is not None and bool(known.balances)

    def _look(self) -> None:
        # Another one for the next change: who waits for this one looks once, also where several come together.
        self._changed.set()
        self._changed = asyncio.Event()
