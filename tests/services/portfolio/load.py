"""Somebody who trades at random and does not give up, and the comparison of what is stored with the exchange."""

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any

from shared.contracts.portfolio.balances import PORTFOLIO_STATE, PortfolioStateFilter
from shared.contracts.portfolio.orders import (
    CANCEL_ORDER,
    PLACE_ORDER,
    SEARCH_ORDERS,
    OrderCancel,
    OrderPlace,
    OrderSearch,
    OrderStatus,
    OrderType,
    TradeType,
)
from shared.errors import CommandError, ErrorCode
from tests.services.portfolio.trading import Trader

#: Nothing was done, or nobody knows: asking again under the same id is safe.
_AGAIN = {ErrorCode.UNAVAILABLE, ErrorCode.OUTCOME_UNKNOWN, ErrorCode.EXPIRED, ErrorCode.BUSY, ErrorCode.UPSTREAM}
_STATUS = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.CANCELLED,
}


class Load:
    """Orders of one account, each asked for until there is an answer."""

    def __init__(self, trader: Trader, seed: int, *, patience: float | None = None) -> None:
        """`patience` is how many seconds an answer is waited for, instead of the command's own."""
        self._trader = trader
        self._patience = patience
        self._random = random.Random(seed)
        self.asked: set[str] = set()
        self.outcomes: Counter[str] = Counter()

    async def trade(self, count: int) -> None:
        """Place `count` orders, some of which are cancelled."""
        for _ in range(count):
            request = self._order()
            self.asked.add(request.client_order_id)
            placed = await self._until_answered(PLACE_ORDER, request)
            self.outcomes["refused" if placed is None else placed.status.value] += 1
            if placed is not None and self._random.random() < 0.4:
                wish = OrderCancel(request.account_name, request.connector_name, request.client_order_id)
                await self._until_answered(CANCEL_ORDER, wish)

    def _order(self) -> OrderPlace:
        side = self._random.choice((TradeType.BUY, TradeType.SELL))
        amount = Decimal(self._random.randint(10, 200)) / 10_000
        if self._random.random() < 0.4:
            return self._trader.order(trade_type=side, amount=amount, order_type=OrderType.MARKET, price=None)
        # From far from the market to across it.
        away = Decimal(self._random.choice((-3, 1, 3))) / 100
        price = self._trader.last() * (1 - away if side is TradeType.BUY else 1 + away)
        return self._trader.order(trade_type=side, amount=amount, price=price.quantize(Decimal("0.1")))

    async def _until_answered(self, command: Any, request: Any) -> Any:
        while True:
            try:
                return await self._trader.ask(command, request, timeout=self._patience)
            except CommandError as error:
                if error.code not in _AGAIN:
                    return None
            await asyncio.sleep(0.05)


async def differences(trader: Trader) -> list[str]:
    """Return where what is stored differs from what the exchange has, in words; it must be quiet."""
    page = await trader.ask(SEARCH_ORDERS, OrderSearch((trader.account_name,), limit=1000))
    stored = {order.client_order_id: order for order in page.orders}
    at_venue = trader.venue_orders()
    found = [f"{order_id} is at the exchange alone" for order_id in at_venue.keys() - stored.keys()]
    for order_id, order in stored.items():
        theirs = at_venue.get(order_id)
        if theirs is None:
            if order.status is not OrderStatus.FAILED:
                found.append(f"{order_id} is {order.status} and not at the exchange")
        elif (_STATUS[theirs["status"]], Decimal(theirs["executedQty"])) != (order.status, order.filled_amount):
            found.append(
                f"{order_id}: {order.status} {order.filled_amount}, {theirs['status']} {theirs['executedQty']}"
            )
    trades = {trade.trade_id.rpartition(":")[2]: trade for trade in await trader.trades()}
    theirs = {str(trade["id"]): trade for trade in trader.venue_trades()}
    found += [f"trade {trade_id} is recorded alone" for trade_id in trades.keys() - theirs.keys()]
    found += [f"trade {trade_id} is not recorded" for trade_id in theirs.keys() - trades.keys()]
    for order_id, order in stored.items():
        traded = sum(trade.amount for trade in trades.values() if trade.order_id == order_id)
        if traded != order.filled_amount:
            found.append(f"{order_id} has filled {order.filled_amount}, its trades {traded}")
    state = await trader.ask(PORTFOLIO_STATE, PortfolioStateFilter())
    units = {one.token: one.units for one in state[trader.account_name][trader.connector]}
    if units != trader.venue_balances():
        found.append(f"balances are {units}, {trader.venue_balances()}")
    return found


async def come_to_agree(trader: Trader, seconds: float = 30.0) -> None:
    """Wait until what is stored is what the exchange has; it may ask the exchange meanwhile, as it does by itself."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            await trader.refresh()
            found = await differences(trader)
        except CommandError as error:
            found = [error.detail]
        if not found:
            return
        assert asyncio.get_running_loop().time() < until, found
        await asyncio.sleep(0.2)
