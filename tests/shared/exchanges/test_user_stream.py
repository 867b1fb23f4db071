"""What an account's user stream brings, and how it ends."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.portfolio.orders import TradeType
from shared.exchanges import clients
from shared.exchanges.binance_user_events import attend
from shared.exchanges.clients import Blueprint
from shared.exchanges.errors import ExchangeDown, ExchangeError, KeysRefused, Unsupported
from shared.exchanges.interface import AccountUpdate, AssetBalance, TradingAccount, VenueOrder, VenueStatus, VenueTrade
from shared.exchanges.registry import Exchanges
from shared.tasks import end_task
from tests.shared.exchanges.conftest import PAIR, OpenAccount, order, price_near
from tests.venue import SimulatedVenue


class Followed:
    """What a stream has brought so far."""

    def __init__(self) -> None:
        self.updates: list[AccountUpdate] = []
        self.changed = asyncio.Event()
        self.error: ExchangeError | None = None

    @property
    def orders(self) -> list[VenueOrder]:
        return [one for update in self.updates for one in update.orders]

    @property
    def trades(self) -> list[VenueTrade]:
        return [one for update in self.updates for one in update.trades]

    @property
    def balances(self) -> dict[str, AssetBalance]:
        return {one.token: one for update in self.updates for one in update.balances}

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(15):
            while not true():
                await self.changed.wait()
                self.changed.clear()


@asynccontextmanager
async def followed(account: TradingAccount) -> AsyncIterator[Followed]:
    """Follow an account's stream from when it stands."""
    seen = Followed()

    async def follow() -> None:
        stream: Any = account.updates()
        try:
            async with aclosing(stream):
                async for update in stream:
                    seen.updates.append(update)
                    seen.changed.set()
        except ExchangeError as error:
            seen.error = error
            seen.changed.set()

    task = asyncio.create_task(follow())
    try:
        await seen.until(lambda: seen.updates or seen.error)
        yield seen
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_the_first_word_is_that_it_stands(account: TradingAccount) -> None:
    async with followed(account) as seen:
        assert seen.updates[0] == AccountUpdate(resync=True)


async def test_an_order_is_told_from_its_opening_to_its_end(account: TradingAccount) -> None:
    asked = order(await price_near(account, "0.9"))
    async with followed(account) as seen:
        await account.place(asked)
        await seen.until(lambda: seen.orders)
        opened = seen.orders[0]
        assert (opened.client_order_id, opened.status) == (asked.client_order_id, VenueStatus.OPEN)
        assert (opened.amount, opened.price, opened.trading_pair) == (asked.amount, asked.price, PAIR)

        await account.cancel(PAIR, asked.client_order_id, None)
        await seen.until(lambda: seen.orders[-1].status is VenueStatus.CANCELLED)
        assert seen.orders[-1].client_order_id == asked.client_order_id
        assert seen.orders[-1].exchange_order_id == opened.exchange_order_id


async def test_fills_are_told_with_fees_our_order_id_and_the_balances_after_them(account: TradingAccount) -> None:
    began = int(time.time() * 1000) - 1000
    asked = order(None, "0.02")
    async with followed(account) as seen:
        placed = await account.place(asked)
        await seen.until(lambda: sum(trade.amount for trade in seen.trades) == asked.amount)
        await seen.until(lambda: any(one.status is VenueStatus.FILLED for one in seen.orders))

        assert {trade.client_order_id for trade in seen.trades} == {asked.client_order_id}
        assert all(trade.fee is not None and trade.fee.amount > 0 for trade in seen.trades)
        listed = await account.trades(PAIR, began)
        assert [one.trade_id for one in seen.trades] == [one.trade_id for one in listed]
        assert [(one.price, one.amount, one.at_ms, one.fee) for one in seen.trades] == [
            (one.price, one.amount, one.at_ms, one.fee) for one in listed
        ]
        assert seen.orders[-1].average_price == placed.average_price

        fees = sum(trade.fee.amount for trade in seen.trades if trade.fee is not None)
        cost = sum(trade.amount * trade.price for trade in seen.trades)
        usdt = 100_000 - (cost if account.connector == "paper" else fees)
        await seen.until(lambda: seen.balances.get("USDT") and seen.balances["USDT"].total == usdt)
        if account.connector == "paper":
            assert seen.balances["BTC"].total == 1 + asked.amount - fees
        else:
            assert seen.balances["USDT"].available < usdt


async def test_no_order_of_many_is_missed(account: TradingAccount) -> None:
    price = await price_near(account, "0.9")
    many = [order(price, "0.002") for _ in range(60)]
    async with followed(account) as seen:
        await asyncio.gather(*(account.place(one) for one in many))
        await asyncio.gather(*(account.cancel(PAIR, one.client_order_id, None) for one in many))

        def ended() -> set[str | None]:
            return {one.client_order_id for one in seen.orders if one.status is VenueStatus.CANCELLED}

        await seen.until(lambda: len(ended()) == len(many))
        assert ended() == {one.client_order_id for one in many}


