"""Questions to books over the bus, and how books are followed, told and begun anew."""

import pytest

from services.marketdata.book_handlers import answer
from shared.contracts.marketdata.books import (
    DIAGNOSE_BOOKS,
    QUERY_BOOK,
    RESTART_BOOKS,
    TRACK_PAIR,
    UNTRACK_PAIR,
    BookAnswer,
    BookQuery,
    BookQuestion,
    LiveBook,
    PairRef,
)
from shared.contracts.marketdata.fields import MarketRef
from shared.errors import ErrorCode
from shared.exchanges.errors import ExchangeDown
from tests.eventually import eventually
from tests.services.marketdata.conftest import Asker, Start
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket, book

BTC = "BTC-USDT"
#: 1 for 101, 2 for 102, 3 for 103 are asked; 1 for 99, 2 for 98 are bid.
BOOK = LiveBook("paper", BTC, ((99.0, 1.0), (98.0, 2.0)), ((101.0, 1.0), (102.0, 2.0), (103.0, 3.0)), 1000.0)


@pytest.mark.parametrize(
    ("question", "is_buy", "value", "expected"),
    [
        # query volume and price; result price, volume, quote volume, average price
        (BookQuestion.PRICE_FOR_VOLUME, True, 2.0, (2.0, None, 102.0, 2.0, 203.0, 101.5)),
        (BookQuestion.PRICE_FOR_VOLUME, False, 2.0, (2.0, None, 98.0, 2.0, 197.0, 98.5)),
        (BookQuestion.PRICE_FOR_VOLUME, True, 100.0, (100.0, None, 103.0, 6.0, 614.0, pytest.approx(614 / 6))),
        (BookQuestion.VOLUME_FOR_PRICE, True, 102.5, (None, 102.5, 102.0, 3.0, 305.0, pytest.approx(305 / 3))),
        (BookQuestion.VOLUME_FOR_PRICE, False, 98.0, (None, 98.0, 98.0, 3.0, 295.0, pytest.approx(295 / 3))),
        (BookQuestion.VOLUME_FOR_PRICE, True, 100.0, (None, 100.0, None, 0.0, 0.0, None)),
        (BookQuestion.PRICE_FOR_QUOTE_VOLUME, True, 203.0, (203.0, None, 102.0, 2.0, 203.0, 101.5)),
        (BookQuestion.QUOTE_VOLUME_FOR_PRICE, True, 101.0, (None, 101.0, 101.0, 1.0, 101.0, 101.0)),
        (BookQuestion.VWAP_FOR_VOLUME, True, 2.0, (2.0, None, 102.0, 2.0, 203.0, 101.5)),
    ],
)
def test_answers(question: BookQuestion, is_buy: bool, value: float, expected: tuple[float | None, ...]) -> None:
    found = answer(BookQuery("paper", BTC, is_buy, question, value), BOOK)
    assert (found.trading_pair, found.is_buy, found.timestamp) == (BTC, is_buy, 1000.0)
    results = (
        found.query_volume, found.query_price, found.result_price, found.result_volume, found.result_quote_volume,
        found.average_price,
    )  # fmt: skip
    assert results == expected


@pytest.mark.parametrize("question", list(BookQuestion))
def test_an_empty_side_gives_nothing(question: BookQuestion) -> None:
    found = answer(BookQuery("paper", BTC, True, question, 1.0), LiveBook("paper", BTC, (), (), 1.0))
    assert (found.result_price, found.result_volume, found.average_price) == (None, 0.0, None)


