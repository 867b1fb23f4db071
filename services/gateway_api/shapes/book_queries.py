"""What an order book was asked and answered, and how books are followed, as the HTTP API shows it."""

import msgspec

from services.gateway_api.shapes.json import encode
from shared.bus.client import decode_response
from shared.contracts.marketdata.books import DIAGNOSE_BOOKS, QUERY_BOOK, TrackedBook


class BookAnswerView(msgspec.Struct, frozen=True):
    """Volumes in base units, quote volumes and prices in quote units; what does not apply is null.

    `vwap` and `avg_price`, the guides' names, are `average_price`.
    """

    trading_pair: str
    is_buy: bool
    query_volume: float | None
    query_price: float | None
    result_price: float | None
    result_volume: float | None
    result_quote_volume: float | None
    average_price: float | None
    timestamp: float
    vwap: float | None
    avg_price: float | None


class DiagnosticsView(msgspec.Struct, frozen=True):
    """How the books of a connector are followed; everything is there, also while none is."""

    connector_type: str
    connector_name: str
    has_order_book_tracker: bool
    tracker_ready: bool
    tasks: dict[str, str]
    trading_pairs: tuple[str, ...]
    order_books: dict[str, TrackedBook]
    metrics: dict[str, float]
    websocket_status: str


class UndiagnosedView(msgspec.Struct, frozen=True):
    """What stands in place of a diagnosis of a connector that is not there."""

    connector_name: str
    error: str


def book_answer(reply: bytes) -> bytes:
    """Return the answer as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    answer = decode_response(QUERY_BOOK, reply)
    fields = msgspec.structs.asdict(answer)
    return encode(BookAnswerView(**fields, vwap=answer.average_price, avg_price=answer.average_price))


def diagnostics(reply: bytes) -> bytes:
    """Return a diagnosis as the HTTP API shows it: over the bus, what is nothing or false may be left out.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    found = decode_response(DIAGNOSE_BOOKS, reply)
    if found.error is not None:
        return encode(UndiagnosedView(found.connector_name, found.error))
    return encode(DiagnosticsView(**{name: getattr(found, name) for name in DiagnosticsView.__struct_fields__}))