async def test_no_fill_of_many_is_missed_or_told_twice(account: TradingAccount) -> None:
    many = [order(None, "0.002", side=side) for side in (TradeType.BUY, TradeType.SELL) for _ in range(15)]
    async with followed(account) as seen:
        await asyncio.gather(*(account.place(one) for one in many))
        await seen.until(lambda: sum(trade.amount for trade in seen.trades) >= Decimal("0.06"))

        assert len({trade.trade_id for trade in seen.trades}) == len(seen.trades)
        for one in many:
            fills = [trade for trade in seen.trades if trade.client_order_id == one.client_order_id]
            assert sum(trade.amount for trade in fills) == one.amount


async def test_a_deposit_is_told(account: TradingAccount, venue: SimulatedVenue, credential: dict[str, str]) -> None:
    field = "balances" if account.connector == "paper" else "futures_balances"
    async with followed(account) as seen:
        venue.admin("PUT", f"/accounts/{credential['paper_api_key']}/balances", {field: {"USDT": "123456"}})
        await seen.until(lambda: seen.balances.get("USDT") and seen.balances["USDT"].total == 123456)
        assert seen.balances["USDT"].available == 123456


async def test_a_dropped_socket_ends_it_and_another_stands(account: TradingAccount, venue: SimulatedVenue) -> None:
    price = await price_near(account, "0.9")
    async with followed(account) as seen:
        venue.fault("dropped_socket", path="userData", count=1)
        await account.place(order(price))
        await seen.until(lambda: seen.error)
        assert isinstance(seen.error, ExchangeDown)
    venue.heal()
    async with followed(account) as seen:
        asked = order(price)
        await account.place(asked)
        await seen.until(lambda: seen.orders)
        assert seen.orders[0].client_order_id == asked.client_order_id


async def test_maintenance_ends_it_and_refuses_another(account: TradingAccount, venue: SimulatedVenue) -> None:
    await account.balances()
    async with followed(account) as seen:
        venue.fault("maintenance")
        await seen.until(lambda: seen.error)
        assert isinstance(seen.error, ExchangeDown)
    async with followed(account) as seen:
        assert isinstance(seen.error, ExchangeDown)
        assert seen.updates == []


@pytest.mark.parametrize(
    ("connector", "wrong"),
    [
        ("paper", "paper_api_secret"),
        ("paper", "paper_api_key"),
        # Binance gives a listen key of its futures for a key alone, without a signature.
        ("paper_perpetual", "paper_api_key"),
    ],
)
async def test_wrong_keys_are_told(connector: str, wrong: str, credential: dict[str, str], opened: OpenAccount) -> None:
    async with opened(connector, credential | {wrong: "0" * 64}) as account, followed(account) as seen:
        assert isinstance(seen.error, KeysRefused)


async def test_the_end_that_an_exchange_sets_is_noticed(
    account: TradingAccount, venue: SimulatedVenue, credential: dict[str, str]
) -> None:
    async with followed(account) as seen:
        venue.forget(credential)
        await seen.until(lambda: seen.error)


async def test_a_dead_exchange_is_noticed_and_its_next_life_found() -> None:
    venue = SimulatedVenue()
    exchanges = Exchanges({"paper": venue.url})
    account = exchanges.account("paper", venue.credential({"USDT": "1000"}))
    try:
        async with followed(account) as seen:
            venue.kill()
            await seen.until(lambda: seen.error)
            assert isinstance(seen.error, ExchangeDown)
        async with followed(account) as seen:
            assert isinstance(seen.error, ExchangeDown)
        venue.start()
        again = exchanges.account("paper", venue.credential({"USDT": "1000"}))
        async with followed(again) as seen:
            assert seen.updates[0].resync
        await again.close()
    finally:
        await account.close()
        await exchanges.close()
        venue.stop()


