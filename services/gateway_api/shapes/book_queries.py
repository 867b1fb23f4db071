"""What an order book was asked and answered, with the guides' names of the average price beside it."""

import msgspec

from services.gateway_api.shapes.json import encode
from shared.bus.client import decode_response
from shared.contracts.marketdata.books import QUERY_BOOK


class BookAnswerView(msgspec.Struct, frozen=True):
    """Volumes in base units, quote volumes and prices in quote units; what does not apply is null.

    `vwap` and `avg_price` are `average_price`.
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


def book_answer(reply: bytes) -> bytes:
    """Return the answer as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    answer = decode_response(QUERY_BOOK, reply)
    fields = msgspec.structs.asdict(answer)
    return encode(BookAnswerView(**fields, vwap=answer.average_price, avg_price=answer.average_price))
