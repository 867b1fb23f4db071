"""Rules for order books: which are possible, which reach deep enough, what of them is sent and answered."""

import math

import msgspec

from shared.contracts.marketdata.books import Book, BookLevel, LiveBook

#: How many levels are asked for by REST, at least as many as somebody wants: few sizes, so that many share an answer.
SIZES = (50, 200, 1000)
#: A streamed side this close to what REST gave is all that there is; books move between the two looks.
WHOLE = 0.8


class Depths(msgspec.Struct, frozen=True):
    """How many levels a book had by REST, when `asked` were asked for."""

    bids: int
    asks: int
    asked: int


def fault_of(book: LiveBook) -> str | None:
    """Return what is impossible about the top of a book: it is crossed, or a number is none. None if it is possible."""
    for levels in (book.bids, book.asks):
        if levels and not (0 < levels[0][0] < math.inf and 0 <= levels[0][1] < math.inf):
            return "a price or an amount at the top of the book is impossible"
    if book.bids and book.asks and book.bids[0][0] >= book.asks[0][0]:
        return f"the book is crossed: {book.bids[0][0]} is bid, {book.asks[0][0]} asked"
    return None


def reaches(counts: tuple[int, int], depth: int, depths: Depths | None) -> bool:
    """Return whether `depth` levels a side of a streamed book are all that the exchange has of them.

    Streams of some exchanges bring a few levels alone. `counts` are the bids and asks that the stream has, `depths` is
    how deep REST found the book, if it was asked.
    """
    bids, asks = counts
    if bids >= depth and asks >= depth:
        return True
    if depths is None or depths.asked < depth:
        return False
    sides = ((bids, depths.bids), (asks, depths.asks))
    return all(held >= depth or (there < depths.asked and held >= WHOLE * there) for held, there in sides)


def size_for(depth: int) -> int:
    """Return how many levels to ask for by REST when `depth` are wanted."""
    return next((size for size in SIZES if size >= depth), depth)


def answer(book: LiveBook, depth: int) -> Book:
    """Return the best `depth` levels of a book as a question for it is answered."""
    return Book(
        trading_pair=book.trading_pair,
        bids=tuple([BookLevel(price, amount) for price, amount in book.bids[:depth]]),
        asks=tuple([BookLevel(price, amount) for price, amount in book.asks[:depth]]),
        timestamp=book.timestamp,
    )
