"""A followed book that is told whole each time."""

import msgspec

from shared.contracts.marketdata.books import LiveBook


class WholeBook:
    """A book that was told whole (see `shared.exchanges.interface.BookState`)."""

    __slots__ = ("_book", "snapshot_id", "update_id")

    def __init__(self, book: LiveBook, update_id: int = 0) -> None:
        self._book = book
        self.update_id = self.snapshot_id = update_id

    @property
    def counts(self) -> tuple[int, int]:
        return len(self._book.bids), len(self._book.asks)

    def best(self, levels: int) -> LiveBook:
        book = self._book
        if len(book.bids) <= levels and len(book.asks) <= levels:
            return book
        return LiveBook(book.connector_name, book.trading_pair, book.bids[:levels], book.asks[:levels], book.timestamp)

    def json(self, levels: int) -> bytes:
        return msgspec.json.encode(self.best(levels))
