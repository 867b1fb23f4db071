"""Candles over HTTP: the last ones and those of the past, in pieces, with every way in which they can fail."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from services.gateway_api import streamed
from services.gateway_api.inputs.candles import MOST_LISTS, MOST_RECORDS
from shared.contracts.marketdata.candles import CANDLE_HISTORY, RECENT_CANDLES, Candle, CandleRange, RecentCandles
from shared.contracts.marketdata.feeds import FeedKind, FeedRef
from shared.errors import CommandError, ErrorCode
from tests.eventually import eventually
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.marketdata_stand_in import (
    BOTS_ONLY,
    CANDLES_A_PIECE,
    CONNECTOR,
    MarketdataStandIn,
    candle,
)

CANDLES, HISTORY = "/market-data/candles", "/market-data/historical-candles"
PAIR = {"connector_name": CONNECTOR, "trading_pair": "BTC-USDT"}
#: Some 16 MB of candles.
LARGE = 90_000


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_last_candles_are_a_list(edge: Edge, marketdata: MarketdataStandIn, slash: str) -> None:
    status, body = await edge.ask("POST", CANDLES + slash, json=PAIR | {"interval": "5m", "max_records": 3})
    assert status == 200
    assert body == msgspec.to_builtins([candle(0), candle(60), candle(120)])
    assert marketdata.asked == [RecentCandles(CONNECTOR, "BTC-USDT", "5m", 3)]


async def test_what_is_left_out_has_the_defaults_of_the_contract(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for more in ({}, {"interval": None, "max_records": None, "trading_pairs": ["ETH-USDT"]}):
        status, body = await edge.ask("POST", CANDLES, json=PAIR | more)
        assert (status, len(body)) == (200, 500)
        assert marketdata.asked[-1] == RecentCandles(CONNECTOR, "BTC-USDT", "1m", 500)
    status, body = await edge.ask("POST", CANDLES, json=PAIR | {"max_records": 10 * MOST_RECORDS})
    assert (status, len(body)) == (200, MOST_RECORDS)


@pytest.mark.parametrize("plural", [["BTC-USDT", "ETH-USDT"], "BTC-USDT,ETH-USDT"])
async def test_several_pairs_start_feeds(edge: Edge, marketdata: MarketdataStandIn, plural: Any) -> None:
    asked = {"connector_name": CONNECTOR, "trading_pairs": plural, "intervals": ["1m", "1h"]}
    status, body = await edge.ask("POST", CANDLES, json=asked)
    assert (status, body["status"]) == (200, "running")
    assert body["feed_ids"] == [f"candles.{pair}.{i}" for pair in ("BTC-USDT", "ETH-USDT") for i in ("1m", "1h")]
    assert body["feed_id"] == body["feed_ids"][0]
    assert FeedRef(FeedKind.CANDLES, CONNECTOR, "ETH-USDT", "1h") in marketdata.asked


async def test_the_candles_of_a_time(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for start, end in ((0, 600), (0, 600.5), (1_000_000_000_000, 1_000_000_600_000)):
        status, body = await edge.ask("POST", HISTORY, json=PAIR | {"start_time": start, "end_time": end})
        assert (status, len(body)) == (200, 11 if start == 0 else 10)
    assert marketdata.asked[0] == CandleRange(CONNECTOR, "BTC-USDT", "1m", 0.0, 600.0)
    assert marketdata.asked[-1] == CandleRange(CONNECTOR, "BTC-USDT", "1m", 1e9, 1e9 + 600)


@pytest.mark.parametrize(("interval", "seconds"), [("1s", 1), ("1m", 60), ("4h", 14400), ("1w", 604800)])
async def test_times_that_are_left_out_are_the_last_500_intervals(
    edge: Edge, marketdata: MarketdataStandIn, interval: str, seconds: int
) -> None:
    marketdata.instead = {CANDLE_HISTORY.key: msgspec.json.encode([candle(0)])}
    for more in ({}, {"end_time": None}):
        status, _ = await edge.ask("POST", HISTORY, json=PAIR | {"interval": interval} | more)
        assert status == 200
    first, second = marketdata.asked
    assert first.end_time - first.start_time == 500 * seconds
    assert second.end_time > first.end_time  # it is never answered by an older question


async def test_several_pairs_or_intervals_are_a_map(edge: Edge, marketdata: MarketdataStandIn) -> None:
    asked = {"connector_name": CONNECTOR, "start_time": 0, "end_time": 60}
    one = {"trading_pairs": ["BTC-USDT"], "intervals": ["1m"]}
    status, body = await edge.ask("POST", HISTORY, json=asked | one)
    assert (status, [row["timestamp"] for row in body]) == (200, [0, 60])
    several = {"trading_pairs": "ETH-USDT,BTC-USDT", "intervals": ["1m", "5m"]}
    status, body = await edge.ask("POST", HISTORY, json=asked | several)
    assert status == 200
    assert list(body) == ["ETH-USDT", "BTC-USDT"]
    assert [list(of_pair) for of_pair in body.values()] == [["1m", "5m"]] * 2
    assert all(len(rows) == 2 for of_pair in body.values() for rows in of_pair.values())
    # Some of them may have none in this time, but not all.
    marketdata.first_candle = {"ETH-USDT": 120.0}
    status, body = await edge.ask("POST", HISTORY, json=asked | several)
    assert status == 200
    assert [[len(rows) for rows in of_pair.values()] for of_pair in body.values()] == [[0, 0], [2, 2]]
    marketdata.first_candle["BTC-USDT"] = 120.0
    for nothing in (several, one):
        status, answer = await edge.ask("POST", HISTORY, json=asked | nothing)
        assert (status, CONNECTOR in answer["detail"]) == (404, True)
    marketdata.first_candle = {}
    status, answer = await edge.ask("POST", HISTORY, json=asked | {"trading_pairs": ["BTC-USDT", "NO-PAIR"]})
    assert status == 404
    assert "NO-PAIR" in answer["detail"]


async def test_a_large_answer_is_whole(edge: Edge, marketdata: MarketdataStandIn) -> None:
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    async with edge.client.post(edge.url + HISTORY, json=PAIR | times) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Encoding" not in answer.headers
        rows = msgspec.json.decode(await answer.read(), type=list[Candle])
    assert [row.timestamp for row in rows] == [60.0 * number for number in range(LARGE)]


async def test_a_slow_reader_holds_up_the_service_and_fills_no_memory(
    edge: Edge, marketdata: MarketdataStandIn
) -> None:
    pieces = LARGE // CANDLES_A_PIECE
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    async with edge.client.post(edge.url + HISTORY, json=PAIR | times) as answer:
        await answer.content.readexactly(1)
        made = await _standing_still(edge, marketdata)
        assert made < pieces / 2
        # Others are answered meanwhile.
        assert (await edge.ask("GET", "/market-data/settings"))[0] == 200
        assert marketdata.pieces_made == made
        assert len(await answer.read()) > 10_000_000
    assert marketdata.pieces_made == pieces


async def test_nothing_more_is_made_for_a_client_that_is_gone(edge: Edge, marketdata: MarketdataStandIn) -> None:
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    answer = await edge.client.post(edge.url + HISTORY, json=PAIR | times)
    await answer.content.readexactly(1)
    answer.close()
    made = await _standing_still(edge, marketdata)
    assert made < LARGE // CANDLES_A_PIECE
    await eventually(lambda: not _streams_under_way())


@pytest.mark.parametrize("code", [ErrorCode.UPSTREAM, None])
async def test_an_error_on_the_way_breaks_the_connection(
    edge: Edge, marketdata: MarketdataStandIn, code: ErrorCode | None
) -> None:
    async def fail(number: int) -> None:
        if number == 40:
            raise CommandError(code, "binance: the connection was refused") if code else RuntimeError("a defect")

    marketdata.before_piece = fail
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    async with edge.client.post(edge.url + HISTORY, json=PAIR | times) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    marketdata.before_piece = _nothing
    assert (await edge.ask("POST", HISTORY, json=PAIR | {"start_time": 0, "end_time": 60}))[0] == 200


async def test_a_service_that_dies_on_the_way_breaks_the_connection(edge: Edge, marketdata: MarketdataStandIn) -> None:
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    async with edge.client.post(edge.url + HISTORY, json=PAIR | times) as answer:
        await answer.content.readexactly(1)
        await _standing_still(edge, marketdata)
        await marketdata.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_client_that_takes_nothing_is_given_up(
    edge: Edge, marketdata: MarketdataStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "PIECE_TIMEOUT", 0.2)
    times = {"start_time": 0, "end_time": (LARGE - 1) * 60}
    async with edge.client.post(edge.url + HISTORY, json=PAIR | times) as answer:
        await eventually(lambda: marketdata.pieces_made > 0 and not _streams_under_way())
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_an_error_before_the_first_piece_has_a_status(edge: Edge, marketdata: MarketdataStandIn) -> None:
    async def fail(number: int) -> None:
        raise CommandError(ErrorCode.UPSTREAM, "binance: the connection was refused")

    marketdata.before_piece = fail
    marketdata.instead = {RECENT_CANDLES.key: CommandError(ErrorCode.UPSTREAM, "binance: the connection was refused")}
    for path in (CANDLES, HISTORY):
        status, body = await edge.ask("POST", path, json=PAIR)
        assert (status, body["detail"]) == (502, "binance: the connection was refused")


async def test_no_candles_are_404(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("POST", HISTORY, json=PAIR | {"start_time": 1, "end_time": 2})
    assert status == 404
    assert "BTC-USDT" in body["detail"]


async def test_unknown_names_and_intervals_are_told(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for path in (CANDLES, HISTORY):
        for change, expected, named in (
            ({"connector_name": "nowhere"}, 404, "nowhere"),
            ({"connector_name": BOTS_ONLY}, 400, BOTS_ONLY),
            ({"trading_pair": "NO-PAIR"}, 404, "NO-PAIR"),
            ({"interval": "7m"}, 400, "7m"),
            ({"interval": ""}, 400, "1m"),
            ({"interval": "no interval at all"}, 400, "1m"),
        ):
            status, answer = await edge.ask("POST", path, json=PAIR | change)
            assert status == expected, answer
            assert named in answer["detail"]


@pytest.mark.parametrize(
    ("path", "body", "loc"),
    [
        (CANDLES, {}, ["connector_name"]),
        (CANDLES, {"connector_name": CONNECTOR}, ["trading_pair"]),
        (CANDLES, {"connector_name": CONNECTOR, "trading_pairs": []}, ["trading_pair"]),
        (CANDLES, PAIR | {"trading_pair": "\x00\x00\x00"}, ["trading_pair"]),
        (CANDLES, PAIR | {"max_records": 0}, ["max_records"]),
        (CANDLES, PAIR | {"max_records": 1.5}, ["max_records"]),
        (CANDLES, PAIR | {"interval": 60}, ["interval"]),
        (HISTORY, {"connector_name": CONNECTOR}, ["trading_pair"]),
        (HISTORY, PAIR | {"start_time": -1}, ["start_time"]),
        (HISTORY, PAIR | {"start_time": "yesterday"}, ["start_time"]),
        (HISTORY, PAIR | {"end_time": 1e300}, ["end_time"]),
        (
            HISTORY,
            {"connector_name": CONNECTOR, "trading_pairs": [f"A{n}-USDT" for n in range(MOST_LISTS + 1)]},
            ["trading_pairs"],
        ),
    ],
)
async def test_a_question_that_does_not_fit_is_refused(
    edge: Edge, marketdata: MarketdataStandIn, path: str, body: Any, loc: list[Any]
) -> None:
    status, answer = await edge.ask("POST", path, json=body)
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", *loc]
    assert marketdata.asked == []


async def test_a_reversed_range_names_the_field(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, answer = await edge.ask("POST", HISTORY, json=PAIR | {"start_time": 600, "end_time": 60})
    assert (status, answer["detail"][0]["loc"]) == (422, ["body", "end_time"])


async def test_the_connectors_that_have_candles(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("GET", "/market-data/available-candle-connectors")
    assert (status, body) == (200, ["paper", "paper_perpetual"])


async def test_a_service_that_is_away_is_named(edge: Edge) -> None:
    for path in (CANDLES, HISTORY):
        status, answer = await edge.ask("POST", path, json=PAIR)
        assert (status, answer["detail"]) == (503, "the service marketdata is not running")


async def _standing_still(edge: Edge, marketdata: MarketdataStandIn) -> int:
    """Return how many pieces were made when no more are.

    There is no word of nothing happening. But who asks takes the way that a piece takes, and waits as it does where the
    machine is busy: none is on its way when none was made while many were answered.
    """
    made, answered = -1, 0
    while answered < 30:
        if marketdata.pieces_made != made:
            made, answered = marketdata.pieces_made, 0
        assert (await edge.ask("GET", "/market-data/settings"))[0] == 200
        answered += 1
        await asyncio.sleep(0.01)
    return made


def _streams_under_way() -> bool:
    return any(task.get_name() == "streamed answer" for task in asyncio.all_tasks())


async def _nothing(number: int) -> None:
    """Let each piece be made."""
