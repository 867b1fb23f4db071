"""Tickers of many pairs: one stream, one question, and one pair that fails costs the others nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from services.marketdata import places, soonest, ticker_group, tickers
from services.marketdata.failures import NoAnswer
from services.marketdata.ownership import Turn
from services.marketdata.places import Places
from services.marketdata.tickers import TickerBoard
from shared.contracts.marketdata.tickers import LiveTicker
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeDown, Refused
from tests.eventually import eventually
from tests.services.marketdata.fake_market import FakeMarket, ticker


class Alone:
    """There is no other replica."""

    def join(self, name: str, turn: Turn) -> None:
        """Everything stays ours."""

    def leave(self, name: str) -> None:
        """Nobody else wants it."""


async def nothing() -> AsyncIterator[LiveTicker]:
    """A bus on which nothing is sent."""
    await asyncio.Event().wait()
    yield ticker()


class Board:
    """A board over a fake market of `count` pairs, with what it has published."""

    def __init__(self, count: int = 5, max_age: float = 60.0, places: int = 1000) -> None:
        self.pairs = tuple(f"T{number}-USDT" for number in range(count))
        self.market = FakeMarket(pairs=self.pairs)
        self.market.tickers = {pair: ticker(pair, at=1.0) for pair in self.pairs}
        self.published: list[LiveTicker] = []
        self.places = Places(places)
        self.board = TickerBoard(
            self.market, self.published.append, Alone(), lambda _: nothing(), self.places,
            patience=60.0, max_age=max_age,
        )  # fmt: skip
        self.places.share(self)

    def __len__(self) -> int:
        return len(self.board)

    def asked(self) -> list[tuple[float, Callable[[], None]]]:
        """Return what `services.marketdata.places` asks for."""
        return [(asked_at, partial(self.board.end, pair)) for pair, asked_at in self.board.active()]

    async def send(self, pair: str, at: float) -> None:
        """Have the stream of `pair` bring a ticker, and wait until it is taken."""
        await eventually(lambda: any(pair in stream.of for stream in self.market.open_streams()))
        stream = next(stream for stream in self.market.open_streams() if pair in stream.of)
        stream.states.put_nowait(ticker(pair, at=at))
        await eventually(lambda: any(sent.timestamp == at for sent in self.published))


@pytest.fixture(autouse=True)
def _no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker_group, "GATHER", 0.01)


@pytest.fixture
async def on() -> AsyncIterator[Board]:
    made = Board()
    yield made
    await made.board.stop()


async def test_the_first_answer_by_rest_and_then_from_memory(on: Board) -> None:
    assert on.board.now(on.pairs) is None
    found = await on.board.get(on.pairs, 5)
    assert set(found) == set(on.pairs)
    assert [asked for asked, _ in on.market.asked] == ["tickers"]
    for at, pair in enumerate(on.pairs, 2):
        await on.send(pair, float(at))
    found = on.board.now(on.pairs) or {}
    assert [found[pair].timestamp for pair in on.pairs] == [2.0, 3.0, 4.0, 5.0, 6.0]
    assert len(on.market.asked) == 1
    assert [sent.timestamp for sent in on.published] == [2.0, 3.0, 4.0, 5.0, 6.0]


async def test_a_last_price_that_is_known_is_not_lost_when_a_stream_begins(on: Board) -> None:
    pair = on.pairs[0]
    await on.board.get([pair], 5)
    await eventually(lambda: bool(on.market.open_streams()))
    on.market.open_streams()[0].states.put_nowait(ticker(pair, last=0.0, at=9.0))
    await eventually(lambda: bool(on.published))
    assert (on.published[0].timestamp, on.published[0].last) == (9.0, 100.5)


async def test_the_first_answer_by_the_stream_when_rest_is_late_or_fails(on: Board) -> None:
    for pair, late in ((on.pairs[0], True), (on.pairs[1], False)):
        on.market.hold = asyncio.Event() if late else None
        on.market.failure = None if late else ExchangeDown("it is away")
        answer = asyncio.create_task(on.board.get([pair], 5))
        at = 7.0 if late else 8.0
        await on.send(pair, at)
        assert (await answer)[pair].timestamp == at
        if on.market.hold is not None:
            on.market.hold.set()
        await eventually(lambda: not on.board._fetch.asking)


async def test_pairs_that_come_together_share_a_stream_and_a_question(on: Board) -> None:
    await asyncio.gather(*(on.board.get([pair], 5) for pair in on.pairs))
    # The first question was under way when the others came; they share the second.
    assert len(on.market.asked) <= 2
    await eventually(lambda: [stream.of for stream in on.market.open_streams()] == [on.pairs])


async def test_who_comes_later_joins_the_stream(on: Board) -> None:
    await on.board.get(on.pairs[:1], 5)
    await eventually(lambda: len(on.market.open_streams()) == 1)
    await on.board.get(on.pairs[:3], 5)
    await eventually(lambda: [stream.of for stream in on.market.open_streams()] == [on.pairs[:3]])
    assert len(on.board.groups) == 1


async def test_very_many_pairs_take_several_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker_group, "MOST_PAIRS", 100)
    on = Board(count=250)
    assert len(await on.board.get(on.pairs, 5)) == 250
    await eventually(lambda: sorted(len(stream.of) for stream in on.market.open_streams()) == [50, 100, 100])
    assert len(on.market.asked) == 1
    await on.board.stop()


async def test_a_pair_that_the_exchange_refuses_costs_the_others_nothing(
    on: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    del on.market.tickers[on.pairs[0]]
    whole = on.market.fetch_tickers

    async def refusing(pairs: tuple[str, ...] | None = None) -> dict[str, LiveTicker]:
        if pairs is not None and on.pairs[0] in pairs:
            raise Refused("no such symbol")
        return await whole(pairs)

    monkeypatch.setattr(on.market, "fetch_tickers", refusing)
    assert set(await on.board.get(on.pairs, 5)) == set(on.pairs[1:])
    assert set(on.board.now(on.pairs) or {}) == set(on.pairs[1:])


async def test_neither_in_time(on: Board) -> None:
    on.market.hold = asyncio.Event()
    with pytest.raises(NoAnswer):
        await on.board.get(on.pairs, 0.05)


async def test_an_exchange_that_is_away_leaves_the_last_tickers_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soonest, "GRACE", 0.02)
    monkeypatch.setattr(tickers, "REST_AGE", 0.0)
    for max_age in (60.0, 0.0):
        on = Board(max_age=max_age)
        await on.board.get(on.pairs, 5)
        on.market.failure = ExchangeDown("it is away")
        if max_age:
            assert len(await on.board.get(on.pairs, 5)) == 5
        with pytest.raises(ExchangeDown):
            await on.board.get([*on.pairs, "NEW-USDT"] if max_age else on.pairs, 5)
        await on.board.stop()


async def test_after_a_break_memory_waits_for_each_pair(on: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickers, "REST_AGE", 0.0)
    for at, pair in enumerate(on.pairs[:2], 2):
        answer = asyncio.create_task(on.board.get(on.pairs[:2], 5))
        await answer
        await on.send(pair, float(at))
    assert on.board.now(on.pairs[:2]) is not None
    on.market.open_streams()[0].states.put_nowait(ExchangeDown("the socket dropped"))
    await eventually(lambda: on.board.now(on.pairs[:2]) is None)
    on.market.tickers = {pair: ticker(pair, at=20.0) for pair in on.pairs}
    await on.send(on.pairs[0], 10.0)
    # The other one may have moved during the break.
    assert on.board.now(on.pairs[:1]) is not None
    assert on.board.now(on.pairs[:2]) is None
    found = await on.board.get(on.pairs[:2], 5)
    assert [found[pair].timestamp for pair in on.pairs[:2]] == [10.0, 20.0]


async def test_pairs_that_nobody_asks_for_go(on: Board) -> None:
    await on.board.get(on.pairs, 5)
    await eventually(lambda: [stream.of for stream in on.market.open_streams()] == [on.pairs])
    border = max(kept.asked_at for kept in on.board._kept.values())
    await on.board.get(on.pairs[:2], 5)
    assert await on.board.forget(border + 1e-9) == list(on.pairs[2:])
    await eventually(lambda: [stream.of for stream in on.market.open_streams()] == [on.pairs[:2]])
    assert await on.board.forget(float("inf")) == list(on.pairs[:2])
    assert on.market.open_streams() == []
    assert len(on.board) == 0
    assert await on.board.get(on.pairs, 5)
    await eventually(lambda: [stream.of for stream in on.market.open_streams()] == [on.pairs])


async def test_a_ticker_of_nobody_s_pair_is_dropped(on: Board) -> None:
    await on.board.get(on.pairs[:1], 5)
    await eventually(lambda: bool(on.market.open_streams()))
    on.market.open_streams()[0].states.put_nowait(ticker("ELSE-USDT"))
    await on.send(on.pairs[0], 9.0)
    assert [sent.trading_pair for sent in on.published] == [on.pairs[0]]


async def test_pairs_without_a_place_are_answered_by_rest_and_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    on = Board(count=6, places=2)
    found = await on.board.get(on.pairs[:4], 5)
    assert set(found) == set(on.pairs[:4])
    assert {pair for pair, _ in on.board.active()} == set(on.pairs[:2])
    # At once from memory for a moment, like others without a stream.
    asked = len(on.market.asked)
    assert set(on.board.now(on.pairs[2:4]) or ()) == set(on.pairs[2:4])
    await asyncio.gather(*(on.board.get(on.pairs[2:4], 5) for _ in range(20)))
    assert len(on.market.asked) <= asked + 2
    with pytest.raises(CommandError) as caught:
        on.board.follow(on.pairs[4])
    assert caught.value.code is ErrorCode.BUSY
    # When others are not asked for any more, it is followed.
    monkeypatch.setattr(places, "IDLE", 0.0)
    on.places._look_again_at = 0.0
    on.board.follow(on.pairs[4])
    assert on.pairs[4] in {pair for pair, _ in on.board.active()}
    assert len(on.board) == 2
    await on.board.stop()
