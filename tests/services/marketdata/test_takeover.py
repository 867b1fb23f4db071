"""Replicas as processes under their permissions: the one that leads a feed is killed, and another goes on."""

import signal
import time
from itertools import pairwise

import msgspec
from nats.aio.msg import Msg

from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import Nothing
from shared.contracts.declaration import OUTSIDE
from shared.contracts.marketdata.books import BOOK, DIAGNOSE_BOOKS, GET_BOOK, BookFilter, LiveBook
from shared.contracts.marketdata.candles import CANDLE, RECENT_CANDLES, Candle, LiveCandle, RecentCandles
from shared.contracts.marketdata.feeds import FOLLOW_FEED, LIST_FEEDS, FeedKind, FeedRef
from shared.contracts.marketdata.fields import MarketRef
from shared.contracts.marketdata.trades import TRADES, LiveTrades
from shared.errors import CommandError
from shared.exchanges.endpoints import endpoint_of
from shared.exchanges.registry import Exchanges
from tests.eventually import eventually
from tests.services.marketdata.test_app import Replicas, bus, replicas, serving
from tests.services.simulator.process import SimulatorProcess

__all__ = ["bus", "replicas"]

BTC = "BTC-USDT"
#: Seconds in which a feed goes on after its leader was killed: the lease, an attempt, and the first state.
TAKEOVER = 8.0


async def figure(bus: Bus, name: str) -> float:
    """Return the sum of a figure of all replicas."""
    answers = await bus.discover("STATS", wait=0.1)
    return sum(float(answer["metadata"].get(name, 0.0)) for answer in answers)


async def test_a_feed_outlives_its_leader(replicas: Replicas, simulator: SimulatorProcess, bus: Bus) -> None:
    books: list[float] = []
    trades: list[LiveTrades] = []
    client = await connect(replicas.settings_of(OUTSIDE), OUTSIDE)

    async def take_book(message: Msg) -> None:
        books.append(msgspec.json.decode(message.data, type=LiveBook).timestamp)

    async def take_trades(message: Msg) -> None:
        trades.append(msgspec.json.decode(message.data, type=LiveTrades))

    await client.subscribe_directly(Subjects().live(BOOK, "paper", BTC), take_book)
    await client.subscribe_directly(Subjects().live(TRADES, "paper", BTC), take_trades)
    await client.flush()

    leader = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    feeds = [FeedRef(kind, "paper", BTC) for kind in (FeedKind.BOOK, FeedKind.TRADES)]
    for feed in feeds:
        await bus.request(FOLLOW_FEED, feed, actor=OUTSIDE)
    await eventually(lambda: bool(books) and bool(trades))
    await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 2)

    async def both_follow() -> bool:
        for feed in feeds:
            await bus.request(FOLLOW_FEED, feed, actor=OUTSIDE)
        return await figure(bus, "feeds_elsewhere") == 2

    await eventually(both_follow, seconds=15)
    # One that the other replica has heard as well: from there on it knows what was missed.
    heard = len(trades)
    await eventually(lambda: any(one.trades for one in trades[heard:]))
    before = trades[-1].sequence
    leader.kill()
    await leader.wait()
    killed = time.time()

    async def asked() -> float:
        """Return the time of the book that who asks gets."""
        try:
            return (await bus.request(GET_BOOK, BookFilter("paper", BTC), actor=OUTSIDE, timeout=1.0)).timestamp
        except CommandError:
            return 0.0  # taken by the one that is dead

    await eventually(lambda: books[-1] > killed, seconds=TAKEOVER)
    await eventually(lambda: any(one.trades and one.trades[-1].timestamp > killed for one in trades), seconds=TAKEOVER)

    async def is_fresh() -> bool:
        return await asked() > killed

    await eventually(is_fresh)
    # Not one trade is left out, nor told twice, although for seconds nobody followed the exchange.
    told = [int(trade.id or "") for one in trades for trade in one.trades]
    assert told == list(range(told[0], told[0] + len(told)))
    # The numbers go on from those of the leader before.
    after = [one.sequence for one in trades if one.sequence > before]
    assert after == sorted(after)

    async def leads_both() -> bool:
        return await figure(bus, "feeds_owned") == 2

    await eventually(leads_both)
    await client.close()


