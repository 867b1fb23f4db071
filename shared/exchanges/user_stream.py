"""What happens to an account, from ccxt's streams; what they leave out is asked for."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from shared.backoff import Backoff
from shared.exchanges.binance_user_events import attend
from shared.exchanges.errors import ExchangeError, KeysRefused, Unsupported
from shared.exchanges.interface import AccountUpdate, AssetBalance, Fee, VenueOrder, VenueTrade
from shared.exchanges.market import CcxtMarket
from shared.exchanges.merging import Watch, merged
from shared.exchanges.missing_fills import MissingFills
from shared.exchanges.question_pace import QuestionPace
from shared.exchanges.venue_balances import balances_of
from shared.exchanges.venue_orders import order_of, trade_of

T = TypeVar("T")

_ZERO = Decimal(0)
#: Seconds until a question is repeated that was not answered, at first.
_PAUSE = 1.0
#: Fills of so long before the stream began are told too, in ms.
_BEFORE_MS = 60_000
#: Seconds after which a subscription stands that is not acknowledged to us.
_ACKNOWLEDGED = 5.0


Told = TypeVar("Told", VenueOrder, VenueTrade)


class Asked(Protocol):
    """The account that is followed, as it is asked."""

    def with_our_id(self, told: Told) -> Told: ...

    @property
    def market(self) -> CcxtMarket: ...

    async def balances(self) -> tuple[AssetBalance, ...]: ...

    async def trades(self, trading_pair: str, since_ms: int) -> tuple[VenueTrade, ...]: ...


class UserStream:
    """One run of an account's streams on an object of ccxt's that serves nothing else.

    - Where a stream tells no free balance (Binance's futures, when an order is placed), or there is none, balances are
      asked for after each change.
    - Where fills are not streamed, they are asked for when an order has been filled further.
    """

    def __init__(self, account: Asked, client: Any) -> None:
        self._account = account
        self._market = account.market
        self._client = client
        self._is_binance = self._market.blueprint.ccxt_id == "binance"
        self._asks_balances = not client.has.get("watchBalance") or (
            self._is_binance and self._market.blueprint.kind == "swap"
        )
        self._asks_fills = not client.has.get("watchMyTrades")
        self._known: dict[str, AssetBalance] = {}
        self._balances_wanted = asyncio.Event()
        self._missing = MissingFills(int(time.time() * 1000) - _BEFORE_MS)
        self._fills_wanted = asyncio.Event()
        self._times_stood = 0
        self._pace = QuestionPace()

    async def updates(self) -> AsyncGenerator[AccountUpdate, None]:
        """Yield what happens, first that the subscription stands.

        Raises:
            Unsupported: if the exchange does not stream orders.
            ExchangeError: when the streams break.
        """
        if not self._client.has.get("watchOrders"):
            raise Unsupported(f"{self._market.connector} has no user stream")
        if self._is_binance:
            attend(self._client, self._balances_wanted)
        watches: dict[str, Watch] = {"stands": self._stands, "orders": self._orders}
        watches["fills"] = self._asked_fills if self._asks_fills else self._fills
        if self._client.has.get("watchBalance"):
            watches["balances"] = self._balances
        watches["asked balances"] = self._asked_balances
        async with aclosing(merged(self._market.connector, watches)) as brought:
            async for _, update in brought:
                if update != AccountUpdate():
                    yield update

    async def _stands(self) -> AccountUpdate:
        """Return when the subscription stands; where that is not acknowledged, once more when it must stand."""
        self._times_stood += 1
        if self._times_stood == 1:
            if self._is_binance and self._market.blueprint.kind == "spot":
                await self._client.authenticate({"type": "spot"})
            else:
                await self._client.socket_stands.wait()
        elif self._times_stood == 2 and not self._is_binance:
            await asyncio.sleep(_ACKNOWLEDGED)
        else:
            await asyncio.Event().wait()
        return AccountUpdate(resync=True)

    async def _orders(self) -> AccountUpdate:
        orders = []
        for told in await self._client.watch_orders():
            pair = self._market.pair(told["symbol"])
            if pair is not None:
                orders.append(self._account.with_our_id(order_of(told, pair, self._market.contract_size(pair))))
        if self._asks_balances:
            self._balances_wanted.set()
        if self._asks_fills:
            for order in orders:
                self._missing.note(order)
            if self._missing.pairs():
                self._fills_wanted.set()
        return AccountUpdate(orders=tuple(orders))

    async def _fills(self) -> AccountUpdate:
        fills = []
        for told in await self._client.watch_my_trades():
            pair = self._market.pair(told["symbol"])
            if pair is not None:
                fill = trade_of(told, pair, self._market.contract_size(pair), self._client_order_id(told))
                if fill.fee is None and self._is_binance:
                    # "Commission, will not push if no commission" (ORDER_TRADE_UPDATE of its futures documentation).
                    fill = msgspec.structs.replace(fill, fee=Fee(_ZERO, pair.rpartition("-")[2]))
                fills.append(self._account.with_our_id(fill))
        return AccountUpdate(trades=tuple(fills))

    def _client_order_id(self, trade: Mapping[str, Any]) -> str | None:
        """Return our id of the order that was filled, which Binance's message has and ccxt's structure has not."""
        message = trade.get("info")
        if self._is_binance and isinstance(message, Mapping):
            return message.get("c") or None
        return None

    async def _asked_fills(self) -> AccountUpdate:
        await self._fills_wanted.wait()
        fills: list[VenueTrade] = []
        for pair in self._missing.pairs():
            listed = await self._asked(partial(self._account.trades, pair, self._missing.since_ms(pair)))
            fills += self._missing.take(pair, listed)
        if not self._missing.pairs():
            self._fills_wanted.clear()
        return AccountUpdate(trades=tuple(fills))

    async def _balances(self) -> AccountUpdate:
        told = balances_of(await self._client.watch_balance())
        if self._asks_balances:
            self._balances_wanted.set()
            return AccountUpdate()
        return self._changed(told)

    async def _asked_balances(self) -> AccountUpdate:
        await self._balances_wanted.wait()
        self._balances_wanted.clear()
        told = await self._asked(self._account.balances)
        named = {one.token for one in told}
        gone = (AssetBalance(token, _ZERO, _ZERO) for token in self._known if token not in named)
        return self._changed((*told, *gone))

    def _changed(self, told: tuple[AssetBalance, ...]) -> AccountUpdate:
        changed = tuple(one for one in told if self._known.get(one.token) != one)
        self._known.update({one.token: one for one in changed})
        return AccountUpdate(balances=changed)

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, not too often; refused keys end the stream."""
        backoff = Backoff(_PAUSE, 10.0)
        await self._pace.wait()
        while True:
            try:
                return await ask()
            except KeysRefused:
                raise
            except ExchangeError:
                await backoff.wait()
