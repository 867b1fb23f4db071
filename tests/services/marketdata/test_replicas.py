"""Several replicas: one follows a feed at its exchange, the others follow that one, and go on when it dies."""

import asyncio
import time

import pytest

from services.marketdata import ownership
from services.marketdata.app import MarketdataService
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.books import DIAGNOSE_BOOKS, RESTART_BOOKS, UNTRACK_PAIR, LiveBook, PairRef
from shared.contracts.marketdata.feeds import LIST_FEEDS
from shared.contracts.marketdata.fields import MarketRef
from shared.database.pool import Database
from shared.leases import acquire_set, end_set, renew_set
from shared.settings import DatabaseSettings
from tests.eventually import eventually
from tests.pace import within
from tests.services.marketdata.conftest import Asker, Start
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket, book, ticker

BTC = "BTC-USDT"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have leases end soon, as tests wait for it."""
    monkeypatch.setattr(ownership, "LEASE", 0.8)
    monkeypatch.setattr(ownership, "INTERVAL", 0.2)


class Replica:
    """A replica over an exchange of its own, which only the owner of a feed follows."""

    def __init__(self, service: MarketdataService, market: FakeMarket) -> None:
        self.service = service
        self.market = market

    @classmethod
    async def start(cls, start: Start) -> "Replica":
        exchanges = FakeExchanges()
        market = exchanges.market("paper")
        market.books[BTC] = book()
        market.tickers[BTC] = ticker()
        return cls(await start(exchanges), market)

    async def follow(self) -> None:
        """Have the book followed here."""
        venue = self.service._venues["paper"]
        await venue.rules(5)
        self.service._feeds.book(venue, BTC)

    def state(self) -> LiveBook | None:
        """Return the best levels as they are known here."""
        state = self.service._feeds.books["paper", BTC].state
        return None if state is None else state.best(50)

    @property
    def leads(self) -> bool:
        return self.service._feeds.books["paper", BTC].supply.leads

    async def send(self, state: LiveBook) -> None:
        """Have the exchange bring a state to this replica."""
        await eventually(lambda: bool(self.market.open_streams()))
        self.market.open_streams()[0].states.put_nowait(state)
        await eventually(lambda: self.state() == state)

    async def die(self) -> None:
        """End as SIGKILL does: nothing is released and nothing told."""
        leases = self.service._leases
        assert leases._task is not None
        leases._task.cancel()
        leases._leases.clear()
        for feed in self.service._feeds.books.values():
            await feed.stop()
        for task in self.service._feeds._keeping:
            task.cancel()


async def two(start: Start) -> tuple[Replica, Replica]:
    """Return the owner of a feed, and a replica that follows it."""
    first = await Replica.start(start)
    await first.follow()
    await eventually(lambda: first.service._leases.owned == 1)
    second = await Replica.start(start)
    await second.follow()
    await eventually(lambda: not second.leads)
    return first, second


async def test_one_replica_follows_the_exchange_and_the_other_follows_it(start: Start) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    await eventually(lambda: follower.state() == book(at=1.0))
    # Its own stream has ended with the first state on the bus.
    await eventually(lambda: follower.market.open_streams() == [])
    assert len(owner.market.open_streams()) == 1
    for number in range(2, 20):
        await owner.send(book(bid=90.0 + number / 10, at=float(number)))
        await eventually(lambda: follower.state() == owner.state())
    # It answers by what it follows, without a question to the exchange.
    asked = len(follower.market.asked)
    venue = follower.service._venues["paper"]
    assert follower.service._feeds.book(venue, BTC).now(3) is not None
    assert len(follower.market.asked) == asked


async def test_a_quiet_market_is_known_to_be_there(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    await eventually(lambda: follower.state() == book(at=1.0))
    sent = owner.service._outlet.sent
    await eventually(lambda: owner.service._outlet.sent > sent)
    assert follower.service._feeds.books["paper", BTC].supply.live_since is not None


async def test_another_takes_over_when_the_owner_dies(start: Start) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    await eventually(lambda: follower.market.open_streams() == [])
    began = time.monotonic()
    await owner.die()
    await eventually(lambda: follower.leads)
    await follower.send(book(at=2.0))
    within(3, began)


async def test_one_that_ends_hands_over_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "LEASE", 60.0)
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    await owner.service._leases.stop()
    await eventually(lambda: follower.leads)


async def test_a_feed_that_one_ends_is_led_by_the_other(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "LEASE", 60.0)
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    assert owner.service._feeds.forget_book("paper", BTC)
    await eventually(lambda: follower.leads)
    await follower.send(book(at=2.0))


async def test_what_is_ended_or_begun_anew_is_so_everywhere(start: Start, ask: Asker) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    third = await Replica.start(start)  # which has no feed, and may get the command
    await eventually(lambda: len(third.service._neighbours.present) == 2)
    restarted = await ask(RESTART_BOOKS, MarketRef("paper"))
    assert (restarted.success, restarted.trading_pairs) == (True, (BTC,))
    await eventually(lambda: len(owner.market.streams) == 2 and owner.market.streams[0].closed)
    assert (await ask(UNTRACK_PAIR, PairRef("paper", BTC))).success
    for replica in (owner, follower, third):
        await eventually(lambda: not replica.service._feeds.books)  # noqa: B023
        await eventually(lambda: not replica.market.open_streams())  # noqa: B023

    async def is_gone() -> bool:
        return not (await ask(UNTRACK_PAIR, PairRef("paper", BTC))).success

    await eventually(is_gone)


async def test_the_feeds_of_all_replicas_are_listed_whichever_is_asked(start: Start, ask: Asker) -> None:
    owner, follower = await two(start)
    only_there = follower.service._feeds.trades(follower.service._venues["paper"], BTC)
    owner.service._feeds.books["paper", BTC].asked_at -= 100
    only_there.asked_at -= 50
    third = await Replica.start(start)  # which has none
    everybody = (owner, follower, third)
    await eventually(lambda: all(len(one.service._neighbours.present) == 2 for one in everybody))
    for _ in range(10):
        feeds = await ask(LIST_FEEDS, Nothing())
        assert set(feeds) == {f"order_book_paper_{BTC}", f"trades_paper_{BTC}"}
        # A feed lives as long as anybody was asked for it.
        assert feeds[f"order_book_paper_{BTC}"].seconds_since_access < 30
        assert 49 < feeds[f"trades_paper_{BTC}"].seconds_since_access < 80


async def test_more_feeds_than_a_message_holds_are_listed(start: Start, ask: Asker) -> None:
    pairs = tuple(f"T{number:04}-USDT" for number in range(2400))
    first, second = [await Replica.start(start) for _ in range(2)]
    await eventually(lambda: bool(first.service._neighbours.present) and bool(second.service._neighbours.present))
    for replica, of_it in ((first, pairs[:1200]), (second, pairs[1200:])):
        venue = replica.service._venues["paper"]
        for pair in of_it:
            replica.service._feeds.trades(venue, pair)
    for _ in range(4):
        feeds = await ask(LIST_FEEDS, Nothing())
        assert set(feeds) == {f"trades_paper_{pair}" for pair in pairs}


async def test_a_diagnosis_is_that_of_who_leads_each_book(start: Start, ask: Asker) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    await eventually(lambda: follower.state() == book(at=1.0))
    follower.service._feeds.book(follower.service._venues["paper"], "ETH-USDT")
    await Replica.start(start)
    for _ in range(6):
        told = await ask(DIAGNOSE_BOOKS, MarketRef("paper"))
        assert told.tasks == {BTC: "running", "ETH-USDT": "starting"}
        assert told.trading_pairs == (BTC, "ETH-USDT")
        assert not told.tracker_ready
        assert told.metrics["books"] == 2
        assert told.metrics["books_from_other_replicas"] == 1
        assert told.order_books[BTC].best_bid == 99.0


async def test_two_owners_do_no_harm(start: Start) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    third = await Replica.start(start)
    await third.follow()
    await eventually(lambda: not third.leads)
    # Its own stream has closed, as the bus has brought the book: what is sent to it now is for the one it opens next.
    await eventually(lambda: not follower.market.open_streams())
    # As if it had not heard of its lease's end.
    follower.service._feeds.books["paper", BTC].supply.turn(True)
    await follower.send(book(bid=98.0, at=2.0))
    await owner.send(book(bid=97.0, at=3.0))
    await eventually(lambda: third.state() == book(bid=97.0, at=3.0))
    assert owner.state() == book(bid=97.0, at=3.0)
    assert follower.state() == book(bid=98.0, at=2.0)


async def test_feeds_go_on_and_begin_while_the_database_is_away(start: Start) -> None:
    owner, follower = await two(start)
    await owner.send(book(at=1.0))
    for replica in (owner, follower):
        await replica.service._database.stop()
    await asyncio.sleep(3 * ownership.INTERVAL)  # several renewals fail
    await owner.send(book(at=2.0))
    await eventually(lambda: follower.state() == book(at=2.0))
    venue = follower.service._venues["paper"]
    feed = follower.service._feeds.book(venue, "ETH-USDT")
    await eventually(lambda: any(stream.of == ("ETH-USDT",) for stream in follower.market.open_streams()))
    assert feed.supply.leads


async def test_tickers_are_shared_too(start: Start) -> None:
    first = await Replica.start(start)
    venue = first.service._venues["paper"]
    await venue.rules(5)
    await first.service._feeds.tickers(venue).get((BTC,), 5)
    await eventually(lambda: first.service._leases.owned == 1)
    second = await Replica.start(start)
    other = second.service._venues["paper"]
    await other.rules(5)
    board = second.service._feeds.tickers(other)
    await board.get((BTC,), 5)
    await eventually(lambda: bool(first.market.open_streams()))
    first.market.open_streams()[0].states.put_nowait(ticker(at=5.0))

    def heard() -> bool:
        found = board.now((BTC,))
        return found is not None and found[BTC].timestamp == 5.0

    await eventually(heard)
    await eventually(lambda: second.market.open_streams() == [])
    await first.service._leases.stop()
    await eventually(lambda: bool(second.market.open_streams()))
    second.market.open_streams()[0].states.put_nowait(ticker(at=6.0))

    def is_its_own() -> bool:
        found = board.now((BTC,))
        return found is not None and found[BTC].timestamp == 6.0

    await eventually(is_its_own)


async def test_feeds_that_have_ended_leave_no_leases(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "LEFT_BEHIND", 0.5)
    owner, follower = await two(start)
    database = follower.service._database

    async def names() -> list[str]:
        return [name for (name,) in await database.fetch("SELECT name FROM leases WHERE name LIKE 'feed.%'")]

    assert await names() == [f"feed.book.paper.{BTC}"]
    # One that was killed leaves its leases behind: the one that somebody follows goes on, the other is forgotten.
    venue = owner.service._venues["paper"]
    owner.service._feeds.book(venue, "ETH-USDT")
    await eventually(lambda: owner.service._leases.owned == 2)
    await owner.die()
    await eventually(lambda: follower.leads)

    async def only_what_is_followed() -> bool:
        return await names() == [f"feed.book.paper.{BTC}"]

    await eventually(only_what_is_followed)
    assert follower.service._feeds.forget_book("paper", BTC)

    async def nothing() -> bool:
        return await names() == []

    await eventually(nothing)


async def test_leases_of_many_feeds_at_a_time(values: dict[str, str]) -> None:
    database = Database(DatabaseSettings.model_validate(values), "marketdata")
    await database.start()
    names = [f"feed.book.paper.T{number}-USDT" for number in range(1000)]
    mine = await acquire_set(database, names[:600], "one", 60.0)
    theirs = await acquire_set(database, names, "other", 60.0)
    assert set(mine) == set(names[:600])
    assert set(theirs) == set(names[600:])
    began = time.monotonic()
    assert await renew_set(database, "one", mine.values(), 60.0) == set(names[:600])
    within(5, began)
    assert await renew_set(database, "other", mine.values(), 60.0) == set()
    await end_set(database, "one", mine.values())
    again = await acquire_set(database, names, "other", 60.0)
    assert set(again) == set(names[:600])
    # Who has lost a lease can neither keep nor end it.
    assert await renew_set(database, "one", mine.values(), 60.0) == set()
    await end_set(database, "one", mine.values())
    assert await acquire_set(database, names, "third", 60.0) == {}
    # Two who want all of them at the same time get each lease once, and don't wait for each other for ever.
    fresh = [f"feed.book.paper.U{number}-USDT" for number in range(500)]
    first, second = await asyncio.gather(
        acquire_set(database, fresh, "one", 60.0), acquire_set(database, fresh[::-1], "other", 60.0)
    )
    assert set(first) | set(second) == set(fresh)
    assert not set(first) & set(second)
    await database.stop()
