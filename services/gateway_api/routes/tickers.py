"""`/market-data`: feeds, tickers, funding and rates."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from services.gateway_api.answers import Answer
from services.gateway_api.commands import Commands
from services.gateway_api.documents import rates as documents
from services.gateway_api.errors import RefusedCommand
from services.gateway_api.inputs import fields
from services.gateway_api.inputs.market_data import FundingBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.inputs.rates import RatesBody
from services.gateway_api.routes.parameters import ConnectorInQuery, ConnectorName, TradingPairInPath
from services.gateway_api.shapes import rates as shapes
from shared.contracts.marketdata.feeds import LIST_FEEDS
from shared.contracts.marketdata.funding import GET_FUNDING, FundingRef
from shared.contracts.marketdata.rates import GET_RATES, RatesFilter
from shared.contracts.marketdata.tickers import LIST_TICKERS, TickersFilter
from shared.errors import ErrorCode

#: Seconds. Also refuses infinity, which stands for no age.
_OLDEST = 1e9

Connectors = Annotated[
    list[str] | None,
    QueryParameter(
        name="connectors",
        required=False,
        description="Only these connectors; the key may be repeated, and a value may name several with commas.",
        examples=[Example(value=["binance"])],
    ),
]
Refresh = Annotated[
    bool,
    QueryParameter(name="refresh", required=False, description="Ask the exchanges before the answer."),
]
MaxAge = Annotated[
    float | None,
    QueryParameter(
        name="max_age",
        required=False,
        ge=0,
        le=_OLDEST,
        description="Seconds that a ticker may be old.",
        schema_extra={"minimum": 0},  # Litestar leaves out a bound of zero
    ),
]

_funding_question = Question(FundingBody)
_rates_question = Question(RatesBody)


def ticker_routes(commands: Commands) -> Router:
    """Return the routes of feeds, tickers, funding and rates, which ask through `commands`."""

    @get("/active-feeds", **documents.FEEDS)
    async def get_active_feeds() -> Answer:
        return await commands.query(LIST_FEEDS)

    @get("/tickers", **documents.TICKERS)
    async def get_tickers(connectors: Connectors = None, refresh: Refresh = False, max_age: MaxAge = None) -> Answer:
        asked = TickersFilter(fields.query_names(connectors, "connectors"), refresh, max_age)
        return await commands.query(LIST_TICKERS, asked)

    @get("/tickers/{connector_name:str}", **documents.TICKERS_OF_ONE)
    async def get_connector_tickers(
        connector_name: ConnectorName, refresh: Refresh = False, max_age: MaxAge = None
    ) -> Answer:
        return await commands.query(LIST_TICKERS, TickersFilter((connector_name,), refresh, max_age))

    @post("/funding-info", **documents.FUNDING)
    async def get_funding_info(request: Request[Any, Any, Any]) -> Answer:
        asked = await _funding_question.read(request)
        if len(asked) == 1:
            return await commands.query(GET_FUNDING, asked[0])
        return Answer(await _fundings(commands, asked))

    @post("/rates", **documents.RATES)
    async def get_rates(request: Request[Any, Any, Any]) -> Answer:
        asked = await _rates_question.read(request)
        return Answer(shapes.rates(await commands.ask(GET_RATES, asked), asked.connector_name))

    @get("/rate/{trading_pair:str}", **documents.RATE)
    async def get_rate(trading_pair: TradingPairInPath, connector: ConnectorInQuery = None) -> Answer:
        reply = await commands.ask(GET_RATES, RatesFilter((trading_pair,), connector))
        return Answer(shapes.rate(reply, trading_pair, connector))

    return Router(
        "/market-data",
        route_handlers=[get_active_feeds, get_tickers, get_connector_tickers, get_funding_info, get_rates, get_rate],
    )


async def _fundings(commands: Commands, asked: Sequence[FundingRef]) -> bytes:
    """Return the funding of several contracts as a list, without those that do not exist.

    Raises:
        RefusedCommand: if none exists, or one could not be asked.
    """
    answers = await asyncio.gather(*(commands.ask(GET_FUNDING, ref) for ref in asked), return_exceptions=True)
    found: list[bytes] = []
    unknown: RefusedCommand | None = None
    for answer in answers:
        if isinstance(answer, bytes):
            found.append(answer)
        elif isinstance(answer, RefusedCommand) and answer.error.code is ErrorCode.NOT_FOUND:
            unknown = unknown or answer
        else:
            raise answer
    if unknown is not None and not found:
        raise unknown
    return b"[%s]" % b",".join(found)