async def test_candles_outlive_their_leader(replicas: Replicas, simulator: SimulatorProcess, bus: Bus) -> None:
    told: list[LiveCandle] = []
    client = await connect(replicas.settings_of(OUTSIDE), OUTSIDE)

    async def take(message: Msg) -> None:
        told.append(msgspec.json.decode(message.data, type=LiveCandle))

    await client.subscribe_directly(Subjects().live(CANDLE, "paper", BTC, "1s"), take)
    await client.flush()
    leader = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    seconds = FeedRef(FeedKind.CANDLES, "paper", BTC, "1s")
    await bus.request(FOLLOW_FEED, seconds, actor=OUTSIDE)
    await eventually(lambda: sum(one.closed for one in told) >= 2)
    await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 2)

    async def both_follow() -> bool:
        await bus.request(FOLLOW_FEED, seconds, actor=OUTSIDE)
        return await figure(bus, "feeds_elsewhere") == 1

    await eventually(both_follow, seconds=15)
    # One that the other replica has heard as well: from there on it knows what was missed.
    heard = len(told)
    await eventually(lambda: any(one.closed for one in told[heard:]))
    leader.kill()
    await leader.wait()
    killed = time.time()
    # Several candles after the hole: those of the hole were told before them, each as it was in the end.
    await eventually(
        lambda: sum(one.closed and one.candle.timestamp > killed + 1 for one in told) >= 8, seconds=TAKEOVER + 8
    )
    closed = {one.candle.timestamp: one.candle for one in told if one.closed}
    assert list(closed) == sorted(closed)
    assert list(closed) == [min(closed) + number for number in range(len(closed))]

    async def recent() -> list[Candle]:
        try:
            return await bus.request(RECENT_CANDLES, RecentCandles("paper", BTC, "1s", 60), actor=OUTSIDE, timeout=2.0)
        except CommandError:
            return []  # taken by the one that is dead

    candles: list[Candle] = []

    async def answered() -> bool:
        candles[:] = await recent()
        return bool(candles)

    await eventually(answered, seconds=15)
    assert [later.timestamp - one.timestamp for one, later in pairwise(candles)] == [1.0] * (len(candles) - 1)
    assert {one.timestamp: one for one in candles if one.timestamp in closed}.items() <= closed.items()
    # The exchange says the same, also of the running candle: what was told last of it is what it became.
    asked = {one.timestamp: one for one in await exchange_says(simulator, candles[0].timestamp)}
    for one in candles[:-1]:
        assert asked[one.timestamp] == one
    for at, candle in closed.items():
        assert at not in asked or asked[at] == candle
    running = [one.candle for one in told if not one.closed and one.candle.timestamp in closed]
    wrong = [(one, closed[one.timestamp]) for one in running if not is_on_the_way(one, closed[one.timestamp])]
    assert wrong == []
    await client.close()


def is_on_the_way(running: Candle, ended: Candle) -> bool:
    """Return whether a running candle can have become what it was in the end."""
    return (
        running.open == ended.open
        and ended.low <= running.low <= running.high <= ended.high
        and running.n_trades <= ended.n_trades
    )


async def exchange_says(simulator: SimulatorProcess, since: float) -> tuple[Candle, ...]:
    """Return the candles since a time as the exchange tells them."""
    exchanges = Exchanges({"paper": endpoint_of(simulator.url)})
    try:
        return await exchanges.market("paper").fetch_candles(BTC, "1s", int(since * 1000), 1000)
    finally:
        await exchanges.close()


async def test_a_replica_that_is_stopped_holds_up_no_list(
    replicas: Replicas, simulator: SimulatorProcess, bus: Bus
) -> None:
    stopped = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    await bus.request(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", "ETH-USDT"), actor=OUTSIDE)
    await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 2)

    async def both_are_told_of() -> bool:
        await bus.request(FOLLOW_FEED, FeedRef(FeedKind.BOOK, "paper", BTC), actor=OUTSIDE)
        feeds = await bus.request(LIST_FEEDS, Nothing(), actor=OUTSIDE)
        return await figure(bus, "book_feeds") == 2 and len(feeds) == 2

    await eventually(both_are_told_of, seconds=15)
    stopped.send_signal(signal.SIGSTOP)
    try:
        took: list[float] = []
        until = time.monotonic() + 20
        while len(took) < 5 and time.monotonic() < until:
            began = time.monotonic()
            try:
                feeds = await bus.request(LIST_FEEDS, Nothing(), actor=OUTSIDE, timeout=1.5)
                diagnosed = await bus.request(DIAGNOSE_BOOKS, MarketRef("paper"), actor=OUTSIDE, timeout=1.5)
            except CommandError:
                continue  # the bus gave it to the one that is stopped
            took.append(time.monotonic() - began)
            assert f"order_book_paper_{BTC}" in feeds
            assert diagnosed.trading_pairs == (BTC,)
        assert len(took) == 5
        # Once it counts as gone nobody waits for it any more.
        assert took[-1] < 0.5
    finally:
        stopped.send_signal(signal.SIGCONT)