@pytest.mark.parametrize("kind", ["duplicated_message", "reordered_message", "delayed_message"])
async def test_messages_that_come_twice_late_or_in_another_order_do_not_end_it(
    account: TradingAccount, venue: SimulatedVenue, kind: str
) -> None:
    price = await price_near(account, "0.9")
    async with followed(account) as seen:
        venue.fault(kind, path="userData", count=3, **({"delay": 0.2} if kind == "delayed_message" else {}))
        many = [order(price, "0.002") for _ in range(5)]
        for one in many:
            await account.place(one)
        await account.place(order(None, "0.01"))
        await seen.until(lambda: len({one.client_order_id for one in seen.orders}) >= 5)
        await seen.until(lambda: sum(trade.amount for trade in {t.trade_id: t for t in seen.trades}.values()))
        assert seen.error is None


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes abilities from the exchange, as many others lack them."""
    make = Blueprint.trader

    def take(*abilities: str) -> None:
        def trader(self: Blueprint, *asked: Any) -> Any:
            client = make(self, *asked)
            client.has = {**client.has, **dict.fromkeys(abilities, False)}
            return client

        monkeypatch.setattr(Blueprint, "trader", trader)

    return take


async def test_what_is_not_streamed_is_asked_for(
    lacking: Callable[..., None], exchanges: Exchanges, connector: str, credential: dict[str, str]
) -> None:
    lacking("watchMyTrades", "watchBalance")
    account = exchanges.account(connector, credential)
    asked = order(None, "0.02")
    async with followed(account) as seen:
        await account.place(asked)
        await seen.until(lambda: sum(trade.amount for trade in seen.trades) == asked.amount)
        assert all(trade.fee is not None and trade.fee.amount > 0 for trade in seen.trades)
        assert len({trade.trade_id for trade in seen.trades}) == len(seen.trades)
        await seen.until(lambda: "USDT" in seen.balances and seen.balances["USDT"].total < 100_000)

        again = order(None, "0.01", side=TradeType.SELL)
        await account.place(again)
        await seen.until(lambda: sum(trade.amount for trade in seen.trades) == asked.amount + again.amount)
        assert len({trade.trade_id for trade in seen.trades}) == len(seen.trades)
        (left,) = [one for one in await account.balances() if one.token == "USDT"]
        await seen.until(lambda: seen.balances["USDT"].total == left.total)
    await account.close()


async def test_what_is_asked_for_is_asked_again_until_there_is_an_answer(
    lacking: Callable[..., None], exchanges: Exchanges, venue: SimulatedVenue, credential: dict[str, str]
) -> None:
    lacking("watchMyTrades", "watchBalance")
    account = exchanges.account("paper", credential)
    async with followed(account) as seen:
        for path in ("/api/v3/myTrades", "/api/v3/account"):
            venue.fault("server_error", path=path, count=2)
        await account.place(order(None, "0.02"))
        await seen.until(lambda: seen.trades and "BTC" in seen.balances)
        assert seen.error is None
    await account.close()


async def test_without_a_stream_of_orders_there_is_none(
    lacking: Callable[..., None], exchanges: Exchanges, connector: str, credential: dict[str, str]
) -> None:
    lacking("watchOrders")
    account = exchanges.account(connector, credential)
    async with followed(account) as seen:
        assert isinstance(seen.error, Unsupported)
    await account.close()


async def test_an_exchange_that_has_fallen_silent_is_noticed(monkeypatch: pytest.MonkeyPatch, connector: str) -> None:
    monkeypatch.setattr(clients, "PING_MS", 200)
    venue = SimulatedVenue()
    silent = Exchanges({connector: venue.url})
    account = silent.account(connector, venue.credential({"USDT": "1000"}, {"USDT": "1000"}))
    try:
        async with followed(account) as seen:
            assert seen.updates == [AccountUpdate(resync=True)]
            venue.process.send_signal(signal.SIGSTOP)
            await seen.until(lambda: seen.error)
            assert isinstance(seen.error, ExchangeDown)
    finally:
        venue.process.send_signal(signal.SIGCONT)
        await account.close()
        await silent.close()
        venue.stop()


class Socket:
    """What a message comes over."""

    def __init__(self) -> None:
        self.rejected: list[Exception] = []

    def reject(self, error: Exception) -> None:
        self.rejected.append(error)


class Handler:
    """What ccxt does with messages."""

    def __init__(self) -> None:
        self.handled: list[Any] = []

    def handle_message(self, socket: Socket, message: Any) -> None:
        self.handled.append(message)


@pytest.mark.parametrize(
    ("message", "ends", "asks"),
    [
        ({"e": "listenKeyExpired", "E": 1, "listenKey": "k"}, True, False),
        ({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}}, True, False),
        ({"subscriptionId": 0, "event": {"e": "balanceUpdate", "a": "BTC", "d": "1"}}, False, True),
        ({"event": {"e": "externalLockUpdate", "a": "BTC", "d": "1"}}, False, True),
        ({"event": {"e": "executionReport"}}, False, False),
        ({"e": "ORDER_TRADE_UPDATE"}, False, False),
        ({"id": "1", "status": 200}, False, False),
        ([{"e": "24hrTicker"}], False, False),
        ("text", False, False),
    ],
)
def test_messages_of_binance_that_ccxt_leaves_lying(message: Any, ends: bool, asks: bool) -> None:
    handler, socket, wanted = Handler(), Socket(), asyncio.Event()
    attend(handler, wanted)

    handler.handle_message(socket, message)

    assert [type(error) for error in socket.rejected] == ([ExchangeDown] if ends else [])
    assert wanted.is_set() == asks
    assert handler.handled == ([] if ends or asks else [message])


async def test_a_stream_that_is_given_up_while_it_closes_is_closed(
    venue: SimulatedVenue, account: TradingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, closed = asyncio.Event(), asyncio.Event()
    trader = Blueprint.trader

    def slow_to_close(*asked: Any) -> Any:
        client = trader(*asked)
        close = client.close

        async def close_slowly() -> None:
            closing.set()
            await asyncio.sleep(0.2)
            await close()
            closed.set()

        client.close = close_slowly
        return client

    monkeypatch.setattr(Blueprint, "trader", slow_to_close)

    async def follow() -> None:
        async for _ in account.updates():
            venue.fault("dropped_socket", path="/*", count=1)

    following = asyncio.create_task(follow())
    async with asyncio.timeout(20):
        await closing.wait()
        await end_task(following)
        await closed.wait()
