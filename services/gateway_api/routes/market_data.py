"""`/market-data`: prices and order books."""

from typing import Any

from litestar import Request, Router, get, post

from services.gateway_api.answers import Answer
from services.gateway_api.commands import Commands
from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation
from services.gateway_api.documents.prices import PRICES
from services.gateway_api.inputs.market_data import BOOK_SCHEMA, BookBody, PricesBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.shapes.market_data import prices
from shared.contracts.marketdata.books import GET_BOOK, Book
from shared.contracts.marketdata.feeds import FEED_SETTINGS, FeedSettings
from shared.contracts.marketdata.tickers import GET_PRICES

_TAG = "Market data"
_ERRORS = (*OF_AN_EXCHANGE, *OF_A_BODY)

_prices_question = Question(PricesBody)
_book_question = Question(BookBody)


def market_data_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""

    @get(
        "/settings",
        **operation(
            "get_market_data_settings",
            "How long a feed lives without anybody who asks",
            FeedSettings,
            {"cleanup_interval": 300, "feed_timeout": 600, "description": "Seconds"},
            tag=_TAG,
        ),
    )
    async def get_settings() -> Answer:
        return await commands.query(FEED_SETTINGS)

    @post("/prices", **PRICES)
    async def get_prices(request: Request[Any, Any, Any]) -> Answer:
        asked = await _prices_question.read(request)
        return Answer(prices(await commands.ask(GET_PRICES, asked), asked.trading_pairs))

    @post(
        "/order-book",
        **operation(
            "get_order_book",
            "The order book of a pair",
            Book,
            {
                "trading_pair": "BTC-USDT",
                "bids": [{"price": 65000.0, "amount": 0.5}],
                "asks": [{"price": 65001.0, "amount": 0.25}],
                "timestamp": 1767225600.0,
            },
            tag=_TAG,
            errors=_ERRORS,
            description="Bids from the highest, asks from the lowest.",
            kind=json_body(
                BOOK_SCHEMA,
                "Which book.",
                {"connector_name": "binance", "trading_pair": "BTC-USDT", "depth": 10},
                required=True,
            ),
        ),
    )
    async def get_order_book(request: Request[Any, Any, Any]) -> Answer:
        return await commands.query(GET_BOOK, await _book_question.read(request))

    return Router("/market-data", route_handlers=[get_settings, get_prices, get_order_book])
