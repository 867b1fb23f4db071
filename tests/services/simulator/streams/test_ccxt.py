"""ccxt.pro's `binance` and `binanceusdm` watch everything with nothing but other base URLs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams import clients
from tests.services.simulator.streams.running import Running

_SYMBOLS = {"spot": "BTC/USDT", "usdm": "BTC/USDT:USDT"}
_CLIENTS: dict[str, Callable[..., Any]] = {"spot": clients.spot, "usdm": clients.usdm}


@contextlib.asynccontextmanager
async def client_of(venue: str, simulator: Running, account: Account | None = None) -> AsyncIterator[Any]:
    client = _CLIENTS[venue](simulator, account)
    try:
        async with asyncio.timeout(40):
            yield client
    finally:
        await client.close()


@pytest.mark.parametrize("venue", ["spot", "usdm"])
async def test_the_market_is_watched(simulator: Running, venue: str) -> None:
    symbol = _SYMBOLS[venue]
    async with client_of(venue, simulator) as client:
        await client.load_markets()
        async with asyncio.TaskGroup() as tasks:
            trades = tasks.create_task(client.watch_trades(symbol))
            ticker_watched = tasks.create_task(client.watch_ticker(symbol))
            tickers = tasks.create_task(_until_all(client.watch_tickers, symbol))
            candles_watched = tasks.create_task(client.watch_ohlcv(symbol, "1m"))
            best = tasks.create_task(client.watch_bids_asks([symbol]))
            book = await client.watch_order_book(symbol)
            before = book["nonce"]
            book = await client.watch_order_book(symbol)
        assert book["nonce"] >= before
        assert book["bids"][0][0] < book["asks"][0][0]

        trade = trades.result()[0]
        assert trade["symbol"] == symbol
        assert trade["amount"] > 0

        ticker = ticker_watched.result()
        assert ticker["symbol"] == symbol
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        assert ticker["baseVolume"] > 0
        assert tickers.result()[symbol]["symbol"] == symbol

        candles = candles_watched.result()
        assert candles[-1][0] % 60_000 == 0
        assert candles[-1][3] <= candles[-1][4] <= candles[-1][2]
        assert best.result()[symbol]["bid"] < best.result()[symbol]["ask"]


async def _until_all(watch: Callable[[], Any], symbol: str) -> Any:
    """Watch all tickers, which come as they change, until that of `symbol` is there."""
    while symbol not in (tickers := await watch()):
        pass
    return tickers


async def test_mark_prices_are_watched(simulator: Running) -> None:
    async with client_of("usdm", simulator) as client:
        mark = await client.watch_mark_price("BTC/USDT:USDT")
        assert mark["markPrice"] > 0
        funding = mark["info"]
        assert int(funding["T"]) % (8 * 3600 * 1000) == 0
        assert abs(float(funding["r"])) <= 0.0075


async def _until(watch: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    """Watch until something fits, and return it."""
    while True:
        for one in await watch():
            if fits(one):
                return one


async def _told_of(simulator: Running, venue: str, account: Account) -> None:
    """Return when an account is told what happens to it."""
    await simulator.until_watched(lambda watched: account.api_key in watched["accounts"][venue])


async def test_what_happens_to_a_spot_account_is_watched(simulator: Running) -> None:
    account = await simulator.account(USDT="100000", BTC="1")
    async with client_of("spot", simulator, account) as client, asyncio.TaskGroup() as tasks:
        closed = tasks.create_task(_until(client.watch_orders, lambda order: order["status"] == "closed"))
        traded = tasks.create_task(_until(client.watch_my_trades, lambda _: True))
        balance = tasks.create_task(client.watch_balance())
        await _told_of(simulator, "spot", account)
        placed = await client.create_order("BTC/USDT", "market", "buy", 0.01)
        order, trade = await closed, await traded
        assert (order["id"], order["symbol"], order["side"]) == (placed["id"], "BTC/USDT", "buy")
        assert order["filled"] == 0.01
        assert (trade["order"], trade["fee"]["currency"]) == (placed["id"], "BTC")
        assert (await balance)["BTC"]["free"] == pytest.approx(1.01 - 0.01 * 0.001)


async def test_what_happens_to_a_futures_account_is_watched(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with client_of("usdm", simulator, account) as client, asyncio.TaskGroup() as tasks:
        assert await client.watch_positions() == []
        closed = tasks.create_task(_until(client.watch_orders, lambda order: order["status"] == "closed"))
        traded = tasks.create_task(_until(client.watch_my_trades, lambda _: True))
        balance = tasks.create_task(client.watch_balance())
        opened = tasks.create_task(_until(client.watch_positions, lambda _: True))
        await _told_of(simulator, "usdm", account)
        placed = await client.create_order("BTC/USDT:USDT", "market", "sell", 0.02)
        order, trade, position = await closed, await traded, await opened
        assert (order["id"], order["symbol"], order["side"]) == (placed["id"], "BTC/USDT:USDT", "sell")
        assert (trade["order"], trade["fee"]["currency"]) == (placed["id"], "USDT")
        assert (await balance)["USDT"]["total"] < 100_000
        assert (position["side"], position["contracts"]) == ("short", 0.02)


async def test_conditional_futures_orders_are_watched(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with client_of("usdm", simulator, account) as client, asyncio.TaskGroup() as tasks:
        opened = tasks.create_task(_until(client.watch_orders, lambda order: order["status"] == "open"))
        await _told_of(simulator, "usdm", account)
        price = (await client.fetch_ticker("BTC/USDT:USDT"))["last"]
        stop = round(price * 1.05, 1)
        placed = await client.create_order("BTC/USDT:USDT", "market", "buy", 0.02, None, {"triggerPrice": stop})
        order = await opened
        assert (order["id"], order["triggerPrice"]) == (placed["id"], stop)
        cancelled = tasks.create_task(_until(client.watch_orders, lambda order: order["status"] == "canceled"))
        await client.cancel_order(placed["id"], "BTC/USDT:USDT", {"trigger": True})
        assert (await cancelled)["id"] == placed["id"]


async def test_spot_orders_are_placed_changed_and_asked_for_over_the_websocket_api(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    async with client_of("spot", simulator, account) as client:
        price = round((await client.fetch_ticker("BTC/USDT"))["last"] * 0.9, 2)
        order = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, price)
        assert order["status"] == "open"
        (found,) = await client.fetch_open_orders_ws("BTC/USDT")
        assert found["id"] == order["id"]
        edited = await client.edit_order_ws(order["id"], "BTC/USDT", "limit", "buy", 0.02, price)
        assert (edited["id"] != order["id"], edited["amount"], edited["status"]) == (True, 0.02, "open")
        assert (await client.fetch_order_ws(edited["id"], "BTC/USDT"))["amount"] == 0.02
        # ccxt reads no balances of that answer, but has it.
        held = {one["asset"]: one for one in (await client.fetch_balance_ws())["info"]["balances"]}
        assert float(held["USDT"]["locked"]) == pytest.approx(0.02 * price)
        await client.cancel_order_ws(edited["id"], "BTC/USDT")
        assert await client.fetch_open_orders("BTC/USDT") == []
        bought = await client.create_order_ws("BTC/USDT", "market", "buy", 0.01)
        assert [one["status"] for one in await client.fetch_orders_ws("BTC/USDT")] == ["canceled", "canceled", "closed"]
        assert {one["order"] for one in await client.fetch_my_trades_ws("BTC/USDT")} == {bought["id"]}
        await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, price)
        (cancelled,) = await client.cancel_all_orders_ws("BTC/USDT")
        assert cancelled["status"] == "canceled"


async def test_the_market_is_asked_for_over_the_websocket_api(simulator: Running) -> None:
    async with client_of("spot", simulator) as client:
        trades = await client.fetch_trades_ws("BTC/USDT", limit=10)
        assert [int(one["id"]) for one in trades] == [int(trades[0]["id"]) + number for number in range(10)]
        candles = await client.fetch_ohlcv_ws("BTC/USDT", "1m", limit=3)
        assert [row[0] for row in candles] == [candles[0][0] + number * 60_000 for number in range(3)]
    account = await simulator.account()  # ccxt signs what it asks futures for
    async with client_of("usdm", simulator, account) as client:
        book = await client.fetch_order_book_ws("BTC/USDT:USDT", 5)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert (await client.fetch_ticker_ws("BTC/USDT:USDT"))["bid"] > 0


async def test_futures_orders_are_placed_changed_and_asked_for_over_the_websocket_api(simulator: Running) -> None:
    account = await simulator.account(USDT="100000")
    pair = "BTC/USDT:USDT"
    async with client_of("usdm", simulator, account) as client:
        price = round((await client.fetch_ticker(pair))["last"])
        order = await client.create_order_ws(pair, "limit", "buy", 0.01, price - 5000)
        edited = await client.edit_order_ws(order["id"], pair, "limit", "buy", 0.02, price - 6000)
        assert (edited["id"], edited["amount"], edited["price"]) == (order["id"], 0.02, price - 6000)
        assert (await client.fetch_order_ws(order["id"], pair))["amount"] == 0.02
        assert (await client.cancel_order_ws(order["id"], pair))["status"] == "canceled"

        stop = await client.create_order_ws(pair, "market", "sell", 0.01, None, {"stopLossPrice": price - 7000})
        (waiting,) = await client.fetch_open_orders(pair, params={"trigger": True})
        assert (waiting["id"], waiting["triggerPrice"]) == (stop["id"], price - 7000)
        await client.cancel_order_ws(stop["id"], pair, {"trigger": True})
        assert await client.fetch_open_orders(pair, params={"trigger": True}) == []

        await client.create_order_ws(pair, "market", "sell", 0.01)
        (position,) = await client.fetch_positions_ws([pair])
        assert (position["side"], position["contracts"]) == ("short", 0.01)
        assert (await client.fetch_balance_ws())["USDT"]["total"] < 100_000
