"""Services, servers and clients that die, stop or are slow, while sockets are open."""

import asyncio
import json
import socket
import struct
import time
from pathlib import Path

import aiohttp
import pytest

from hummingbus.stack.nats_server import NatsServer
from services.gateway_api.app import GatewayApi
from services.gateway_api.settings import EdgeSettings
from services.gateway_api.sockets import connection, live_feed
from shared.contracts.marketdata.books import BOOK
from shared.contracts.marketdata.candles import CANDLE
from shared.contracts.marketdata.trades import TRADES
from shared.settings import Settings
from tests.eventually import eventually
from tests.pace import within
from tests.services.gateway_api.conftest import AUTH, Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn
from tests.services.gateway_api.marketdata_stand_in import MarketdataStandIn
from tests.services.gateway_api.sockets.conftest import PAIR, Market, Open, SocketClient, figures


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked after feeds every 0.1 s."""
    monkeypatch.setattr(live_feed, "CHECK_PERIOD", 0.1)


async def test_a_service_that_dies_is_told_and_resumes(
    edge: Edge, settings: Settings, marketdata: MarketdataStandIn, open_socket: Open
) -> None:
    client: SocketClient = await open_socket()
    await client.subscribe("order_book")
    await client.data("order_book")
    await marketdata.stop()
    answer = await client.ask(action="subscribe", type="trades", **PAIR)
    assert answer["type"] == "error"
    assert "marketdata" in answer["message"]
    assert (await client.ask(action="ping"))["type"] == "pong"
    again = MarketdataStandIn(settings)
    again.prices["BTC-USDT"] = 50000.0
    await again.start()
    try:
        # Nobody subscribes again: the feed is asked for, and its state.
        book = await client.data("order_book")
        assert book["bids"][0] == [49999.0, 0.5]
        await Market(again).book(300.0)
        await client.until(lambda frame: frame["data"]["bids"][0] == [299.0, 0.5])
    finally:
        await again.stop()


async def test_a_silent_feed_is_asked_for_again(client: SocketClient, market: Market) -> None:
    await client.subscribe("trades")
    before = len(market.service.asked)
    await eventually(lambda: len(market.service.asked) >= before + 2)


async def test_nats_restarts(folder: Path) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    settings = Settings.model_validate({"NATS_URL": server.url})
    parts = CredentialsStandIn(settings), MarketdataStandIn(settings)
    for part in parts:
        await part.start()
    market = Market(parts[1])
    service = GatewayApi(EdgeSettings.model_validate({"NATS_URL": server.url, "API_PORT": 0}))
    await service.start()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{service.port}/ws/market-data"
        client = SocketClient(await session.ws_connect(url, headers=AUTH))
        await client.next()
        await client.subscribe("order_book")
        await client.data("order_book")
        server.kill()
        answer = await client.ask(action="subscribe", type="trades", **PAIR)
        assert answer["type"] == "error"
        await server.start()
        parts[1].prices["BTC-USDT"] = 50000.0  # what moved meanwhile is not missed
        await client.until(lambda frame: frame["type"] == "order_book" and frame["data"]["bids"][0] == [49999.0, 0.5])
        await market.book(300.0)
        await client.until(lambda frame: frame["type"] == "order_book" and frame["data"]["bids"][0] == [299.0, 0.5])
    await service.drain()
    for part in parts:
        await part.stop()
    await server.stop()


async def test_a_reader_that_does_not_read_is_ended_and_the_others_go_on(
    client: SocketClient, edge: Edge, open_socket: Open, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONGEST_BEHIND", 3.0)
    await client.subscribe("trades")
    reader, writer = await _unread(edge)
    assert figures(edge.service)["sockets"] == 2
    reading = asyncio.create_task(_count_trades(client))
    lines = [one.line for one in edge.service._sockets._connections]
    most = 0
    began = time.monotonic()
    while figures(edge.service)["sockets"] == 2 and time.monotonic() - began < 60:
        await market.trades(*(float(number) for number in range(10_000)))
        most = max(most, *(line.waiting for line in lines))
    assert figures(edge.service)["sockets"] == 1
    assert not reading.done()
    reading.cancel()
    await asyncio.wait({reading})
    assert most < 2 * connection.MOST_WAITING + 4_000_000  # two frames at the most
    other: SocketClient = await open_socket()
    assert (await other.ask(action="ping"))["type"] == "pong"
    last = b""
    while b"too slow" not in last:  # behind all that it had yet to read
        chunk = await reader.read(1 << 20)
        assert chunk
        last = last[-100:] + chunk
    writer.close()


async def test_a_reader_that_pauses_misses_nothing_and_gets_it_in_order(
    client: SocketClient, edge: Edge, market: Market
) -> None:
    await client.subscribe("trades")
    (before,) = edge.service._sockets._connections
    reader, writer = await _unread(edge)
    (line,) = (one.line for one in edge.service._sockets._connections if one is not before)
    sent = 0

    async def send(count: int) -> None:
        """Have so many trades pushed to both, of which one reads."""
        nonlocal sent
        await market.trades(*(float(number) for number in range(sent, sent + count)))
        sent += count
        await client.until(lambda frame: frame["data"][-1]["price"] == sent - 1)

    while not line.waiting:  # what the network takes goes straight to it, the rest through the transport
        await send(10_000)
    assert not line.direct
    await send(3)  # which waits behind it
    found: list[float] = []
    while len(found) < sent:
        found += await _trade_prices(reader)
    await eventually(lambda: line.direct)
    await send(3)
    while len(found) < sent:
        found += await _trade_prices(reader)
    assert found == [float(number) for number in range(sent)]
    writer.close()


async def test_a_client_that_is_gone_ends_no_push_to_others(
    client: SocketClient, edge: Edge, open_socket: Open, market: Market
) -> None:
    others: list[SocketClient] = [await open_socket() for _ in range(5)]
    for one in (*others[:3], client, *others[3:]):
        await one.subscribe("order_book")
        await one.data("order_book")
    for one in others:
        raw = one.socket.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.shutdown(socket.SHUT_RDWR)
    for price in (100.0, 200.0, 300.0):
        await market.book(price)
        await client.until(lambda frame: frame["data"]["bids"][0][0] == price - 1)  # noqa: B023
    await eventually(lambda: figures(edge.service)["sockets"] == 1)


async def test_a_huge_frame_ends_its_connection_alone(client: SocketClient, open_socket: Open, market: Market) -> None:
    other: SocketClient = await open_socket()
    await other.socket.send_str('{"action":"ping","padding":"' + "x" * 1_000_000 + '"}')
    assert (await other.closed())[0] == 1009
    assert (await client.ask(action="ping"))["type"] == "pong"


async def test_rubbish_of_the_service_is_passed_over(client: SocketClient, market: Market) -> None:
    for kind in ("order_book", "trades", "candles"):
        await client.subscribe(kind)
    await client.data("candles")
    rubbish: object
    for rubbish in ({}, [], {"trades": 1}, "text"):
        await market.service.live(BOOK, "paper", "BTC-USDT", rubbish)
        await market.service.live(TRADES, "paper", "BTC-USDT", rubbish)
        await market.service.live(CANDLE, "paper", "BTC-USDT", rubbish, "1m")
    await market.book(100.0)
    await market.trades(7.0)
    await client.until(lambda frame: frame["type"] == "order_book" and frame["data"]["bids"][0] == [99.0, 0.5])
    await market.trades(8.0)
    await client.until(lambda frame: frame["type"] == "trades" and frame["data"][-1]["price"] == 8)


async def test_the_edge_stops(start_edge: StartEdge, credentials: CredentialsStandIn, market: Market) -> None:
    edge = await start_edge()
    async with aiohttp.ClientSession() as session:
        client = SocketClient(await session.ws_connect(f"{edge.url}/ws/market-data", headers=AUTH))
        await client.next()
        await client.subscribe("trades")
        began = time.monotonic()
        stopping = asyncio.create_task(edge.service.drain())
        assert (await client.next())["type"] == "error"
        assert (await client.closed())[0] == 1012
        await stopping
        within(8, began)  # a stop waits 10 s for what does not end
    assert not [task for task in asyncio.all_tasks() if task.get_name() in {"pushes", "live feed", "heartbeat"}]


async def _count_trades(client: SocketClient) -> None:
    """Read for ever; an error if a push is not of trades."""
    while True:
        assert (await client.next())["type"] == "trades"


async def _unread(edge: Edge) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket that follows trades at the highest pace, of which nothing is read but what is asked of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.service.port, limit=1024)
    request = (
        f"GET /ws/market-data HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: {AUTH['Authorization']}\r\n\r\n"
    )
    question = (
        b'{"action":"subscribe","type":"trades","connector":"paper","trading_pair":"BTC-USDT","update_interval":0}'
    )
    writer.write(request.encode())
    await reader.readuntil(b"connected")
    await reader.readuntil(b"}")
    writer.write(b"\x81" + bytes([0x80 | 126]) + len(question).to_bytes(2, "big") + bytes(4) + question)
    await reader.readuntil(b"subscribed")
    await reader.readuntil(b"}")
    return reader, writer


async def _trade_prices(reader: asyncio.StreamReader) -> list[float]:
    """Read one frame; return the prices of its trades, or none if it is of something else."""
    async with asyncio.timeout(20):
        kind, size = await reader.readexactly(2)
        assert kind == 0x81
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await reader.readexactly(8), "big")
        frame = json.loads(await reader.readexactly(size))
    return [trade["price"] for trade in frame["data"]] if frame["type"] == "trades" else []
