"""The commands about order books: what taking from them costs, and how they are followed."""

import time

from services.marketdata import neighbours
from services.marketdata.book_diagnosis import BookReport, diagnosis, reports
from services.marketdata.book_queries import take_quote_volume, take_to_price, take_volume
from services.marketdata.feeds import Feeds
from services.marketdata.kept_replies import KeptReplies
from services.marketdata.neighbours import Deed, Done, Neighbours
from services.marketdata.venue import Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.marketdata.books import (
    DIAGNOSE_BOOKS,
    QUERY_BOOK,
    RESTART_BOOKS,
    TRACK_PAIR,
    UNTRACK_PAIR,
    BookAnswer,
    BookDiagnostics,
    BookQuery,
    BookQuestion,
    BooksRestarted,
    LiveBook,
    PairRef,
    PairTracked,
)
from shared.contracts.marketdata.fields import MarketRef
from shared.errors import CommandError, not_found

#: Levels a side that questions are answered from, where there are so many.
LEVELS = 1000

_TO_PRICE = (BookQuestion.VOLUME_FOR_PRICE, BookQuestion.QUOTE_VOLUME_FOR_PRICE)


class BookHandlers:
    """Handlers of the commands about books, but for the book itself."""

    def __init__(self, venues: Venues, feeds: Feeds, others: Neighbours, waiting: Waiting) -> None:
        self._venues = venues
        self._feeds = feeds
        self._neighbours = others
        self._waiting = waiting
        self._kept = KeptReplies()

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(QUERY_BOOK, self.query)
        dispatcher.on(DIAGNOSE_BOOKS, self.diagnose)
        dispatcher.on(RESTART_BOOKS, self.restart)
        dispatcher.on(TRACK_PAIR, self.track)
        dispatcher.on(UNTRACK_PAIR, self.untrack)

    def query(self, request: BookQuery, call: Call) -> Reply | Later[BookAnswer]:
        venue = self._venues[request.connector_name]
        pair = request.trading_pair
        rules = venue.rules_now()
        if rules is not None:
            check_known(venue, rules, pair)
            book = self._feeds.book(venue, pair).now(LEVELS)
            if book is not None:
                return self._kept.reply(request, (book,), lambda: answer(request, book))

        async def later() -> BookAnswer:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), pair)
            return answer(request, await self._feeds.book(venue, pair).get(LEVELS, until - time.monotonic()))

        return self._waiting.for_exchange(venue, later)

    async def diagnose(self, request: MarketRef, _: Call) -> BookDiagnostics:
        name = request.connector_name
        try:
            venue = self._venues[name]
        except CommandError as error:
            return BookDiagnostics(name, error=error.detail)
        elsewhere = await self._neighbours.ask(neighbours.Call(Deed.REPORT_BOOKS, name), BookReport)
        return diagnosis(name, type(venue.market).__name__, [*reports(self._feeds, name), *elsewhere])

    async def restart(self, request: MarketRef, _: Call) -> BooksRestarted:
        try:
            venue = self._venues[request.connector_name]
        except CommandError as error:
            return BooksRestarted(success=False, error=error.detail)
        here = self._feeds.restart_books(venue.name)
        elsewhere = await self._neighbours.ask(neighbours.Call(Deed.RESTART_BOOKS, venue.name), Done)
        pairs = tuple(sorted({*here, *(done.trading_pair for done in elsewhere)}))
        if not pairs:
            return BooksRestarted(success=True, message=f"No order book of '{venue.name}' is followed")
        return BooksRestarted(
            success=True, message=f"{len(pairs)} order books of '{venue.name}' are followed anew",
            trading_pairs=pairs,
        )  # fmt: skip

    def track(self, request: PairRef, call: Call) -> Later[PairTracked]:
        venue = self._venues[request.connector_name]
        pair = request.trading_pair

        async def later() -> PairTracked:
            until = time.monotonic() + min(request.timeout, seconds_for(call))
            check_known(venue, await venue.rules(until - time.monotonic()), pair)
            await self._feeds.book(venue, pair).get(1, until - time.monotonic())
            return PairTracked(
                success=True,
                connector_name=venue.name,
                trading_pair=pair,
                message=f"The order book of {pair} is followed",
            )

        return self._waiting.for_exchange(venue, later)

    async def untrack(self, request: PairRef, _: Call) -> PairTracked:
        name, pair = request.connector_name, request.trading_pair
        if name not in CONNECTORS:
            raise not_found(f"Connector '{name}' not found")
        was_here = self._feeds.forget_book(name, pair)
        elsewhere = await self._neighbours.ask(neighbours.Call(Deed.FORGET_BOOK, name, pair), Done)
        was_there = was_here or bool(elsewhere)
        text = f"The order book of {pair} is followed no more" if was_there else f"No order book of {pair} is followed"
        return PairTracked(success=was_there, connector_name=name, trading_pair=pair, message=text)


def answer(request: BookQuery, book: LiveBook) -> BookAnswer:
    """Return what a question to `book` is answered with; a buyer takes asks."""
    side = book.asks if request.is_buy else book.bids
    value, question = request.value, request.question
    if question in _TO_PRICE:
        taken = take_to_price(side, value, is_buy=request.is_buy)
    elif question is BookQuestion.PRICE_FOR_QUOTE_VOLUME:
        taken = take_quote_volume(side, value)
    else:
        taken = take_volume(side, value)
    by_price = question in _TO_PRICE
    return BookAnswer(
        trading_pair=book.trading_pair,
        is_buy=request.is_buy,
        query_volume=None if by_price else value,
        query_price=value if by_price else None,
        result_price=taken.worst_price,
        result_volume=taken.volume,
        result_quote_volume=taken.quote_volume,
        average_price=taken.average_price,
        timestamp=book.timestamp,
    )
