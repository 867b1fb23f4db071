"""One feed of candles over an exchange that does as the test says."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from services.marketdata.candles.feed import CandleFeed
from services.marketdata.candles.intervals import INTERVALS
from services.marketdata.candles.series import Series
from shared.contracts.marketdata.candles import LiveCandle
from shared.exchanges.errors import ExchangeDown, ExchangeError, Unsupported
from shared.exchanges.interface import CandleUpdate
from tests.eventually import eventually
from tests.pace import within
from tests.services.marketdata.candles.minutes import candle, numbers
from tests.services.marketdata.fake_market import FakeMarket

SERIES = Series("paper", "BTC-USDT", "1m")


class Followed:
    """A feed, its market, and what it has published."""

    def __init__(self, market: FakeMarket) -> None:
        self.market = market
        self.published: list[LiveCandle] = []
        #: What another replica says on the bus.
        self.bus: asyncio.Queue[LiveCandle] = asyncio.Queue()
        self.feed = CandleFeed(
            market, SERIES, INTERVALS["1m"], self.published.append, self._bus, patience=30.0, max_age=60.0
        )

    async def _bus(self) -> AsyncGenerator[LiveCandle, None]:
        while True:
            yield await self.bus.get()

    async def send(self, *updates: CandleUpdate | Exception) -> None:
        """Have the stream bring something."""
        await eventually(lambda: bool(self.market.open_streams()))
        for one in updates:
            self.market.open_streams()[-1].states.put_nowait(one)

    def questions(self) -> int:
        return sum(what == "candles" for what, _ in self.market.asked)


@pytest.fixture
def minute() -> int:
    """The minute that runs for as long as the test does: it waits for a new one if this one is about to end."""
    left = 60 - time.time() % 60
    if left < 8:
        time.sleep(left + 0.01)
    return int(time.time() // 60)


@pytest.fixture
def market(minute: int) -> FakeMarket:
    """A market with 1,000 minutes of candles, of which the last runs."""
    made = FakeMarket()
    made.all_candles = [candle(number) for number in range(minute - 999, minute + 1)]
    return made


@pytest.fixture
async def followed(market: FakeMarket) -> AsyncIterator[Followed]:
    made = Followed(market)
    yield made
    await made.feed.stop()


async def test_the_last_candles_over_several_pages(followed: Followed, minute: int) -> None:
    candles = await followed.feed.get(25, 5.0)
    assert numbers(candles) == list(range(minute - 24, minute + 1))
    assert followed.questions() > 1
    more = await followed.feed.get(300, 5.0)
    assert numbers(more) == list(range(minute - 299, minute + 1))


async def test_no_more_is_asked_while_the_stream_is_live(followed: Followed, minute: int) -> None:
    await followed.feed.get(25, 5.0)
    await followed.send(CandleUpdate(candle(minute, 11), closed=False))
    await eventually(lambda: followed.feed.supply.live_since is not None)
    asked = followed.questions()
    for volume in range(12, 40):
        await followed.send(CandleUpdate(candle(minute, volume), closed=False))
    await eventually(lambda: (followed.feed.now(25) or [candle(0)])[-1].volume == 39)
    assert followed.questions() == asked
    volumes = [live.candle.volume for live in followed.published]
    assert volumes == sorted(volumes)
    assert len(await followed.feed.get(25, 5.0)) == 25


async def test_many_who_ask_at_once_cost_one_question(followed: Followed) -> None:
    followed.market.hold = asyncio.Event()
    asking = [asyncio.create_task(followed.feed.get(10, 5.0)) for _ in range(50)]
    await eventually(lambda: followed.questions() > 0)
    assert followed.questions() == 1
    followed.market.hold.set()
    answers = await asyncio.gather(*asking)
    assert all(one == answers[0] for one in answers)


async def test_an_end_that_was_missed_is_asked_for(followed: Followed, minute: int) -> None:
    await followed.feed.get(5, 5.0)
    await followed.send(CandleUpdate(candle(minute, 12), closed=False))
    followed.market.all_candles[-1] = candle(minute, 77)
    followed.market.all_candles.append(candle(minute + 1, 3))
    await followed.send(CandleUpdate(candle(minute + 1, 2), closed=False))
    await eventually(lambda: numbers(followed.feed.now(5) or [])[-1:] == [minute + 1])
    assert [one.volume for one in (followed.feed.now(2) or [])] == [77, 3]
    assert [live.candle for live in followed.published if live.closed] == [candle(minute, 77)]


async def test_a_broken_stream_is_opened_again_and_what_was_missed_asked_for(followed: Followed, minute: int) -> None:
    followed.market.all_candles = [candle(number) for number in range(minute - 50, minute - 9)]
    await followed.feed.get(5, 5.0)
    await followed.send(CandleUpdate(candle(minute - 10), closed=True), ExchangeDown("gone"))
    followed.market.all_candles = [candle(number) for number in range(minute - 50, minute + 1)]
    await eventually(lambda: len(followed.market.streams) == 2)
    await followed.send(CandleUpdate(candle(minute, 11), closed=False))
    await eventually(lambda: numbers(followed.feed.now(12) or []) == list(range(minute - 11, minute + 1)))


@pytest.mark.parametrize("failure", [Unsupported("no such stream"), ExchangeDown("gone")])
async def test_without_a_stream_rest_answers_at_most_once_a_second(
    market: FakeMarket, minute: int, failure: ExchangeError
) -> None:
    market.stream_failure = failure
    followed = Followed(market)
    first = await followed.feed.get(5, 5.0)
    asked = followed.questions()
    for _ in range(20):
        assert await followed.feed.get(5, 5.0) == first
    assert followed.questions() == asked
    await followed.feed.stop()


async def test_an_exchange_that_is_down_from_the_first(market: FakeMarket) -> None:
    market.failure = market.stream_failure = ExchangeDown("gone")
    followed = Followed(market)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(ExchangeDown, match="gone"):
            await followed.feed.get(5, 3.0)
    within(9, began)
    await followed.feed.stop()


async def test_the_last_ones_are_given_for_a_while_when_the_exchange_goes(
    followed: Followed, minute: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles = await followed.feed.get(5, 5.0)
    followed.market.failure = followed.market.stream_failure = ExchangeDown("gone")
    await followed.send(ExchangeDown("gone"))
    await eventually(lambda: followed.feed.now(5) is None)
    assert await followed.feed.get(5, 3.0) == candles
    monkeypatch.setattr(followed.feed, "_max_age", 0.0)
    with pytest.raises(ExchangeDown):
        await followed.feed.get(5, 3.0)


async def test_an_exchange_that_hangs_is_given_up_in_time(market: FakeMarket) -> None:
    market.hold = asyncio.Event()
    followed = Followed(market)
    began = time.monotonic()
    with pytest.raises(ExchangeDown):
        await followed.feed.get(5, 0.5)
    within(3, began)
    await followed.feed.stop()


async def test_a_pair_that_was_never_traded_has_none(market: FakeMarket) -> None:
    market.all_candles = []
    followed = Followed(market)
    assert await followed.feed.get(5, 5.0) == []
    await followed.feed.stop()


async def test_what_another_replica_follows_is_taken_from_the_bus(followed: Followed, minute: int) -> None:
    await followed.feed.get(5, 5.0)
    await eventually(lambda: len(followed.market.open_streams()) == 1)
    followed.feed.supply.turn(False)
    published, asked = len(followed.published), followed.questions()
    for volume in (11, 12, 13):
        followed.bus.put_nowait(LiveCandle("paper", "BTC-USDT", "1m", candle(minute, volume), False))
    await eventually(lambda: (followed.feed.now(5) or [candle(0)])[-1].volume == 13)
    await eventually(lambda: not followed.market.open_streams())
    followed.feed.beat()
    assert (len(followed.published), followed.questions()) == (published, asked)
    # The owner has died.
    followed.feed.supply.turn(True)
    await followed.send(CandleUpdate(candle(minute, 14), closed=False))
    await eventually(lambda: bool(followed.published) and followed.published[-1].candle.volume == 14)
    assert [one.volume for one in await followed.feed.get(1, 5.0)] == [14]


async def test_what_has_ended_while_nobody_led_is_told_wherever_it_is_known_from(
    followed: Followed, minute: int
) -> None:
    """Who is asked asks the exchange, and keeps to itself what that tells: it does not lead yet."""
    followed.market.all_candles = [candle(number) for number in range(minute - 9, minute - 3)]
    await followed.feed.get(5, 5.0)
    followed.feed.supply.turn(False)
    followed.bus.put_nowait(LiveCandle("paper", "BTC-USDT", "1m", candle(minute - 4), True))
    followed.bus.put_nowait(LiveCandle("paper", "BTC-USDT", "1m", candle(minute - 3), False))
    await eventually(lambda: followed.bus.empty() and not followed.market.open_streams())
    followed.published.clear()
    # Its owner is dead; somebody asks meanwhile, for more than was ever asked for.
    followed.market.all_candles = [candle(number) for number in range(minute - 999, minute + 1)]
    await followed.feed.get(200, 5.0)
    assert followed.published == []
    followed.feed.supply.turn(True)
    await followed.send(CandleUpdate(candle(minute, 14), closed=False))
    told = [(minute - 3, True), (minute - 2, True), (minute - 1, True), (minute, False)]
    await eventually(lambda: len(followed.published) >= len(told))
    assert [(live.candle.timestamp / 60, live.closed) for live in followed.published] == told


async def test_a_stream_that_goes_on_beside_the_bus_takes_no_end_from_it(followed: Followed, minute: int) -> None:
    await followed.feed.get(5, 5.0)
    followed.feed.supply.turn(False)
    followed.published.clear()
    await followed.send(CandleUpdate(candle(minute, 12), closed=True))
    await eventually(lambda: (followed.feed.now(1) or [candle(0)])[-1].volume == 12)
    assert followed.published == []
    # The owner has died before it could be heard here.
    before = followed.market.open_streams()
    followed.feed.supply.turn(True)
    await eventually(lambda: all(stream.closed for stream in before))
    await followed.send(CandleUpdate(candle(minute + 1, 1), closed=False))
    await eventually(lambda: len(followed.published) >= 2)
    assert [(live.candle.volume, live.closed) for live in followed.published] == [(12, True), (1, False)]


async def test_a_feed_that_is_led_from_here_is_heard_of(
    followed: Followed, minute: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.marketdata.candles.feed.BEAT", 0.0)
    await followed.feed.get(5, 5.0)
    followed.feed.beat()
    published = len(followed.published)
    await followed.send(CandleUpdate(candle(minute, 11), closed=False))
    await eventually(lambda: followed.feed.supply.live_since is not None)
    await eventually(lambda: len(followed.published) > published)
    followed.feed.beat()
    assert [live.candle.volume for live in followed.published[-2:]] == [11, 11]
