"""What the OpenAPI document says of order books: what is asked of them, and how they are followed."""

from typing import Any

from litestar.openapi.spec import Schema

from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation
from services.gateway_api.inputs.book_queries import PRICE_SCHEMA, QUOTE_VOLUME_SCHEMA, VOLUME_SCHEMA
from services.gateway_api.inputs.market_data import PAIR_SCHEMA
from services.gateway_api.shapes.book_queries import BookAnswerView, DiagnosticsView, UndiagnosedView
from shared.contracts.marketdata.books import BooksRestarted, PairTracked

_TAG = "Market data"
_ERRORS = (*OF_AN_EXCHANGE, *OF_A_BODY)
_LESS = "Where the book does not hold what is asked for, the results are what it does hold."
_PAIR = {"connector_name": "binance", "trading_pair": "BTC-USDT"}


def _query(operation_id: str, summary: str, schema: Schema, asked: dict[str, float], queried: dict[str, float]) -> Any:
    example = {
        "trading_pair": "BTC-USDT",
        "is_buy": True,
        "query_volume": None,
        "query_price": None,
        "result_price": 65002.0,
        "result_volume": 2.0,
        "result_quote_volume": 130003.0,
        "average_price": 65001.5,
        "timestamp": 1767225600.0,
        "vwap": 65001.5,
        "avg_price": 65001.5,
    }
    return operation(
        operation_id,
        summary,
        BookAnswerView,
        example | queried,
        tag=_TAG,
        errors=_ERRORS,
        description=_LESS,
        kind=json_body(
            schema, "Which book, which side, and how much.", _PAIR | {"is_buy": True} | asked, required=True
        ),
    )


PRICE_FOR_VOLUME = _query(
    "get_price_for_volume",
    "The worst price that a volume reaches",
    VOLUME_SCHEMA,
    {"volume": 2.0},
    {"query_volume": 2.0},
)
VOLUME_FOR_PRICE = _query(
    "get_volume_for_price",
    "The volume up to a price",
    PRICE_SCHEMA,
    {"price": 65002.5},
    {"query_price": 65002.5},
)
PRICE_FOR_QUOTE_VOLUME = _query(
    "get_price_for_quote_volume",
    "The worst price that a volume in quote units reaches",
    QUOTE_VOLUME_SCHEMA,
    {"quote_volume": 130003.0},
    {"query_volume": 130003.0},
)
QUOTE_VOLUME_FOR_PRICE = _query(
    "get_quote_volume_for_price",
    "The volume up to a price, in quote units",
    PRICE_SCHEMA,
    {"price": 65002.5},
    {"query_price": 65002.5},
)
VWAP_FOR_VOLUME = _query(
    "get_vwap_for_volume",
    "The average price of a volume",
    VOLUME_SCHEMA,
    {"volume": 2.0},
    {"query_volume": 2.0},
)

_PAIR_BODY = json_body(PAIR_SCHEMA, "Which book.", _PAIR | {"timeout": 30}, required=True)


def _pair(operation_id: str, summary: str, message: str, description: str) -> Any:
    return operation(
        operation_id,
        summary,
        PairTracked,
        {"success": True} | _PAIR | {"message": message},
        tag=_TAG,
        errors=(*_ERRORS, 504),
        description=description,
        kind=_PAIR_BODY,
    )


ADD_PAIR = _pair(
    "add_trading_pair",
    "Follow the book of a pair",
    "The book of BTC-USDT is followed",
    "Answers when the first book is there.",
)
REMOVE_PAIR = _pair(
    "remove_trading_pair",
    "Follow the book of a pair no more",
    "The book of BTC-USDT is followed no more",
    "A pair that was not followed is 200 with `success: false`.",
)
DIAGNOSTICS = operation(
    "get_order_book_diagnostics",
    "How the books of a connector are followed",
    DiagnosticsView | UndiagnosedView,
    {
        "connector_type": "CcxtMarket",
        "connector_name": "binance",
        "has_order_book_tracker": True,
        "tracker_ready": True,
        "tasks": {"BTC-USDT": "running"},
        "trading_pairs": ["BTC-USDT"],
        "order_books": {
            "BTC-USDT": {
                "best_bid": 65000.0,
                "best_ask": 65001.0,
                "bid_count": 200,
                "ask_count": 200,
                "snapshot_uid": 17,
                "last_diff_uid": 42,
            }
        },
        "metrics": {"books": 1.0, "books_from_other_replicas": 0.0, "streams_broken": 0.0, "streams_opened": 1.0},
        "websocket_status": "connected",
    },
    tag=_TAG,
    errors=(422,),
    description="An unknown connector is 200 with `error`.",
)
RESTART = operation(
    "restart_order_book_tracker",
    "Follow the books of a connector anew",
    BooksRestarted,
    {"success": True, "message": "1 book is followed anew", "trading_pairs": ["BTC-USDT"]},
    tag=_TAG,
    errors=(*OF_A_BODY, 504),
    description="An unknown connector is 200 with `success: false` and `error`.",
)
