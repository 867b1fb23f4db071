"""The marketdata service as the edge sees it, in memory: two connectors, a pair or two, and what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts import marketdata as contract
from shared.contracts.declaration import AnyCommand
from shared.contracts.portfolio import OrderType
from shared.errors import CommandError, ErrorCode, not_found
from shared.service import Health
from shared.settings import Settings

CONNECTOR = "paper"
#: A connector that only bots use.
BOTS_ONLY = "dexalot"
TIMESTAMP = 1767225600.25

_RULE = contract.TradingRule(
    Decimal("0.00001"),
    None,
    Decimal("0.01"),
    Decimal("0.00001"),
    Decimal("1E-8"),
    Decimal(5),
    Decimal(5),
    Decimal(0),
    True,
    True,
    "USDT",
    "USDT",
)


class MarketdataStandIn:
    """Answers the edge's commands. `prices` may be changed by a test; `asked` holds every request."""

    def __init__(self, settings: Settings) -> None:
        self.prices = {"BTC-USDT": 65000.5, "ETH-USDT": 3000.25}
        self.asked: list[Any] = []
        self.instead: dict[str, CommandError | bytes] = {}
        self.silent: set[str] = set()
        self._stopping = asyncio.Event()
        self._dispatcher = Dispatcher(settings, contract.SERVICE)
        for command, handler in (
            (contract.LIST_RULES, self._rules),
            (contract.LIST_ORDER_TYPES, self._order_types),
            (contract.GET_PRICES, self._prices),
            (contract.GET_BOOK, self._book),
            (contract.FEED_SETTINGS, lambda request: contract.FeedSettings(300, 600, "Seconds")),
        ):
            self._on(command, handler)

    def _on(self, command: AnyCommand, handler: Callable[[Any], Any]) -> None:
        def answer(request: Any, call: Call) -> Any | Awaitable[Any]:
            self.asked.append(request)
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
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        self._stopping.set()
        await self._dispatcher.drain()

    def _rules(self, request: contract.RulesFilter) -> dict[str, contract.TradingRule]:
        self._check(request.connector_name)
        return {pair: _RULE for pair in self.prices if request.trading_pairs is None or pair in request.trading_pairs}

    def _order_types(self, request: contract.MarketRef) -> contract.OrderTypes:
        self._check(request.connector_name)
        return contract.OrderTypes(request.connector_name, (OrderType.LIMIT, OrderType.MARKET))

    def _prices(self, request: contract.PricesFilter) -> contract.Prices:
        self._check(request.connector_name)
        known = {pair: self.prices[pair] for pair in request.trading_pairs if pair in self.prices}
        return contract.Prices(request.connector_name, known, TIMESTAMP)

    def _book(self, request: contract.BookFilter) -> contract.Book:
        self._check(request.connector_name)
        if request.trading_pair not in self.prices:
            raise not_found(f"{request.connector_name} has no trading pair {request.trading_pair}")
        price = self.prices[request.trading_pair]
        bids = tuple(contract.BookLevel(price - step, 0.5) for step in range(1, request.depth + 1))
        asks = tuple(contract.BookLevel(price + step, 0.25) for step in range(1, request.depth + 1))
        return contract.Book(request.trading_pair, bids, asks, TIMESTAMP)

    def _check(self, connector_name: str) -> None:
        if connector_name == BOTS_ONLY:
            raise CommandError(ErrorCode.REFUSED, f"{BOTS_ONLY} has no market data on this server")
        if connector_name != CONNECTOR:
            raise not_found(f"Connector '{connector_name}' does not exist")
