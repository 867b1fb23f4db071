"""Many streams over few sockets: of the simulator, with its faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from shared.contracts.marketdata.trades import MarketTrade
from shared.exchanges import binance_books, binance_streams
from shared.exchanges.binance_market import BinanceMarket
from shared.exchanges.binance_streams import BinanceStreams
from shared.exchanges.book_sync import Snapshot
from shared.exchanges.errors import ExchangeDown, RateLimited
from shared.exchanges.market import CcxtMarket
from shared.exchanges.registry import Exchanges
from tests.eventually import eventually
from tests.shared.exchanges.conftest import PAIR
from tests.venue import SimulatedVenue

PAIRS = ("BTC-USDT", "ETH-USDT")


@pytest.fixture
async def streams(venue: SimulatedVenue) -> AsyncIterator[BinanceStreams]:
    made = BinanceStreams("paper", f"ws{venue.url.removeprefix('http')}/stream/stream")
    yield made
    await made.close()


async def first_messages(streams: BinanceStreams, *names: str) -> None:
    """Follow streams until each has brought something."""
    async with asyncio.timeout(20), aclosing(streams.follow(names)) as brought:
        async for messages in brought:
            if messages:
                return


async def test_many_followers_share_a_socket(streams: BinanceStreams) -> None:
    names = [f"{symbol}@{what}" for symbol in ("btcusdt", "ethusdt") for what in ("trade", "depth@100ms", "bookTicker")]
    await asyncio.gather(*(first_messages(streams, name) for name in names * 3))
    assert streams.sockets == 1


async def test_a_socket_that_nobody_needs_is_closed(streams: BinanceStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_streams, "LINGER", 0.05)
    await first_messages(streams, "btcusdt@depth@100ms")
    await eventually(lambda: streams.sockets == 0)
    await first_messages(streams, "btcusdt@depth@100ms")
    assert streams.sockets == 1


async def test_a_full_socket_is_followed_by_another(streams: BinanceStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_streams, "MOST_STREAMS", 1)
    began = asyncio.Event()

    async def follow(name: str) -> None:
        async with aclosing(streams.follow((name,))) as brought:
            async for _ in brought:
                if streams.sockets == 2:
                    began.set()

    tasks = [asyncio.create_task(follow(name)) for name in ("btcusdt@trade", "ethusdt@trade")]
    async with asyncio.timeout(10):
        await began.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_all_followers_are_told_when_the_socket_drops(streams: BinanceStreams, venue: SimulatedVenue) -> None:
    stands = 0

    async def follow(name: str) -> None:
        nonlocal stands
        async for _ in streams.follow((name,)):
            stands += 1

    tasks = [asyncio.create_task(follow(name)) for name in ("btcusdt@depth@100ms", "ethusdt@depth@100ms")]
    await eventually(lambda: stands > 4)
    venue.fault("dropped_socket", count=1)
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ExchangeDown, ExchangeDown]
    venue.heal()
    await first_messages(streams, "btcusdt@depth@100ms")


async def test_an_exchange_that_is_not_there() -> None:
    streams = BinanceStreams("paper", "ws://127.0.0.1:1/stream")
    with pytest.raises(ExchangeDown, match="paper"):
        await first_messages(streams, "btcusdt@trade")
    assert streams.sockets == 0


async def test_a_follower_that_is_too_slow_is_given_up(
    streams: BinanceStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binance_streams, "MOST_UNREAD", 3)
    async with aclosing(streams.follow(("btcusdt@depth@100ms",))) as brought:
        await anext(brought)
        inbox = next(iter(streams._sockets[0]._listeners.values()))[0]
        await eventually(lambda: inbox.failure is not None)
        with pytest.raises(ExchangeDown, match="not followed fast enough"):
            await anext(brought)


@pytest.mark.parametrize("kind", ["missed_message", "duplicated_message", "reordered_message", "delayed_message"])
async def test_a_book_equals_the_exchanges_after_faults(
    exchanges: Exchanges, connector: str, venue: SimulatedVenue, kind: str
) -> None:
    market = exchanges.market(connector)
    held: list[Any] = []

    async def follow() -> None:
        async for state in market.watch_book(PAIR):
            held[:] = [state]
            best = state.best(5)
            assert best.bids[0][0] < best.asks[0][0]

    following = asyncio.create_task(follow())
    await eventually(lambda: bool(held))
    more = {"delay": 0.3} if kind == "delayed_message" else {}
    for _ in range(2):
        before = held[0].update_id
        venue.fault(kind, path="btcusdt@depth*", count=1, **more)
        await eventually(lambda: held[0].update_id > before)  # noqa: B023
    venue.heal()

    async def is_the_same() -> bool:
        there = await market.fetch_book(PAIR, 20)
        here = held[0].best(20)
        return (here.bids, here.asks) == (there.bids[:20], there.asks[:20])

    await eventually(is_the_same)
    assert not following.done()
    following.cancel()
    await asyncio.wait({following})


async def test_a_book_gets_deeper_when_that_is_wanted(exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_books, "SIZES", (5, 1000))
    monkeypatch.setattr(binance_books, "ENOUGH", 3)
    market = exchanges.market("paper")
    wanted = 5
    counts: list[tuple[int, int]] = []
    async with asyncio.timeout(20):
        async for state in market.watch_book(PAIR, lambda: wanted):  # noqa: B023 - as it is at the moment
            counts.append(state.counts)
            wanted = 100
            if min(state.counts) > 20:
                break
    assert counts[0] == (5, 5)


async def test_snapshots_wait_where_the_exchange_allows_no_more(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binance_books, "PAUSE", 0.01)
    market = exchanges.market("paper")
    assert isinstance(market, CcxtMarket)
    refused = 0
    ask = CcxtMarket._snapshot

    async def limited(self: CcxtMarket, symbol: str, levels: int) -> Snapshot:
        nonlocal refused
        if refused < 3:
            refused += 1
            raise RateLimited("too much", 60.0)
        return await ask(self, symbol, levels)

    monkeypatch.setattr(CcxtMarket, "_snapshot", limited)
    async with asyncio.timeout(20):
        async for state in market.watch_book(PAIR):
            assert state.best(1).bids
            break
    assert refused == 3


async def test_snapshots_that_never_fit_end_the_stream(exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch) -> None:
    async def old(self: CcxtMarket, symbol: str, levels: int) -> Snapshot:
        return Snapshot(((1.0, 1.0),), ((2.0, 1.0),), 1, levels)

    monkeypatch.setattr(CcxtMarket, "_snapshot", old)

    async def follow() -> None:
        async for _ in exchanges.market("paper").watch_book(PAIR):
            pass

    async with asyncio.timeout(20):
        with pytest.raises(ExchangeDown, match="do not fit"):
            await follow()


async def test_trades_and_funding_are_followed(exchanges: Exchanges) -> None:
    market = exchanges.market("paper_perpetual")
    async with asyncio.timeout(30):
        batches = []
        async for trades in market.watch_trades(PAIR):
            batches.append(trades)
            if trades:
                break
        assert batches[0] == ()
        assert batches[-1][0].price > 0
        assert batches[-1][0].side in ("buy", "sell")
        async for funding in market.watch_funding(PAIR):
            asked = await market.fetch_funding(PAIR)
            assert funding.next_funding_time == asked.next_funding_time > funding.timestamp
            assert funding.mark_price == pytest.approx(asked.mark_price, rel=0.01)
            break
    assert isinstance(market, CcxtMarket)
    assert isinstance(market._binance, BinanceMarket)
    assert market._binance.sockets <= 2


@pytest.mark.parametrize("connector", ["paper", "paper_perpetual"])
async def test_trades_have_the_same_ids_by_stream_and_by_rest(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    streamed: list[MarketTrade] = []
    async with asyncio.timeout(30):
        async for trades in market.watch_trades(PAIR):
            streamed += trades
            if len(streamed) >= 3:
                break
        asked = {trade.id: trade for trade in await market.fetch_trades(PAIR)}
    assert None not in asked
    assert list(asked) == sorted(asked, key=lambda one: int(one or ""))
    for trade in streamed:
        assert asked[trade.id] == trade
