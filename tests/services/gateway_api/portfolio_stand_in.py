"""The portfolio service as the edge sees it, in memory: sessions with owners, orders by id, and what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.declaration import AnyCommand
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, Balance, PortfolioState
from shared.contracts.portfolio.distributions import (
    ACCOUNTS_DISTRIBUTION,
    DISTRIBUTION,
    AccountsDistribution,
    AccountShare,
    ConnectorShare,
    Distribution,
    TokenInAccount,
    TokenOnConnector,
    TokenShare,
)
from shared.contracts.portfolio.orders import (
    ACTIVE_ORDERS,
    CANCEL_ORDER,
    ORDER_OUTCOME,
    PLACE_ORDER,
    SEARCH_ORDERS,
    Order,
    OrderCancel,
    OrderCancelled,
    OrderFilter,
    OrderPage,
    OrderPlace,
    OrderSearch,
    OrderStatus,
)
from shared.contracts.portfolio.sessions import GET_SESSION, Session, SessionRef, SessionState
from shared.contracts.portfolio.trades import SEARCH_TRADES, Trade, TradePage, TradeSearch
from shared.errors import CommandError, ErrorCode, not_found
from shared.service import Health
from shared.settings import Settings

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 600000, UTC)
ACCOUNT, CONNECTOR = "master_account", "paper"

STATE: PortfolioState = {
    ACCOUNT: {
        CONNECTOR: (
            Balance("BTC", Decimal("1.5"), Decimal("1.25"), Decimal("65000.1"), Decimal("97500.15")),
            Balance("ODD", Decimal("7"), Decimal("7"), Decimal(0), Decimal(0), False, MOMENT),
        )
    },
    "alice": {},
}

_SPREAD = Distribution(
    Decimal("97500.15"),
    1,
    (
        TokenShare(
            "BTC",
            Decimal("97500.15"),
            Decimal("1.5"),
            Decimal("100.0000"),
            {
                ACCOUNT: TokenInAccount(
                    Decimal("97500.15"),
                    Decimal("1.5"),
                    Decimal("100.0000"),
                    {CONNECTOR: TokenOnConnector(Decimal("97500.15"), Decimal("1.5"))},
                )
            },
        ),
    ),
    "all_accounts",
)
_ACCOUNTS = AccountsDistribution(
    Decimal("97500.15"),
    1,
    (
        AccountShare(
            ACCOUNT,
            Decimal("97500.15"),
            Decimal("100.0000"),
            {CONNECTOR: ConnectorShare(Decimal("97500.15"), Decimal("100.0000"))},
        ),
    ),
)

#: What a command ends in instead: an error, or bytes that are sent as they are.
Instead = CommandError | bytes


class PortfolioStandIn:
    """Answers the edge's commands. A test may change `state`, `sessions`, `orders`, `trades` and what stands `instead`.

    `asked` holds every request with its call, in their order.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = STATE
        self.sessions = {(ACCOUNT, CONNECTOR): SessionState.READY}
        self.untradable: set[str] = set()
        self.orders: dict[str, Order] = {}
        self.trades: tuple[Trade, ...] = ()
        self.next_cursor: str | None = None
        self.asked: list[tuple[Any, Call]] = []
        self.instead: dict[str, Instead] = {}
        #: Keys of commands that never answer.
        self.silent: set[str] = set()
        self._placed: dict[str, OrderPlace] = {}
        self._stopping = asyncio.Event()
        self._dispatcher = Dispatcher(settings, SERVICE)
        for command, handler in (
            (PORTFOLIO_STATE, lambda request: self.state),
            (DISTRIBUTION, lambda request: _SPREAD),
            (ACCOUNTS_DISTRIBUTION, lambda request: _ACCOUNTS),
            (GET_SESSION, self._session),
            (PLACE_ORDER, self._place),
            (ORDER_OUTCOME, self._outcome),
            (CANCEL_ORDER, self._cancel),
            (ACTIVE_ORDERS, self._page),
            (SEARCH_ORDERS, self._page),
            (SEARCH_TRADES, self._trades),
        ):
            self._on(command, handler)

    def _on(self, command: AnyCommand, handler: Callable[[Any], Any]) -> None:
        def answer(request: Any, call: Call) -> Any | Awaitable[Any]:
            self.asked.append((request, call))
            if command.key in self.silent:
                return self._say_nothing()
            instead = self.instead.get(command.key)
            if isinstance(instead, CommandError):
                raise instead
            return handler(request) if instead is None else Reply(instead)

        self._dispatcher.on(command, answer)

    async def _say_nothing(self) -> None:
        await self._stopping.wait()

    async def start(self) -> None:
        """Answer, and own the sessions that are READY."""
        await self._dispatcher.start(lambda: Health(True))
        for session, state in self.sessions.items():
            if state is SessionState.READY:
                await self._dispatcher.own((PLACE_ORDER, CANCEL_ORDER), session)

    async def lose(self, state: SessionState) -> None:
        """Let go of the session, which is in `state` from now on."""
        self.sessions[ACCOUNT, CONNECTOR] = state
        await self._dispatcher.release((ACCOUNT, CONNECTOR))

    async def gain(self) -> None:
        """Own the session again."""
        self.sessions[ACCOUNT, CONNECTOR] = SessionState.READY
        await self._dispatcher.own((PLACE_ORDER, CANCEL_ORDER), (ACCOUNT, CONNECTOR))

    async def stop(self) -> None:
        self._stopping.set()
        await self._dispatcher.drain()

    def last(self) -> Any:
        """Return the last request."""
        return self.asked[-1][0]

    def _session(self, request: SessionRef) -> Session:
        if request.connector_name in self.untradable:
            raise CommandError(ErrorCode.REFUSED, f"{request.connector_name} cannot be traded on through this server")
        state = self.sessions.get((request.account_name, request.connector_name))
        if state is None:
            raise not_found(f"Account '{request.account_name}' has no credential for {request.connector_name}")
        return Session(request.account_name, request.connector_name, state, MOMENT)

    def _place(self, request: OrderPlace) -> Reply:
        earlier = self._placed.get(request.client_order_id)
        if earlier is not None and earlier != request:
            raise CommandError(ErrorCode.CONFLICT, "the client order id was used for another order")
        if earlier is None:
            self._placed[request.client_order_id] = request
            self.orders[request.client_order_id] = order_of(request)
        return Reply(msgspec.json.encode(self.orders[request.client_order_id]), (len(self._placed),))

    def _outcome(self, request: OrderPlace) -> Reply:
        if request.client_order_id not in self._placed:
            raise not_found("no such order")
        return self._place(request)

    def _cancel(self, request: OrderCancel) -> OrderCancelled:
        for order in self.orders.values():
            if request.order_id in (order.client_order_id, order.exchange_order_id):
                return OrderCancelled(order)
        raise not_found(f"Order '{request.order_id}' is not active")

    def _page(self, request: OrderFilter | OrderSearch) -> OrderPage:
        rows = tuple(self.orders.values())
        return OrderPage(rows[: request.limit], len(rows), self.next_cursor)

    def _trades(self, request: TradeSearch) -> TradePage:
        return TradePage(self.trades[: request.limit], len(self.trades), self.next_cursor)


def order_of(request: OrderPlace, status: OrderStatus = OrderStatus.OPEN) -> Order:
    """Return what is stored of an order that was placed."""
    return Order(
        request.client_order_id,
        request.account_name,
        request.connector_name,
        request.trading_pair,
        request.trade_type,
        request.order_type,
        request.position_action,
        request.amount,
        request.price,
        status,
        Decimal(0),
        None,
        None,
        None,
        "28",
        None,
        MOMENT,
        MOMENT,
        1,
    )
