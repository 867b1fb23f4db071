"""`/rate-oracle`: where rates come from, and rates by it."""

from typing import Any

import msgspec
from litestar import Request, Router, get, post, put

from services.gateway_api.answers import Answer
from services.gateway_api.bodies import read_body
from services.gateway_api.commands import Commands
from services.gateway_api.documents import rates as documents
from services.gateway_api.inputs.questions import Question
from services.gateway_api.inputs.rates import ConfigBody, OracleRatesBody
from services.gateway_api.routes.parameters import TradingPairInPath
from services.gateway_api.shapes import rates as shapes
from shared.contracts.marketdata.rates import CONFIGURE_ORACLE, GET_RATES, ORACLE_CONFIG, ORACLE_PRICES, RatesFilter

_BODY_LIMIT = 256 * 1024

_rates_question = Question(OracleRatesBody)
_config_body = msgspec.json.Decoder(ConfigBody)


def rate_oracle_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""

    @get("/sources", **documents.SOURCES)
    async def get_rate_sources() -> Answer:
        return Answer(shapes.sources(await commands.ask(ORACLE_CONFIG)))

    @get("/config", **documents.CONFIG)
    async def get_rate_oracle_config() -> Answer:
        return Answer(shapes.config(await commands.ask(ORACLE_CONFIG)))

    @put("/config", **documents.CONFIGURE)
    async def update_rate_oracle_config(request: Request[Any, Any, Any]) -> Answer:
        change = (await read_body(request, _config_body, _BODY_LIMIT)).change()
        return Answer(shapes.config_changed(await commands.send(CONFIGURE_ORACLE, change)))

    @post("/rates", **documents.ORACLE_RATES)
    async def get_oracle_rates(request: Request[Any, Any, Any]) -> Answer:
        return await commands.query(GET_RATES, await _rates_question.read(request))

    @get("/rate/{trading_pair:str}", **documents.ORACLE_RATE)
    async def get_oracle_rate(trading_pair: TradingPairInPath) -> Answer:
        reply = await commands.ask(GET_RATES, RatesFilter((trading_pair,)))
        return Answer(shapes.oracle_rate(reply, trading_pair))

    @get("/rate-async/{trading_pair:str}", **documents.FRESH_RATE)
    async def get_fresh_oracle_rate(trading_pair: TradingPairInPath) -> Answer:
        reply = await commands.ask(GET_RATES, RatesFilter((trading_pair,), fresh=True))
        return Answer(shapes.oracle_rate(reply, trading_pair))

    @get("/prices", **documents.PRICES)
    async def get_oracle_prices() -> Answer:
        return Answer(shapes.prices(await commands.ask(ORACLE_PRICES)))

    return Router(
        "/rate-oracle",
        route_handlers=[
            get_rate_sources,
            get_rate_oracle_config,
            update_rate_oracle_config,
            get_oracle_rates,
            get_oracle_rate,
            get_fresh_oracle_rate,
            get_oracle_prices,
        ],
    )
