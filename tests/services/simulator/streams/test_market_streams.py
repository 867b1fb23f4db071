"""What market streams send, compared with Binance's documented payloads, and with what REST says."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import VenueServer
from tests.services.simulator.shapes import difference
from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import ask, told

_FIXTURES = Path(__file__).parent / "fixtures"
#: By the path of a stream: the shape of its messages.
SHAPES: dict[str, Any] = {
    f"{prefix}/{name}": shape
    for prefix, file in (("/ws", "spot_market.json"), ("/fstream/ws", "usdm_market.json"))
    for name, shape in json.loads((_FIXTURES / file).read_text()).items()
}
_INTERVALS = ("1m", "1h", "1d", "1w", "1M")


async def test_each_stream_has_the_documented_shape(simulator: Running) -> None:
    async def first(path: str) -> Any:
        async with simulator.socket(path) as socket:
            # A change of one side of the book alone has no levels of the other.
            return await told(socket, lambda message: "depth@" not in path or bool(message["a"] and message["b"]))

    messages = await asyncio.gather(*(first(path) for path in SHAPES))
    for (path, shape), message in zip(SHAPES.items(), messages, strict=True):
        of_btc = [one for one in message if one["s"] == "BTCUSDT"] if isinstance(message, list) else message
        assert difference(shape, of_btc) is None, path
    await simulator.until_watched(lambda watched: watched["streams"] == {"spot": [], "usdm": []})


async def test_a_ticker_tells_of_the_newest_trade(simulator: Running) -> None:
    trader = await simulator.account(USDT="1000000", BTC="10")
    async with simulator.socket("/stream?streams=btcusdt@trade/btcusdt@ticker/btcusdt@ticker_1h") as socket:
        await simulator.trade(trader, orders=2, quantity="0.01234")
        trades: dict[int, Any] = {}
        tickers: dict[str, Any] = {}
        while len(tickers) < 2:
            message = (await told(socket))["data"]
            if message["e"] == "trade":
                trades[message["t"]] = message
            elif message["L"] in trades:
                tickers[message["e"]] = message
    last = tickers["24hrTicker"]
    assert (last["Q"], last["c"]) == (trades[last["L"]]["q"], trades[last["L"]]["p"])
    ticker = await simulator.get("/api/v3/ticker/24hr", symbol="BTCUSDT")
    newest = await simulator.get("/api/v3/trades", symbol="BTCUSDT", limit=1000)
    found = {trade["id"]: trade for trade in newest}[ticker["lastId"]]
    assert (ticker["lastPrice"], ticker["lastQty"]) == (found["price"], found["qty"])


async def test_aggregate_trades_are_the_trades(simulator: Running) -> None:
    trader = await simulator.account(USDT="10000000", BTC="100")
    trades: dict[int, Any] = {}
    aggregates: list[Any] = []
    async with simulator.socket("/stream?streams=btcusdt@trade/btcusdt@aggTrade") as socket:
        await simulator.trade(trader, orders=8, quantity="5")
        while len(aggregates) < 8:
            message = (await told(socket))["data"]
            if message["e"] == "trade":
                trades[message["t"]] = message
            else:
                aggregates.append(message)
        # A command's trades are told before their aggregates.
    for one in aggregates:
        parts = [trades[number] for number in range(one["f"], one["l"] + 1)]
        assert {(part["p"], part["T"], part["m"]) for part in parts} == {(one["p"], one["T"], one["m"])}
        assert sum(float(part["q"]) for part in parts) == pytest.approx(float(one["q"]))
    assert [one["a"] for one in aggregates] == list(range(aggregates[0]["a"], aggregates[0]["a"] + len(aggregates)))


async def test_a_kline_closes_once_and_is_then_what_rest_says(simulator: Running) -> None:
    async with simulator.socket("/ws/btcusdt@kline_1s") as socket:
        await told(socket, lambda message: message["k"]["x"])  # the first is of a second that was not seen whole
        klines = [(await told(socket))["k"]]
        while sum(kline["x"] for kline in klines) < 3:
            klines.append((await told(socket))["k"])
    closed = [kline for kline in klines if kline["x"]]
    assert [kline["t"] for kline in closed] == [closed[0]["t"] + 1000 * number for number in range(3)]
    rows = await simulator.get(
        "/api/v3/klines", symbol="BTCUSDT", interval="1s", startTime=closed[0]["t"], endTime=closed[-1]["T"]
    )
    fields = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")
    assert [[kline[field] for field in fields] for kline in closed] == [row[:11] for row in rows]


async def test_a_kline_under_way_goes_on_from_what_rest_says(simulator: Running) -> None:
    klines: dict[str, Any] = {}
    async with simulator.socket("/ws/" + "/".join(f"btcusdt@kline_{one}" for one in _INTERVALS)) as socket:
        while len(klines) < len(_INTERVALS):
            kline = (await told(socket))["k"]
            klines[kline["i"]] = kline
    for interval, kline in klines.items():
        (row,) = await simulator.get("/api/v3/klines", symbol="BTCUSDT", interval=interval, limit=1)
        if row[0] == kline["t"]:  # not just begun anew
            assert row[1] == kline["o"]
            assert float(row[5]) >= float(kline["v"]) > 0
            assert row[8] >= kline["n"] > 0


async def test_streams_are_the_same_to_all_subscribers(simulator: Running) -> None:
    async with simulator.socket("/ws/ethusdt@trade") as one, simulator.socket("/ws/ethusdt@trade") as other:
        first, second = await told(one), await told(other)
        while first["t"] != second["t"]:
            if first["t"] < second["t"]:
                first = await told(one)
            else:
                second = await told(other)
        assert first == second
        assert await one.recv() == await other.recv()


async def test_nothing_is_made_without_subscribers(simulator: Running) -> None:
    await simulator.until_watched(lambda watched: watched["sockets"] == 0)
    async with simulator.socket("/ws/btcusdt@depth/ethusdt@kline_1m") as socket:
        await told(socket)
        assert set((await simulator.watched())["streams"]["spot"]) == {"btcusdt@depth", "ethusdt@kline_1m"}
        await ask(socket, "UNSUBSCRIBE", ["btcusdt@depth"])
        assert (await simulator.watched())["streams"]["spot"] == ["ethusdt@kline_1m"]
    await simulator.until_watched(lambda watched: (watched["sockets"], watched["streams"]["spot"]) == (0, []))


@pytest.fixture
async def with_many_pairs() -> AsyncIterator[Running]:
    """A simulator of 60 pairs."""
    server = VenueServer(SIMULATOR_PAIRS="60")
    running = Running(server)
    yield running
    await running.leave()
    server.stop()


async def test_of_very_many_pairs_those_that_nobody_looks_at_are_told_in_turn_and_not_quoted(
    with_many_pairs: Running,
) -> None:
    async with with_many_pairs.socket("/ws/!ticker@arr") as socket:
        first, second = await told(socket), await told(socket)
        assert not {one["s"] for one in first} & {one["s"] for one in second}
        assert (await with_many_pairs.watched())["pairs_quoted"] == 0
        async with with_many_pairs.socket("/ws/ethusdt@bookTicker"):
            await told(socket, lambda message: "ETHUSDT" in {one["s"] for one in message})
            await told(socket, lambda message: "ETHUSDT" in {one["s"] for one in message})
            assert (await with_many_pairs.watched())["pairs_quoted"] == 1
