"""One account on one exchange, with its keys."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec

from shared.exchanges.asking import Asking
from shared.exchanges.client_order_ids import ClientOrderIds
from shared.exchanges.errors import OrderNotKnown, Refused, StaleRequest
from shared.exchanges.interface import (
    AccountUpdate,
    AssetBalance,
    KeyRights,
    OrderRequest,
    VenueOrder,
    VenueTrade,
)
from shared.exchanges.key_rights import rights_of
from shared.exchanges.market import CcxtMarket
from shared.exchanges.order_lookup import Lookup
from shared.exchanges.order_parameters import ccxt_order, is_bought_by_cost
from shared.exchanges.rate_limits import Budget
from shared.exchanges.receive_windows import has_receive_window
from shared.exchanges.refused_orders import reason_of
from shared.exchanges.trade_pages import all_trades
from shared.exchanges.traffic import Traffic
from shared.exchanges.user_stream import UserStream
from shared.exchanges.venue_balances import balances_of, futures_balances_of
from shared.exchanges.venue_orders import asked_order_of, order_of, placed_order_of, trade_of
from shared.exchanges.wire import Signing, signed_as_of
from shared.tasks import to_its_end

T = TypeVar("T")
Told = TypeVar("Told", VenueOrder, VenueTrade)


class CcxtAccount:
    """A connector's account (see `shared.exchanges.interface.TradingAccount`)."""

    def __init__(self, market: CcxtMarket, keys: Mapping[str, Any], orders: Budget) -> None:
        blueprint = market.blueprint
        self._market = market
        self._keys = dict(keys)
        self._traffic = Traffic(market.connector, market.address, orders)
        self._clock = market.clock if has_receive_window(blueprint.ccxt_id) else None
        secrets = [value for value in (*keys.values(), *keys.get("options", {}).values()) if isinstance(value, str)]
        self._asking = Asking(market.circuit, secrets)
        self._client = self._new_client()
        self._generation = 0
        self._hedged: bool | None = None
        self._lookup = Lookup(blueprint.ccxt_id)
        self.ids = ClientOrderIds(blueprint.ccxt_id)

    def __repr__(self) -> str:
        return f"CcxtAccount({self.connector})"

    @property
    def connector(self) -> str:
        return self._market.connector

    @property
    def has_receive_window(self) -> bool:
        return self._clock is not None

    @property
    def market(self) -> CcxtMarket:
        return self._market

    async def check(self) -> KeyRights:
        client = await self._ready()
        blueprint = self._market.blueprint

        async def ask() -> KeyRights:
            told = await client.fetch_balance()
            return await rights_of(client, blueprint.ccxt_id, blueprint.kind, told.get("info"))

        return await self._question(ask)

    async def balances(self) -> tuple[AssetBalance, ...]:
        client = await self._ready()

        async def ask() -> tuple[AssetBalance, ...]:
            told = await client.fetch_balance()
            if self._is_binance_futures:
                return futures_balances_of(told["info"]["assets"], client.safe_currency_code)
            return balances_of(told)

        return tuple(one for one in await self._question(ask) if one.total or one.available)

    @property
    def _is_binance_futures(self) -> bool:
        return self._market.blueprint.ccxt_id == "binance" and self._market.blueprint.kind == "swap"

    async def place(self, order: OrderRequest) -> VenueOrder:
        client = await self._ready()
        symbol = await self._market.symbol(order.trading_pair)
        size = self._market.contract_size(order.trading_pair)
        sent_id = self.ids.sent(order.client_order_id)
        sent = ccxt_order(order, size, self._market.blueprint.kind, sent_id, hedged=await self._is_hedged())
        price = sent.price
        if is_bought_by_cost(sent, self._market.blueprint.kind, client.options):
            price = await self._asking.question(lambda: _price_to_pay(client, symbol))

        async def send() -> VenueOrder:
            with signed_as_of(Signing(order.sent_ms, order.receive_window_ms)):
                told = await client.create_order(symbol, sent.type, sent.side, sent.amount, price, sent.params)
            return placed_order_of(told, order, size, sent_id)

        try:
            return await self._asking.change(send)
        except StaleRequest:
            self._market.clock.doubt()
            raise
        except Refused as error:
            if error.code == "-4061":  # the position's side does not match the account's mode, which has changed
                self._hedged = None
            if type(error) is not Refused or self._market.blueprint.ccxt_id != "binance":
                raise
            reason = reason_of(error, order, self._market.rule(order.trading_pair))
            raise Refused(reason, error.code) from None

    async def _is_hedged(self) -> bool:
        """Return whether the account has two positions a pair, as Binance's futures may."""
        if not self._is_binance_futures:
            return False
        if self._hedged is None:

            async def ask() -> bool:
                return bool((await self._client.fetch_position_mode())["hedged"])

            self._hedged = await self._question(ask)
        return self._hedged

    async def cancel(self, trading_pair: str, client_order_id: str, exchange_order_id: str | None) -> None:
        client = await self._ready()
        symbol = await self._market.symbol(trading_pair)
        if not self._lookup.cancels_by_client_id and exchange_order_id is None:
            exchange_order_id = (await self.order(trading_pair, client_order_id, None)).exchange_order_id
        sent_id = self.ids.sent(client_order_id) if client_order_id else None
        await self._asking.change(lambda: self._lookup.cancel(client, symbol, sent_id, exchange_order_id))

    async def order(self, trading_pair: str, client_order_id: str, exchange_order_id: str | None) -> VenueOrder:
        client = await self._ready()
        symbol = await self._market.symbol(trading_pair)
        size = self._market.contract_size(trading_pair)

        sent_id = self.ids.sent(client_order_id) if client_order_id else None

        async def ask() -> VenueOrder:
            told = await self._lookup.order(client, symbol, sent_id, exchange_order_id)
            if told is None:
                raise OrderNotKnown(f"{self.connector} knows no order {client_order_id or exchange_order_id}")
            return self.with_our_id(asked_order_of(told, trading_pair, size, sent_id))

        return await self._question(ask)

    async def open_orders(self, trading_pair: str | None = None) -> tuple[VenueOrder, ...]:
        client = await self._ready()
        symbol = None if trading_pair is None else await self._market.symbol(trading_pair)

        async def ask() -> tuple[VenueOrder, ...]:
            told = await client.fetch_open_orders(symbol)
            paired = ((one, self._market.pair(one["symbol"])) for one in told)
            return tuple(
                self.with_our_id(order_of(one, pair, self._market.contract_size(pair))) for one, pair in paired if pair
            )

        return await self._question(ask)

    async def trades(self, trading_pair: str, since_ms: int) -> tuple[VenueTrade, ...]:
        client = await self._ready()
        symbol = await self._market.symbol(trading_pair)
        size = self._market.contract_size(trading_pair)

        async def page(since: int | None, params: dict[str, Any]) -> tuple[VenueTrade, ...]:
            told = await client.fetch_my_trades(symbol, since, None, params)
            return tuple(self.with_our_id(trade_of(one, trading_pair, size)) for one in told)

        return await all_trades(
            self._market.blueprint.ccxt_id,
            lambda since, params: self._question(lambda: page(since, params)),
            since_ms,
        )

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        await self._ready()
        client = self._new_client()
        self._market.lend_markets(client)
        stream = UserStream(self, client)
        try:
            async with aclosing(stream.updates()) as updates:
                async for update in updates:
                    yield update
        finally:
            await to_its_end(client.close())

    def with_our_id(self, told: Told) -> Told:
        """Return an order or a fill under our client order id."""
        ours = self.ids.ours(told.client_order_id)
        return told if ours == told.client_order_id else msgspec.structs.replace(told, client_order_id=ours)

    async def close(self) -> None:
        await self._client.close()

    def _new_client(self) -> Any:
        return self._market.blueprint.trader(self._traffic, self._clock, self._keys)

    async def _ready(self) -> Any:
        """Return the object to ask with, when it has markets and the clock's offset is known."""
        await self._market.ready()
        if self._generation != self._market.generation:
            self._market.lend_markets(self._client)
            if self._market.order_limits:
                self._traffic.orders.change_limits(self._market.order_limits)
            self._generation = self._market.generation
        if self._clock is not None:
            await self._market.know_clock()
        return self._client

    async def _question(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask; once more with the right time where the exchange did not like it."""
        try:
            return await self._asking.question(call)
        except StaleRequest:
            if self._clock is None:
                raise
            self._clock.doubt()
            await self._market.know_clock()
            return await self._asking.question(call)


async def _price_to_pay(client: Any, symbol: str) -> str:
    """Return what a unit costs at the moment, for exchanges that take a buy at the market by its cost."""
    ticker = await client.fetch_ticker(symbol)
    return str(ticker["ask"] or ticker["last"])
