"""`/market-data`: what is asked of order books, and how they are followed."""

from typing import Any

import msgspec
from litestar import Request, Router, get, post

from services.gateway_api.answers import Answer
from services.gateway_api.bodies import read_body
from services.gateway_api.commands import Commands
from services.gateway_api.documents import books as documents
from services.gateway_api.inputs.book_queries import (
    PriceForQuoteVolumeBody,
    PriceForVolumeBody,
    QuoteVolumeForPriceBody,
    VolumeForPriceBody,
    VwapForVolumeBody,
)
from services.gateway_api.inputs.market_data import PairBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.routes.parameters import ConnectorName, IgnoredAccount
from services.gateway_api.shapes.book_queries import book_answer, diagnostics
from services.gateway_api.shapes.json import encode
from shared.contracts.marketdata.books import (
    DIAGNOSE_BOOKS,
    QUERY_BOOK,
    RESTART_BOOKS,
    TRACK_PAIR,
    UNTRACK_PAIR,
    BookQuery,
    BooksRestarted,
    PairTracked,
)
from shared.contracts.marketdata.fields import MarketRef

_BODY_LIMIT = 256 * 1024

_price_for_volume = Question(PriceForVolumeBody)
_volume_for_price = Question(VolumeForPriceBody)
_price_for_quote_volume = Question(PriceForQuoteVolumeBody)
_quote_volume_for_price = Question(QuoteVolumeForPriceBody)
_vwap_for_volume = Question(VwapForVolumeBody)
_pair_body = msgspec.json.Decoder(PairBody)


def book_routes(commands: Commands) -> Router:
    """Return the routes of order books, which ask through `commands`."""

    async def answer(asked: BookQuery) -> Answer:
        return Answer(book_answer(await commands.ask(QUERY_BOOK, asked)))

    @post("/order-book/price-for-volume", **documents.PRICE_FOR_VOLUME)
    async def get_price_for_volume(request: Request[Any, Any, Any]) -> Answer:
        return await answer(await _price_for_volume.read(request))

    @post("/order-book/volume-for-price", **documents.VOLUME_FOR_PRICE)
    async def get_volume_for_price(request: Request[Any, Any, Any]) -> Answer:
        return await answer(await _volume_for_price.read(request))

    @post("/order-book/price-for-quote-volume", **documents.PRICE_FOR_QUOTE_VOLUME)
    async def get_price_for_quote_volume(request: Request[Any, Any, Any]) -> Answer:
        return await answer(await _price_for_quote_volume.read(request))

    @post("/order-book/quote-volume-for-price", **documents.QUOTE_VOLUME_FOR_PRICE)
    async def get_quote_volume_for_price(request: Request[Any, Any, Any]) -> Answer:
        return await answer(await _quote_volume_for_price.read(request))

    @post("/order-book/vwap-for-volume", **documents.VWAP_FOR_VOLUME)
    async def get_vwap_for_volume(request: Request[Any, Any, Any]) -> Answer:
        return await answer(await _vwap_for_volume.read(request))

    @post("/trading-pair/add", **documents.ADD_PAIR)
    async def add_trading_pair(request: Request[Any, Any, Any]) -> Answer:
        asked = (await read_body(request, _pair_body, _BODY_LIMIT)).command()
        tracked: PairTracked = await commands.send(TRACK_PAIR, asked)
        return Answer(encode(tracked))

    @post("/trading-pair/remove", **documents.REMOVE_PAIR)
    async def remove_trading_pair(request: Request[Any, Any, Any]) -> Answer:
        asked = (await read_body(request, _pair_body, _BODY_LIMIT)).command()
        tracked: PairTracked = await commands.send(UNTRACK_PAIR, asked)
        return Answer(encode(tracked))

    @get("/order-book/diagnostics/{connector_name:str}", **documents.DIAGNOSTICS)
    async def get_order_book_diagnostics(connector_name: ConnectorName, account_name: IgnoredAccount = None) -> Answer:
        return Answer(diagnostics(await commands.ask(DIAGNOSE_BOOKS, MarketRef(connector_name))))

    @post("/order-book/restart/{connector_name:str}", **documents.RESTART)
    async def restart_order_book_tracker(connector_name: ConnectorName, account_name: IgnoredAccount = None) -> Answer:
        restarted: BooksRestarted = await commands.send(RESTART_BOOKS, MarketRef(connector_name))
        return Answer(encode(restarted))

    return Router(
        "/market-data",
        route_handlers=[
            get_price_for_volume,
            get_volume_for_price,
            get_price_for_quote_volume,
            get_quote_volume_for_price,
            get_vwap_for_volume,
            add_trading_pair,
            remove_trading_pair,
            get_order_book_diagnostics,
            restart_order_book_tracker,
        ],
    )
