"""Candles that are stored once: over a real PostgreSQL, and an exchange that does as the test says."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.marketdata.candles.answer import Answer
from services.marketdata.candles.archive import LATE, SETTLING, Archive
from services.marketdata.candles.intervals import INTERVALS
from services.marketdata.candles.series import Series
from services.marketdata.candles.spans import Span
from services.marketdata.repository import Repository
from shared.contracts.marketdata import SERVICE
from shared.database.pool import Database
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeDown, RateLimited
from shared.exchanges.interface import CandleOffer
from shared.settings import DatabaseSettings
from tests.services.marketdata.candles.minutes import MINUTE, candle
from tests.services.marketdata.fake_market import FakeMarket

SERIES = Series("paper", "BTC-USDT", "1m")
#: The minute that runs, and the first one that was ever traded.
NOW, FIRST = 30_000_000, 29_999_000


class Shelf:
    """Archives of one series over one database, each as a replica of its own would have it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.market = FakeMarket()
        self.market.candle_offer = CandleOffer(("1m",), 100, finds_next=True)
        self.market.all_candles = [candle(number) for number in range(FIRST, NOW + 1)]
        self.seconds = NOW * 60 + 30.0
        self.told: list[float] = []
        self.archive = self.replica()

    def replica(self) -> Archive:
        return Archive(
            self.market,
            SERIES,
            INTERVALS["1m"],
            Repository(self.database),
            asyncio.Semaphore(4),
            clock=lambda: self.seconds,
        )

    def questions(self) -> int:
        return sum(what == "candles" for what, _ in self.market.asked)

    async def minutes(self, first: int, last: int, archive: Archive | None = None) -> list[int]:
        """Return which minutes an answer for these has."""
        rows: list[dict[str, Any]] = json.loads(b"".join([piece async for piece in self.pieces(first, last, archive)]))
        return [round(row["timestamp"] / 60) for row in rows]

    def pieces(self, first: int, last: int, archive: Archive | None = None) -> AsyncIterator[bytes]:
        async def tell(share: float) -> None:
            self.told.append(share)

        span = Span(first * MINUTE, last * MINUTE + 1)
        return Answer(archive or self.archive, span, tell).pieces(5.0)

    async def stored(self) -> int:
        return int(await self.database.fetchval("SELECT count(*) FROM candles"))


@pytest.fixture
async def shelf(migrated_url: str) -> AsyncIterator[Shelf]:
    database = Database(DatabaseSettings.model_validate({"DATABASE_URL": migrated_url}), SERVICE)
    await database.start()
    made = Shelf(database)
    yield made
    await made.archive.stop()
    await database.stop()


async def test_a_time_is_asked_for_once(shelf: Shelf) -> None:
    wanted = list(range(NOW - 500, NOW - 99))
    assert await shelf.minutes(wanted[0], wanted[-1]) == wanted
    asked = shelf.questions()
    assert asked <= 6
    assert await shelf.minutes(wanted[0], wanted[-1]) == wanted
    assert await shelf.minutes(wanted[10], wanted[20]) == wanted[10:21]
    assert shelf.questions() == asked
    assert await shelf.minutes(wanted[0] - 300, wanted[-1]) == list(range(wanted[0] - 300, NOW - 99))
    assert shelf.questions() == asked + 3


async def test_the_columns_are_as_the_exchange_told_them(shelf: Shelf) -> None:
    text = b"".join([piece async for piece in shelf.pieces(NOW - 3, NOW)])
    rows = json.loads(text)
    for row, number in zip(rows, range(NOW - 3, NOW + 1), strict=True):
        told = candle(number)
        assert row == {name: getattr(told, name) for name in told.__struct_fields__}


async def test_the_running_candle_is_given_and_never_stored(shelf: Shelf) -> None:
    assert await shelf.minutes(NOW - 50, NOW + 5) == list(range(NOW - 50, NOW + 1))
    stored = await shelf.database.fetchval("SELECT max(open_time) FROM candles")
    assert stored == (NOW - 1) * MINUTE
    # Nor one that ended a moment ago: the exchange may still count.
    shelf.seconds = (NOW + 1) * 60 + SETTLING - 1
    await shelf.minutes(NOW - 50, NOW + 5)
    assert await shelf.database.fetchval("SELECT max(open_time) FROM candles") == (NOW - 1) * MINUTE
    shelf.market.all_candles[-1] = candle(NOW, 99)
    shelf.seconds += 1
    await shelf.minutes(NOW - 50, NOW + 5)
    assert await shelf.database.fetchval("SELECT volume FROM candles ORDER BY open_time DESC LIMIT 1") == 99


async def test_what_was_before_the_listing_is_not_asked_for_again(shelf: Shelf) -> None:
    assert await shelf.minutes(FIRST - 500_000, FIRST + 10) == list(range(FIRST, FIRST + 11))
    asked = shelf.questions()
    assert asked <= 10
    assert await shelf.minutes(FIRST - 500_000, FIRST + 10) == list(range(FIRST, FIRST + 11))
    assert await shelf.minutes(FIRST - 400_000, FIRST - 1) == []
    assert shelf.questions() == asked


async def test_a_gap_in_trading_is_not_asked_for_again(shelf: Shelf) -> None:
    gap = range(NOW - 450, NOW - 150)
    shelf.market.all_candles = [one for one in shelf.market.all_candles if round(one.timestamp / 60) not in gap]
    there = [number for number in range(NOW - 500, NOW - 99) if number not in gap]
    assert await shelf.minutes(NOW - 500, NOW - 100) == there
    asked = shelf.questions()
    assert await shelf.minutes(NOW - 500, NOW - 100) == there
    assert shelf.questions() == asked


