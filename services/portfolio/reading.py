"""The commands that read: answered at once, from memory, or from the tables where they search."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from services.portfolio.distributions import over_accounts, over_tokens
from services.portfolio.followed import PortfolioViews
from services.portfolio.kept_answers import KeptAnswers
from services.portfolio.openings import Openings
from services.portfolio.rates import Rates
from services.portfolio.refreshing import PATIENCE, Refresher
from services.portfolio.search_repository import SearchRepository
from services.portfolio.session_answers import SessionAnswers
from services.portfolio.sessions.desired import Desired, SessionKey
from services.portfolio.sessions.known_accounts import KnownAccounts, account_changes
from services.portfolio.valuation import portfolio_state
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, BalanceAmount, PortfolioState, PortfolioStateFilter
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import ACTIVE_ORDERS, SEARCH_ORDERS, OrderFilter, OrderSearch
from shared.contracts.portfolio.sessions import GET_SESSION, LIST_SESSIONS, SessionRef, SessionState
from shared.contracts.portfolio.trades import SEARCH_TRADES, TradeSearch
from shared.database.pool import Database

#: Seconds kept back of a caller's patience, for the answer to get there.
_WAY_BACK = 0.5

Answer = Reply | Coroutine[Any, Any, Reply]

_encode = msgspec.json.Encoder().encode


class Reads:
    """Answers of any replica, over what all replicas know.

    Only where a caller knows of events that this memory does not hold yet, or wants exchanges asked first, does an
    answer take a task that waits.
    """

    def __init__(
        self, database: Database, bus: Bus, views: PortfolioViews, desired: Desired, known: KnownAccounts
    ) -> None:
        """`bus` is connected by its owner, before `start`; `desired` says which accounts and sessions there are."""
        self._bus = bus
        self._known = known
        self._views = views
        self._desired = desired
        self._searches = SearchRepository(database)
        self._rates = Rates(self._ask_for_prices, self._tokens)
        self._refresher = Refresher(bus, lambda key: views.sessions.get(key).state)
        self._openings = Openings(views)
        self._orders = KeptAnswers()
        self._sessions = SessionAnswers(database, known, views.sessions, desired)
        self._states = KeptAnswers()
        self._over_tokens = KeptAnswers()
        self._over_accounts = KeptAnswers()
        views.balances.watch(self._rates.look)
        known.watch(self._rates.look)  # only what known accounts hold has a value

    async def start(self) -> None:
        """Begin to keep the prices of what is held; waits for none."""
        await self._rates.start()

    async def stop(self) -> None:
        """Ask for nothing any more."""
        await self._refresher.stop()
        await self._rates.stop()

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands that read to this."""
        dispatcher.on(GET_SESSION, self.get_session)
        dispatcher.on(LIST_SESSIONS, self.list_sessions)
        dispatcher.on(ACTIVE_ORDERS, self.active_orders)
        dispatcher.on(SEARCH_ORDERS, self.search_orders)
        dispatcher.on(SEARCH_TRADES, self.search_trades)
        dispatcher.on(PORTFOLIO_STATE, self.portfolio_state)
        dispatcher.on(DISTRIBUTION, self.distribution)
        dispatcher.on(ACCOUNTS_DISTRIBUTION, self.accounts_distribution)

    # Sessions and orders

    async def get_session(self, request: SessionRef, call: Call) -> Reply:
        await self._catch_up(call)
        return await self._sessions.get(SessionKey(request.account_name, request.connector_name), call)

    async def list_sessions(self, request: PortfolioFilter, call: Call) -> Reply:
        await self._catch_up(call)
        return await self._sessions.list(request)

    def active_orders(self, request: OrderFilter, call: Call) -> Answer:
        return self._from_memory(call, lambda: self._active(request))

    async def search_orders(self, request: OrderSearch, _: Call) -> Reply:
        return Reply(_encode(await self._searches.orders(request)))

    async def search_trades(self, request: TradeSearch, _: Call) -> Reply:
        return Reply(_encode(await self._searches.trades(request)))

    # Balances

    def portfolio_state(self, request: PortfolioStateFilter, call: Call) -> Answer:
        if request.refresh:
            return self._refreshed(request, call)
        wanted = PortfolioFilter(request.account_names, request.connector_names)
        return self._from_memory(call, lambda: self._states.answer(self._stamp(), wanted, lambda: self._state(wanted)))

    def distribution(self, request: PortfolioFilter, call: Call) -> Answer:
        return self._from_memory(
            call,
            lambda: self._over_tokens.answer(
                self._stamp(), request, lambda: over_tokens(self._state(request), request.account_names)
            ),
        )

    def accounts_distribution(self, request: PortfolioFilter, call: Call) -> Answer:
        return self._from_memory(
            call,
            lambda: self._over_accounts.answer(self._stamp(), request, lambda: over_accounts(self._state(request))),
        )

    # How

    def _active(self, request: OrderFilter) -> Reply:
        self._sessions.accounts()  # refuses while it is not known which there are
        orders, sessions = self._views.orders, self._desired.wanted()
        state = (orders.generation, sessions)
        return self._orders.answer(state, request, lambda: orders.page(request, sessions))

    def _from_memory(self, call: Call, read: Callable[[], Reply]) -> Answer:
        return read() if self._holds(call) else self._later(call, read)

    def _holds(self, call: Call) -> bool:
        if call.after and not self._views.holds(call.after):
            return False
        return not call.after_others or self._known.holds(account_changes(call))

    async def _catch_up(self, call: Call) -> None:
        await self._known.holds_soon(call)  # where it does not, what was said last counts
        await self._views.catch_up(call)

    async def _later(self, call: Call, read: Callable[[], Reply]) -> Reply:
        await self._catch_up(call)
        return read()

    async def _refreshed(self, request: PortfolioStateFilter, call: Call) -> Reply:
        wanted = PortfolioFilter(request.account_names, request.connector_names)
        if not self._holds(call):
            await self._catch_up(call)
        sessions = [session for keys in self._sessions.selected(wanted).values() for session in keys]
        until = time.monotonic() + min(PATIENCE, call.seconds_left() - _WAY_BACK)
        opening = self._openings.of(sessions)
        refreshed = await self._refresher.refresh(sessions, account_changes(call), until - time.monotonic())
        # Nobody could be asked, but an opening asks the exchange itself.
        failed = await self._openings.end(refreshed.silent & opening, until - time.monotonic())
        await self._views.catch_up(replace(call, after=(*call.after, *refreshed.event_ids)))
        await self._rates.settle(min(1.0, call.seconds_left() - _WAY_BACK))
        # Not kept: which sessions have just been asked is so for this caller alone.
        return Reply(_encode(self._state(wanted, refreshed.silent - opening | failed)))

    def _stamp(self) -> tuple[object, ...]:
        """Return what is another when the state of a portfolio may be. It is checked first that accounts are known."""
        accounts = self._sessions.accounts()
        return (
            self._views.balances.generation,
            self._views.sessions.generation,
            self._rates.generation,
            accounts,
            self._desired.wanted(),
        )

    def _state(self, wanted: PortfolioFilter, silent: frozenset[SessionKey] | None = None) -> PortfolioState:
        """Return the state of a part of the portfolio.

        `silent` are those of its sessions that were just asked in vain, where all were asked.
        """

        def balances(key: SessionKey) -> tuple[tuple[BalanceAmount, ...], datetime | None]:
            known = self._views.balances.get(key)
            if known is None:
                return (), None
            session = self._views.sessions.get(key)
            is_fresh = session.state is SessionState.READY if silent is None else key not in silent
            return known.balances, None if is_fresh else session.silent_since or known.at

        return portfolio_state(self._sessions.selected(wanted), balances, self._rates.price)

    def _tokens(self) -> Mapping[str, frozenset[str]]:
        return self._views.balances.tokens(self._desired.wanted())

    async def _ask_for_prices(self, connector: str, tokens: tuple[str, ...]) -> Mapping[str, float]:
        valued = await self._bus.request(VALUE_TOKENS, Valuation(connector, tokens), actor=SERVICE)
        return valued.prices
