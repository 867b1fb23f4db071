"""Following a stream: again after breaks, silence and rubbish, and closed when it ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.marketdata import follower as module
from services.marketdata.follower import Follower, Unsound
from shared.contracts.marketdata.books import LiveBook
from shared.exchanges.errors import ExchangeDown, Unsupported
from shared.exchanges.interface import BookState
from tests.eventually import eventually
from tests.services.marketdata.fake_market import FakeMarket, book


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)


class Taken:
    """Follows the book of a fake market and keeps what came."""

    def __init__(self, patience: float = 60.0) -> None:
        self.market = FakeMarket()
        self.books: list[LiveBook] = []
        self.unsound = False
        self.follower = Follower("a book", lambda: self.market.watch_book("BTC-USDT"), self._take, patience)
        self.follower.start()

    def _take(self, state: BookState) -> None:
        if self.unsound:
            raise Unsound("it is crossed")
        self.books.append(state.best(100))

    async def stream(self, number: int = 1) -> None:
        """Wait for the `number`th subscription."""
        await eventually(lambda: len(self.market.streams) == number)


@pytest.fixture
async def taken() -> AsyncIterator[Taken]:
    made = Taken()
    yield made
    await made.follower.stop()


async def test_states_are_taken_in_order(taken: Taken) -> None:
    await taken.stream()
    assert taken.follower.live_since is None
    sent = [book(at=float(at)) for at in range(5)]
    for state in sent:
        taken.market.streams[0].states.put_nowait(state)
    await eventually(lambda: taken.books == sent)
    assert taken.follower.live_since is not None
    await taken.follower.stop()
    assert taken.market.streams[0].closed
    assert taken.follower.live_since is None


@pytest.mark.parametrize("fault", [ExchangeDown("it is away"), KeyError("rubbish"), TimeoutError()], ids=repr)
async def test_a_stream_that_breaks_is_opened_again(taken: Taken, fault: Exception) -> None:
    await taken.stream()
    taken.market.streams[0].states.put_nowait(book())
    taken.market.streams[0].states.put_nowait(fault)
    await taken.stream(2)
    assert taken.market.streams[0].closed
    assert taken.follower.why_not
    assert taken.follower.live_since is None
    taken.market.streams[1].states.put_nowait(book(at=2.0))
    await eventually(lambda: len(taken.books) == 2)
    assert taken.follower.why_not is None


async def test_an_impossible_state_begins_the_stream_anew(taken: Taken) -> None:
    await taken.stream()
    taken.unsound = True
    taken.market.streams[0].states.put_nowait(book())
    await taken.stream(2)
    assert taken.market.streams[0].closed
    assert taken.follower.why_not == "it is crossed"


async def test_an_exchange_that_refuses_is_asked_with_pauses(taken: Taken) -> None:
    taken.market.stream_failure = ExchangeDown("it is away")
    await taken.stream()
    taken.market.streams[0].states.put_nowait(ExchangeDown("it is away"))
    await eventually(lambda: len(taken.market.streams) >= 5)
    taken.market.stream_failure = None
    await eventually(lambda: bool(taken.market.open_streams()))
    taken.market.open_streams()[0].states.put_nowait(book())
    await eventually(lambda: taken.follower.live_since is not None)


async def test_a_stream_that_does_not_exist_is_not_asked_for_again() -> None:
    market = FakeMarket()
    market.stream_failure = Unsupported("no such stream")
    follower = Follower("a book", lambda: market.watch_book("BTC-USDT"), lambda state: None, 60.0)
    follower.start()
    await eventually(lambda: follower.why_not == "no such stream")
    await asyncio.sleep(0.05)
    assert len(market.streams) == 1
    await follower.stop()


async def test_silence_opens_the_stream_again_ever_later() -> None:
    taken = Taken(patience=0.02)
    await taken.stream(3)
    assert taken.market.streams[0].closed
    assert taken.follower._patience > 0.02
    while not taken.books:
        for stream in taken.market.open_streams():
            stream.states.put_nowait(book())
            stream.states.put_nowait(book())
        await asyncio.sleep(0.005)
    assert taken.follower._patience == 0.02
    await taken.follower.stop()