@pytest.mark.parametrize("finds_next", [True, False])
async def test_silence_of_late_is_not_taken_for_nothing(shelf: Shelf, finds_next: bool) -> None:
    shelf.market.candle_offer = CandleOffer(("1m",), 100, finds_next=finds_next)
    shelf.archive = shelf.replica()
    late = [candle(number) for number in range(NOW - 4, NOW + 1)]
    shelf.market.all_candles = [one for one in shelf.market.all_candles if one not in late]
    assert (await shelf.minutes(NOW - 60, NOW - 1))[-1] == NOW - 5
    shelf.market.all_candles += late
    assert (await shelf.minutes(NOW - 60, NOW - 1))[-1] == NOW - 1


async def test_silence_of_long_ago_is(shelf: Shelf) -> None:
    shelf.market.candle_offer = CandleOffer(("1m",), 100)
    shelf.market.all_candles = shelf.market.all_candles[:-500]
    shelf.archive = shelf.replica()
    assert (await shelf.minutes(NOW - 520, NOW - LATE // 60 - 10))[-1] == NOW - 500
    asked = shelf.questions()
    await shelf.minutes(NOW - 520, NOW - LATE // 60 - 10)
    assert shelf.questions() == asked


async def test_an_exchange_that_gives_less_than_it_says_is_asked_for_the_rest(shelf: Shelf) -> None:
    shelf.archive = shelf.replica()
    shelf.market.candle_offer = CandleOffer(("1m",), 7, finds_next=True)  # the archive was told of 100
    assert await shelf.minutes(NOW - 90, NOW - 20) == list(range(NOW - 90, NOW - 19))


async def test_many_who_want_the_same_cost_one_download(shelf: Shelf) -> None:
    wanted = list(range(NOW - 800, NOW - 99))
    answers = await asyncio.gather(*(shelf.minutes(wanted[0], wanted[-1]) for _ in range(8)))
    assert all(answer == wanted for answer in answers)
    assert shelf.questions() <= 9


async def test_replicas_that_ask_for_the_same_store_it_once(shelf: Shelf) -> None:
    wanted = list(range(NOW - 800, NOW - 99))
    replicas = [shelf.archive, shelf.replica(), shelf.replica()]
    answers = await asyncio.gather(
        *(shelf.minutes(first, wanted[-1], archive) for first in (wanted[0], wanted[50]) for archive in replicas)
    )
    assert answers == [wanted] * 3 + [wanted[50:]] * 3
    asked = shelf.questions()
    assert await shelf.minutes(wanted[0], wanted[-1], shelf.replica()) == wanted
    assert shelf.questions() == asked


async def test_an_exchange_that_goes_during_a_download(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = shelf.market.fetch_candles
    left = 3

    async def fail_after_three(*asked: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ExchangeDown("gone")
        return await fetch(*asked)

    monkeypatch.setattr(shelf.market, "fetch_candles", fail_after_three)
    with pytest.raises(CommandError) as caught:
        await shelf.minutes(NOW - 800, NOW - 100)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "'paper'" in caught.value.detail
    monkeypatch.setattr(shelf.market, "fetch_candles", fetch)
    assert await shelf.minutes(NOW - 800, NOW - 100) == list(range(NOW - 800, NOW - 99))
    # What was told before it went was not asked for again.
    assert shelf.questions() <= 3 + 7


async def test_a_moment_without_an_answer_is_waited_for(shelf: Shelf) -> None:
    shelf.market.failure = ExchangeDown("gone")

    async def heal() -> None:
        while shelf.questions() == 0:
            await asyncio.sleep(0)
        shelf.market.failure = None

    healing = asyncio.create_task(heal())
    assert await shelf.minutes(NOW - 150, NOW - 100) == list(range(NOW - 150, NOW - 99))
    await healing


async def test_an_exchange_that_allows_no_more(shelf: Shelf) -> None:
    shelf.market.failure = RateLimited("as much was asked as it allows", 30.0)
    with pytest.raises(CommandError) as caught:
        await shelf.minutes(NOW - 150, NOW - 100)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert shelf.questions() <= 4


async def test_what_cannot_be_read_is_told_and_not_stored(shelf: Shelf) -> None:
    shelf.market.failure = KeyError("rubbish")
    with pytest.raises(CommandError) as caught:
        await shelf.minutes(NOW - 150, NOW - 100)
    assert caught.value.code is ErrorCode.UPSTREAM
    assert await shelf.stored() == 0


async def test_who_wants_no_more_leaves_nothing_behind(shelf: Shelf) -> None:
    pieces = shelf.pieces(FIRST, NOW - 100)
    async for piece in pieces:
        assert piece.startswith(b'[{"timestamp":')
        break
    await pieces.aclose()  # type: ignore[attr-defined]
    await shelf.archive.stop()
    assert shelf.archive.is_idle


async def test_a_database_that_is_away(shelf: Shelf) -> None:
    await shelf.database.stop()
    with pytest.raises(CommandError) as caught:
        await shelf.minutes(NOW - 150, NOW - 100)
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_progress_is_told_now_and_then(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    await shelf.minutes(NOW - 800, NOW - 500)
    assert shelf.told == []
    monkeypatch.setattr("services.marketdata.candles.answer.QUIET", 0.0)
    monkeypatch.setattr("services.marketdata.candles.answer.TELL_EVERY", 0.0)
    await shelf.minutes(NOW - 800, NOW - 100)
    assert shelf.told == sorted(shelf.told)
    assert len(shelf.told) >= 4
    assert shelf.told[-1] == 1.0
    assert 0 < shelf.told[0] < 1
