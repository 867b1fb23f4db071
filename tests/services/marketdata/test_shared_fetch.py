"""A question that many share: asked once, remembered, not repeated right after a failure."""

import asyncio
import time

import pytest

from services.marketdata import shared_fetch
from services.marketdata.failures import NoAnswer
from services.marketdata.shared_fetch import SharedFetch
from shared.exchanges.errors import ExchangeDown, ExchangeError, RateLimited
from tests.eventually import eventually


class Exchange:
    """Answers with numbers, when and as it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()

    async def ask(self) -> int:
        self.asked += 1
        number = self.asked
        await self.hold.wait()
        if self.failure is not None:
            raise self.failure
        return number


async def test_many_who_ask_at_once_share_a_question() -> None:
    exchange = Exchange()
    fetch = SharedFetch("numbers", exchange.ask)
    assert await asyncio.gather(*(fetch.get(60, 5) for _ in range(20))) == [1] * 20
    assert await fetch.get(60, 5) == 1
    assert fetch.kept() == fetch.kept(60) == 1
    assert fetch.kept(0) is None
    assert await fetch.get(0, 5) == 2
    assert exchange.asked == 2


async def test_who_gives_up_leaves_the_question_to_the_others() -> None:
    exchange = Exchange()
    exchange.hold.clear()
    fetch = SharedFetch("numbers", exchange.ask)
    waiting = asyncio.create_task(fetch.get(60, 5))
    with pytest.raises(NoAnswer):
        await fetch.get(60, 0.01)
    impatient = asyncio.create_task(fetch.get(60, 5))
    await asyncio.sleep(0)
    impatient.cancel()
    exchange.hold.set()
    assert await waiting == 1
    assert exchange.asked == 1


async def test_a_failure_holds_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_fetch, "FIRST_PAUSE", 0.1)
    exchange = Exchange()
    exchange.failure = ExchangeDown("it is away")
    fetch = SharedFetch("numbers", exchange.ask)
    for _ in range(10):
        with pytest.raises(ExchangeDown, match="it is away"):
            await fetch.get(60, 5)
    assert exchange.asked == 1
    exchange.failure = None

    async def answered() -> bool:
        try:
            return await fetch.get(60, 5) == 2
        except ExchangeDown:
            return False

    await eventually(answered)


async def test_the_last_answer_outlives_failures() -> None:
    exchange = Exchange()
    fetch = SharedFetch("numbers", exchange.ask)
    await fetch.get(60, 5)
    exchange.failure = ExchangeDown("it is away")
    with pytest.raises(ExchangeDown):
        await fetch.get(0, 5)
    assert fetch.kept(60) == 1


async def test_an_exchange_that_names_a_pause_gets_it() -> None:
    exchange = Exchange()
    exchange.failure = RateLimited("slowly", 3600)
    fetch = SharedFetch("numbers", exchange.ask)
    with pytest.raises(RateLimited):
        await fetch.get(60, 5)
    assert fetch.begin() is None
    assert fetch._ask_again_at > time.monotonic() + 3500


async def test_an_exchange_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_fetch, "LIMIT", 0.05)
    exchange = Exchange()
    exchange.hold.clear()
    fetch = SharedFetch("numbers", exchange.ask)
    with pytest.raises(NoAnswer):
        await fetch.get(60, 5)
    assert not fetch.asking


async def test_a_defect_is_told_as_one() -> None:
    exchange = Exchange()
    exchange.failure = ValueError("a secret detail")
    fetch = SharedFetch("numbers", exchange.ask)
    with pytest.raises(ExchangeError, match="cannot be read"):
        await fetch.get(60, 5)


async def test_stopping_ends_who_waits() -> None:
    exchange = Exchange()
    exchange.hold.clear()
    fetch = SharedFetch("numbers", exchange.ask)
    waiting = asyncio.create_task(fetch.get(60, 5))
    await asyncio.sleep(0)
    await fetch.stop()
    with pytest.raises(NoAnswer):
        await waiting


async def test_trouble_is_a_failure_of_late_or_an_answer_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_fetch, "SLOW", 0.05)
    monkeypatch.setattr(shared_fetch, "FIRST_PAUSE", 0.0)
    exchange = Exchange()
    fetch = SharedFetch("numbers", exchange.ask)
    assert not fetch.in_trouble
    exchange.hold.clear()
    waiting = asyncio.create_task(fetch.get(60, 5))
    await eventually(lambda: fetch.in_trouble)
    exchange.hold.set()
    assert await waiting == 1
    assert not fetch.in_trouble
    exchange.failure = ExchangeDown("gone")
    with pytest.raises(ExchangeDown):
        await fetch.get(0, 5)
    assert fetch.in_trouble
    monkeypatch.setattr(shared_fetch, "BAD_FOR", 0.0)
    assert not fetch.in_trouble  # long ago
    monkeypatch.setattr(shared_fetch, "BAD_FOR", 60.0)
    exchange.failure = None
    await eventually(lambda: fetch.begin() is not None or not fetch.in_trouble)
    await eventually(lambda: not fetch.in_trouble)
