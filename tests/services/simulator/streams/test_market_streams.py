"""What market streams send, compared with Binance's documented payloads, and with what REST says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import VenueServer
from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import ask, told

_TICKER = "e E s p P w c Q o h l v q O C F L n"
#: By path: the fields of each stream's messages, in the order of Binance's documentation or not.
SHAPES = {
    "/ws/btcusdt@trade": "e E s t p q T m M",
    "/ws/btcusdt@aggTrade": "e E s a p q f l T m M",
    "/ws/btcusdt@kline_1m": "e E s k",
    "/ws/btcusdt@miniTicker": "e E s c o h l v q",
    "/ws/btcusdt@ticker": f"{_TICKER} x b B a A",
    "/ws/btcusdt@ticker_1h": "e E s p P o h l c w v q O C F L n",
    "/ws/btcusdt@bookTicker": "u s b B a A",
    "/ws/btcusdt@avgPrice": "e E s i w T",
    "/ws/btcusdt@depth5": "lastUpdateId bids asks",
    "/ws/btcusdt@depth@100ms": "e E s U u b a",
    "/fstream/ws/btcusdt@trade": "e E s t p q T X m",
    "/fstream/ws/btcusdt@aggTrade": "e E s a p q f l T m",
    "/fstream/ws/btcusdt@kline_1m": "e E s k",
    "/fstream/ws/btcusdt_perpetual@continuousKline_1m": "e E ps ct k",
    "/fstream/ws/btcusdt@miniTicker": "e E s c o h l v q",
    "/fstream/ws/btcusdt@ticker": _TICKER,
    "/fstream/ws/btcusdt@bookTicker": "e u E T s b B a A",
    "/fstream/ws/!bookTicker": "e u E T s b B a A",
    "/fstream/ws/btcusdt@markPrice@1s": "e E s p i P r T",
    "/fstream/ws/btcusdt@depth5": "e E T s U u pu b a",
    "/fstream/ws/btcusdt@depth@100ms": "e E T s U u pu b a",
}
ARRAYS = {
    "/ws/!ticker@arr": f"{_TICKER} x b B a A",
    "/ws/!miniTicker@arr": "e E s c o h l v q",
    "/ws/!ticker_1d@arr": "e E s p P o h l c w v q O C F L n",
    "/fstream/ws/!ticker@arr": _TICKER,
    "/fstream/ws/!miniTicker@arr": "e E s c o h l v q",
    "/fstream/ws/!markPrice@arr@1s": "e E s p i P r T",
}
_KLINE = "t T s i f L o c h l v n x q V Q B"
_INTERVALS = ("1m", "1h", "1d", "1w", "1M")


async def test_each_stream_has_the_documented_fields(simulator: Running) -> None:
    async def first(path: str) -> Any:
        async with simulator.socket(path) as socket:
            return await told(socket)

    messages = await asyncio.gather(*(first(path) for path in (*SHAPES, *ARRAYS)))
    for path, message in zip((*SHAPES, *ARRAYS), messages, strict=True):
        if path in ARRAYS:
            assert {"BTCUSDT", "ETHUSDT"} <= {one["s"] for one in message}
            assert set(message[0]) == set(ARRAYS[path].split()), path
        else:
            assert set(message) == set(SHAPES[path].split()), path
            if "k" in message:
                missing = {"s"} if "ps" in message else set()
                assert set(message["k"]) == set(_KLINE.split()) - missing
    await simulator.until_watched(lambda watched: watched["streams"] == {"spot": [], "usdm": []})


async def test_numbers_are_written_as_at_each_venue(simulator: Running) -> None:
    async with simulator.socket("/ws/btcusdt@trade") as socket:
        spot = await told(socket)
    async with simulator.socket("/fstream/ws/btcusdt@trade") as socket:
        futures = await told(socket)
    assert [len(spot[field].split(".")[1]) for field in "pq"] == [8, 8]
    assert [len(futures[field].split(".")[1]) for field in "pq"] == [2, 3]


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
