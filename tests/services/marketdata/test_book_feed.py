"""The book of one pair: the first answer, memory, depth, and an exchange that is away or sends rubbish."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
import pytest

from services.marketdata import book_feed as module
from services.marketdata import shared_fetch, soonest
from services.marketdata.book_feed import BookFeed
from services.marketdata.failures import NoAnswer
from shared.contracts.marketdata.books import LiveBook
from shared.exchanges.errors import ExchangeDown
from tests.eventually import eventually
from tests.services.marketdata.fake_market import FakeMarket, book


async def nothing() -> AsyncGenerator[LiveBook, None]:
    """A bus on which nothing is sent."""
    await asyncio.Event().wait()
    yield book()


class Fed:
    """A feed over a fake market, with what it has published."""

    def __init__(self, max_age: float = 60.0) -> None:
        self.market = FakeMarket()
        self.market.books["BTC-USDT"] = book(at=1.0)
        self.published: list[LiveBook] = []
        self.feed = BookFeed(self.market, "BTC-USDT", self._published, nothing, patience=60.0, max_age=max_age)

    def _published(self, pair: str, text: bytes) -> None:
        assert pair == "BTC-USDT"
        self.published.append(msgspec.json.decode(text, type=LiveBook))

    async def send(self, state: LiveBook | Exception) -> None:
        """Have the newest stream bring `state`, and wait until it is taken."""
        await eventually(lambda: bool(self.market.open_streams()))
        stream = self.market.open_streams()[-1]
        stream.states.put_nowait(state)
        await eventually(lambda: stream.states.empty() and (stream.closed or self.feed.supply.live_since is not None))


@pytest.fixture
async def fed() -> AsyncIterator[Fed]:
    made = Fed()
    yield made
    await made.feed.stop()


async def test_the_first_answer_by_rest_when_the_stream_is_late(fed: Fed) -> None:
    assert fed.feed.now(5) is None
    assert await fed.feed.get(5, 5) == book(at=1.0)
    assert fed.market.asked == [("book", ("BTC-USDT", 50))]


async def test_the_first_answer_by_the_stream_when_rest_is_late(fed: Fed) -> None:
    fed.market.hold = asyncio.Event()
    answer = asyncio.create_task(fed.feed.get(5, 5))
    await fed.send(book(at=2.0))
    assert (await answer).timestamp == 2.0


async def test_the_first_answer_by_the_stream_when_rest_fails(fed: Fed) -> None:
    fed.market.failure = ExchangeDown("it is away")
    answer = asyncio.create_task(fed.feed.get(5, 5))
    await eventually(lambda: bool(fed.market.asked))
    await fed.send(book(at=2.0))
    assert (await answer).timestamp == 2.0


async def test_afterwards_memory_answers(fed: Fed) -> None:
    await fed.send(book(at=2.0))
    for at in range(3, 6):
        await fed.send(book(at=float(at)))
        found = fed.feed.now(5)
        assert found is not None
        assert found.timestamp == at
    assert fed.market.asked == []


async def test_neither_in_time(fed: Fed) -> None:
    fed.market.hold = asyncio.Event()
    with pytest.raises(NoAnswer):
        await fed.feed.get(5, 0.05)


async def test_an_exchange_that_is_away_leaves_the_last_book_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soonest, "GRACE", 0.02)
    for max_age in (60.0, 0.0):
        fed = Fed(max_age)
        await fed.send(book(at=2.0))
        fed.market.failure = fed.market.stream_failure = ExchangeDown("it is away")
        await fed.send(ExchangeDown("it is away"))
        await eventually(lambda: fed.feed.supply.live_since is None)  # noqa: B023
        assert fed.feed.now(5) is None
        if max_age:
            assert (await fed.feed.get(5, 5)).timestamp == 2.0
        else:
            with pytest.raises(ExchangeDown):
                await fed.feed.get(5, 5)
        await fed.feed.stop()


async def test_rest_answers_while_the_stream_is_broken(fed: Fed) -> None:
    await fed.send(book(at=2.0))
    fed.market.stream_failure = ExchangeDown("it is away")
    fed.market.books["BTC-USDT"] = book(at=3.0)
    await fed.send(ExchangeDown("it is away"))
    answers = await asyncio.gather(*(fed.feed.get(5, 5) for _ in range(10)))
    assert {answer.timestamp for answer in answers} == {3.0}
    assert len(fed.market.asked) == 1


@pytest.mark.parametrize("rubbish", [book(bid=102.0, ask=101.0), book(bid=float("nan")), ValueError("rubbish")])
async def test_rubbish_never_becomes_the_book(fed: Fed, rubbish: LiveBook | Exception) -> None:
    await fed.send(book(at=2.0))
    await fed.send(rubbish)
    await eventually(lambda: len(fed.market.streams) == 2)
    assert fed.feed.now(5) is None
    await fed.send(book(at=3.0))
    found = fed.feed.now(5)
    assert found is not None
    assert found.timestamp == 3.0
    assert [state.timestamp for state in fed.published] == [2.0]  # the same levels again are no change


async def test_what_is_sent_is_the_best_levels_when_they_change(fed: Fed) -> None:
    deep = book(1000.0, 1001.0, levels=80, at=1.0)
    await fed.send(deep)
    await fed.send(deep)
    only_deep = LiveBook(deep.connector_name, deep.trading_pair, deep.bids[:79], deep.asks, 2.0)
    await fed.send(only_deep)
    await fed.send(book(1000.5, 1001.0, levels=80, at=3.0))
    assert [state.timestamp for state in fed.published] == [1.0, 3.0]
    assert all(len(state.bids) == len(state.asks) == 50 for state in fed.published)


async def test_deeper_than_the_stream_by_rest(fed: Fed) -> None:
    fed.market.books["BTC-USDT"] = book(1000.0, 1001.0, levels=300, at=5.0)
    await fed.send(book(1000.0, 1001.0, levels=20, at=6.0))
    shallow = fed.feed.now(20)
    assert shallow is not None
    assert shallow.timestamp == 6.0
    assert fed.feed.now(100) is None
    deep = await fed.feed.get(100, 5)
    assert len(deep.bids) == 200
    again = fed.feed.now(100)
    assert again is not None
    assert len(again.bids) == 200
    assert fed.market.asked == [("book", ("BTC-USDT", 200))]


async def test_a_book_that_is_small_is_not_asked_for_again_and_again(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_AGE", 0.0)
    await fed.send(book(at=6.0))
    await fed.feed.get(1000, 5)
    for depth in (10, 200, 1000):
        found = fed.feed.now(depth)
        assert found is not None
        assert found.timestamp == 6.0
    assert len(fed.market.asked) == 1
    monkeypatch.setattr(module, "DEPTHS_AGE", -1.0)
    assert fed.feed.now(10) is None


async def test_while_the_exchange_is_away_the_last_book_is_told_at_once_and_it_is_asked_beside(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soonest, "WAIT", 30.0)
    monkeypatch.setattr(shared_fetch, "SLOW", 0.05)
    await fed.send(book(at=2.0))
    fed.market.stream_failure = ExchangeDown("it is away")
    fed.market.hold = asyncio.Event()  # it hangs: nobody hears anything
    await fed.send(ExchangeDown("it is away"))
    await eventually(lambda: fed.feed.supply.live_since is None)
    finding_out = asyncio.create_task(fed.feed.get(5, 30.0))
    await eventually(lambda: 50 in fed.feed._fetches and fed.feed._fetches[50].in_trouble)
    for _ in range(20):
        async with asyncio.timeout(5):
            assert (await fed.feed.get(5, 30.0)).timestamp == 2.0
    assert fed.market.asked == [("book", ("BTC-USDT", 50))]
    fed.market.books["BTC-USDT"] = book(at=3.0)
    fed.market.hold.set()
    assert (await finding_out).timestamp == 3.0
    assert (await fed.feed.get(5, 30.0)).timestamp == 3.0


async def test_an_exchange_of_which_nothing_bad_is_known_is_waited_for_a_moment(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soonest, "WAIT", 0.05)
    await fed.send(book(at=2.0))
    fed.market.stream_failure = ExchangeDown("it is away")
    fed.market.hold = asyncio.Event()
    await fed.send(ExchangeDown("it is away"))
    await eventually(lambda: fed.feed.supply.live_since is None)
    async with asyncio.timeout(10):
        assert (await fed.feed.get(5, 30.0)).timestamp == 2.0
    fed.market.hold.set()
