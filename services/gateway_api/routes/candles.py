"""`/market-data`: candles, live and of the past. Lists of them may be large and pass through undecoded."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from litestar import Request, Router, get, post
from litestar.response.base import ASGIResponse

from services.gateway_api.answers import Answer
from services.gateway_api.bodies import read_body
from services.gateway_api.commands import Commands
from services.gateway_api.documents import candles as documents
from services.gateway_api.documents.candles import FeedsStarted
from services.gateway_api.errors import HttpError
from services.gateway_api.inputs.candles import CandlesBody, HistoryBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.shapes.json import encode
from services.gateway_api.streamed import StreamedAnswer, answer_of
from shared.contracts.marketdata.candles import (
    CANDLE_HISTORY,
    LIST_CANDLE_CONNECTORS,
    RECENT_CANDLES,
    CandleRange,
    RecentCandles,
)
from shared.contracts.marketdata.feeds import FOLLOW_FEED, FeedRef

_BODY_LIMIT = 256 * 1024
_NONE = b"[]"

_recent_question = Question(CandlesBody)
_history_body = msgspec.json.Decoder(HistoryBody)


def candle_routes(commands: Commands) -> Router:
    """Return the routes of candles, which ask through `commands`."""

    @post("/candles", **documents.RECENT)
    async def get_candles(request: Request[Any, Any, Any]) -> ASGIResponse:
        asked = await _recent_question.read(request)
        if not isinstance(asked, RecentCandles):
            return await _started(commands, asked)
        return _not_empty(await answer_of(commands.stream(RECENT_CANDLES, asked)), asked)

    @post("/historical-candles", **documents.HISTORY)
    async def get_historical_candles(request: Request[Any, Any, Any]) -> ASGIResponse:
        ranges = (await read_body(request, _history_body, _BODY_LIMIT)).ranges()
        if len(ranges) == 1:
            return _not_empty(await answer_of(commands.stream(CANDLE_HISTORY, ranges[0])), ranges[0])
        found = False
        for asked in ranges:  # what is refused is told while there still is a status to tell it by
            async with contextlib.aclosing(commands.stream(CANDLE_HISTORY, asked)) as pieces:
                found = await anext(pieces, _NONE) != _NONE or found
        if not found:
            raise HttpError(404, f"There are no such candles on {ranges[0].connector_name} in this time")
        return await answer_of(_mapped(commands, ranges))

    @get("/available-candle-connectors", **documents.CONNECTORS)
    async def get_available_candle_connectors() -> Answer:
        return await commands.query(LIST_CANDLE_CONNECTORS)

    return Router("/market-data", route_handlers=[get_candles, get_historical_candles, get_available_candle_connectors])


async def _started(commands: Commands, feeds: Sequence[FeedRef]) -> Answer:
    """Have `feeds` run."""
    ids = [followed.feed for followed in await asyncio.gather(*(commands.send(FOLLOW_FEED, feed) for feed in feeds))]
    return Answer(encode(FeedsStarted(ids[0], "running", ids)))


def _not_empty(answer: Answer | StreamedAnswer, asked: RecentCandles | CandleRange) -> Answer | StreamedAnswer:
    """Return `answer`.

    Raises:
        HttpError: 404 if there are no candles in it.
    """
    if isinstance(answer, Answer) and answer.body == _NONE:
        of = f"{asked.interval} candles of {asked.trading_pair} on {asked.connector_name}"
        raise HttpError(404, f"There are no {of}" + (" in this time" if isinstance(asked, CandleRange) else ""))
    return answer


async def _mapped(commands: Commands, ranges: Sequence[CandleRange]) -> AsyncGenerator[bytes, None]:
    """Give a map of pairs to maps of intervals to candles, list after list; the ranges of a pair are neighbours."""
    for first_pair, (pair, of_pair) in enumerate(groupby(ranges, lambda asked: asked.trading_pair)):
        yield (b"," if first_pair else b"{") + encode(pair) + b":"
        for first, asked in enumerate(of_pair):
            yield (b"," if first else b"{") + encode(asked.interval) + b":"
            async with contextlib.aclosing(commands.stream(CANDLE_HISTORY, asked)) as pieces:
                async for piece in pieces:
                    yield piece
        yield b"}"
    yield b"}"