async def test_a_question_over_the_bus_uses_a_deep_book(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    market = exchanges.market("paper")
    market.books[BTC] = book(bid=10_000.0, ask=10_001.0, levels=900)
    await start(exchanges)
    found = await ask(QUERY_BOOK, BookQuery("paper", BTC, True, BookQuestion.VOLUME_FOR_PRICE, 10_899.0))
    assert isinstance(found, BookAnswer)
    assert found.result_volume == sum(1.0 + step for step in range(899))
    assert ("book", (BTC, 1000)) in market.asked


@pytest.mark.parametrize(("connector", "pair"), [("paper", "NO-SUCH"), ("nowhere", BTC)])
async def test_what_is_not_there(start: Start, ask: Asker, exchanges: FakeExchanges, connector: str, pair: str) -> None:
    await start(exchanges)
    query = BookQuery(connector, pair, True, BookQuestion.PRICE_FOR_VOLUME, 1.0)
    assert (await ask.refused(QUERY_BOOK, query)).code == ErrorCode.NOT_FOUND
    assert (await ask.refused(TRACK_PAIR, PairRef(connector, pair))).code == ErrorCode.NOT_FOUND


async def test_values_that_are_none(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    await start(exchanges)
    query = BookQuery("paper", BTC, True, BookQuestion.PRICE_FOR_VOLUME, 0.0)
    assert (await ask.refused(QUERY_BOOK, query)).code == ErrorCode.INVALID


async def test_an_exchange_that_is_away(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    await start(exchanges)
    market.stream_failure = ExchangeDown("it is away")
    market.failure = None
    await ask(DIAGNOSE_BOOKS, MarketRef("paper"))
    market.failure = ExchangeDown("it is away")
    query = BookQuery("paper", BTC, True, BookQuestion.PRICE_FOR_VOLUME, 1.0)
    error = await ask.refused(QUERY_BOOK, query, timeout=3.0)
    assert error.code == ErrorCode.UNAVAILABLE
    assert "'paper'" in error.detail


async def test_a_pair_is_tracked_diagnosed_and_let_go(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    market.books[BTC] = book()
    await start(exchanges)
    assert (await ask(DIAGNOSE_BOOKS, MarketRef("paper"))).has_order_book_tracker is False
    tracked = await ask(TRACK_PAIR, PairRef("paper", BTC))
    assert tracked.success
    await eventually(lambda: bool(market.open_streams()))
    market.open_streams()[0].states.put_nowait(book(levels=7))

    async def is_ready() -> bool:
        return (await ask(DIAGNOSE_BOOKS, MarketRef("paper"))).tracker_ready

    await eventually(is_ready)
    found = await ask(DIAGNOSE_BOOKS, MarketRef("paper"))
    assert (found.has_order_book_tracker, found.trading_pairs, found.tasks) == (True, (BTC,), {BTC: "running"})
    figures = found.order_books[BTC]
    assert (figures.best_bid, figures.best_ask, figures.bid_count, figures.ask_count) == (99.0, 101.0, 7, 7)
    assert found.websocket_status == "connected"

    assert (await ask(UNTRACK_PAIR, PairRef("paper", BTC))).success
    again = await ask(UNTRACK_PAIR, PairRef("paper", BTC))
    assert not again.success
    assert BTC in again.message
    assert (await ask.refused(UNTRACK_PAIR, PairRef("nowhere", BTC))).code == ErrorCode.NOT_FOUND
    assert market.open_streams() == []


async def test_books_are_begun_anew(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    market.books[BTC] = book()
    await start(exchanges)
    nothing = await ask(RESTART_BOOKS, MarketRef("paper"))
    assert (nothing.success, nothing.trading_pairs) == (True, ())
    await ask(TRACK_PAIR, PairRef("paper", BTC))
    await eventually(lambda: len(market.streams) == 1)
    restarted = await ask(RESTART_BOOKS, MarketRef("paper"))
    assert (restarted.success, restarted.trading_pairs) == (True, (BTC,))
    await eventually(lambda: len(market.streams) == 2 and market.streams[0].closed)


async def test_unknown_connectors_are_told_as_upstream_does(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    await start(exchanges)
    diagnosed = await ask(DIAGNOSE_BOOKS, MarketRef("nowhere"))
    restarted = await ask(RESTART_BOOKS, MarketRef("nowhere"))
    assert diagnosed.error is not None
    assert not restarted.success
    assert restarted.error is not None
