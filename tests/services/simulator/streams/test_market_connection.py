"""Requests on a socket of market streams: answers, errors and limits."""

import asyncio
import json
from typing import Any

import pytest
import websockets
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from services.simulator.streams.outlet import SocketLimits
from tests.services.simulator.streams.running import Running, ask, closed, running, told


async def test_streams_are_subscribed_to_listed_and_left(simulator: Running) -> None:
    async with simulator.socket("/ws") as socket:
        names: list[object] = ["btcusdt@trade", "btcusdt@bookTicker"]
        assert await ask(socket, "SUBSCRIBE", names) == {"result": None, "id": 1}
        assert await ask(socket, "LIST_SUBSCRIPTIONS", None, 2) == {"result": names, "id": 2}
        assert (await told(socket, lambda message: "e" in message))["e"] == "trade"
        assert await ask(socket, "UNSUBSCRIBE", ["btcusdt@trade"], "three") == {"result": None, "id": "three"}
        assert await ask(socket, "LIST_SUBSCRIPTIONS", [], None) == {"result": names[1:], "id": None}


async def test_a_combined_socket_tells_the_stream_of_each_message(simulator: Running) -> None:
    async with simulator.socket("/stream?streams=btcusdt@trade") as socket:
        message = await told(socket)
        assert (message["stream"], message["data"]["e"]) == ("btcusdt@trade", "trade")
        assert await ask(socket, "GET_PROPERTY", ["combined"]) == {"result": True, "id": 1}
        assert await ask(socket, "SET_PROPERTY", ["combined", False], 2) == {"result": None, "id": 2}
        assert (await told(socket))["e"] == "trade"


async def test_streams_that_do_not_exist_are_silent(simulator: Running) -> None:
    async with simulator.socket("/ws/0") as socket:
        assert await ask(socket, "SUBSCRIBE", ["nousdt@trade", "btcusdt@forceOrder"]) == {"result": None, "id": 1}
        answer = await ask(socket, "LIST_SUBSCRIPTIONS", None, 2)
        assert answer["result"] == ["0", "nousdt@trade", "btcusdt@forceOrder"]
        assert simulator.streams.streams("spot") == ()


_UNKNOWN = "Invalid request: unknown variant `JUMP`, expected one of"


@pytest.mark.parametrize(
    ("request_text", "code", "message", "request_id"),
    [
        ("{", 3, "Invalid JSON", None),
        ("\udcff", 3, "Invalid JSON", None),
        ("[" * 100_000, 3, "Invalid JSON", None),
        ("[]", 2, "Invalid request: expected an object", None),
        ('{"id": 1}', 2, "Invalid request: missing field `method`", 1),
        ('{"id": 1, "method": "JUMP"}', 2, _UNKNOWN, 1),
        ('{"id": 1.5, "method": "SUBSCRIBE"}', 2, "Invalid request: request ID must be an unsigned integer", None),
        ('{"id": {}, "method": "SUBSCRIBE"}', 2, "Invalid request: request ID must be an unsigned integer", None),
        ('{"id": 1, "method": "SUBSCRIBE", "params": {}}', 2, "Invalid request: params must be an array", 1),
        ('{"id": 1, "method": "SUBSCRIBE", "params": []}', 2, "Invalid request: invalid stream", 1),
        ('{"id": 1, "method": "SUBSCRIBE", "params": [7]}', 2, "Invalid request: invalid stream", 1),
        ('{"id": 1, "method": "SUBSCRIBE", "params": ["a b"]}', 2, "Invalid request: invalid stream", 1),
        ('{"id": 1, "method": "LIST_SUBSCRIPTIONS", "params": [1]}', 2, "Invalid request: too many parameters", 1),
        ('{"id": 1, "method": "SET_PROPERTY", "params": ["other", 1]}', 0, "Unknown property", 1),
        ('{"id": 1, "method": "SET_PROPERTY", "params": ["combined"]}', 1, "Invalid value type: expected Boolean", 1),
        ('{"id": 1, "method": "GET_PROPERTY", "params": []}', 2, "Invalid request: property name must be a string", 1),
        ('{"id": 1, "method": "GET_PROPERTY", "params": ["a", 1]}', 2, "Invalid request: too many parameters", 1),
    ],
)
async def test_wrong_requests_are_answered_with_their_codes(
    simulator: Running, request_text: str, code: int, message: str, request_id: Any
) -> None:
    async with simulator.socket("/ws") as socket:
        await socket.send(request_text.encode("utf-8", "surrogateescape"))
        answer = await told(socket)
        assert (answer["error"]["code"], answer["id"]) == (code, request_id)
        assert answer["error"]["msg"].startswith(message)


@pytest.mark.parametrize(("path", "most"), [("/ws", 5), ("/fstream/ws", 10)])
async def test_who_sends_too_many_messages_is_cut_off(simulator: Running, path: str, most: int) -> None:
    async with simulator.socket(path) as socket:
        for number in range(most):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        for number in range(most):
            assert (await told(socket))["id"] == number
        await socket.ping()
        assert await closed(socket) == 1008


async def test_a_socket_has_no_more_streams_than_it_may() -> None:
    async with running(SocketLimits(streams=2)) as simulator:
        async with simulator.socket("/ws/btcusdt@trade") as socket:
            answer = await ask(socket, "SUBSCRIBE", ["ethusdt@trade", "solusdt@trade"])
            assert answer["error"]["code"] == 2
            assert (await ask(socket, "LIST_SUBSCRIPTIONS", None, 2))["result"] == ["btcusdt@trade"]
        async with simulator.socket("/ws/a@trade/b@trade/c@trade") as socket:
            assert await closed(socket) == 1008


async def test_a_socket_lasts_as_long_as_it_may() -> None:
    async with running(SocketLimits(seconds=0.2)) as simulator, simulator.socket("/ws/btcusdt@trade") as socket:
        assert await closed(socket) == 1001


async def test_who_answers_no_ping_is_cut_off() -> None:
    async with running(SocketLimits(ping_interval=0.1, ping_timeout=0.2)) as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with asyncio.timeout(10):
            said = (await reader.read()).split(b"\r\n\r\n", 1)[1]
        writer.close()
        assert said[0] == 0x89  # a ping
        assert b"keepalive ping timeout" in said


async def test_a_ping_is_answered(simulator: Running) -> None:
    async with simulator.socket("/ws") as socket, asyncio.timeout(5):
        await (await socket.ping(b"payload"))


async def test_a_slow_reader_is_dropped_and_the_others_are_not() -> None:
    async with running(SocketLimits(waiting=1_000_000, spot_messages=10_000)) as simulator:
        names = [f"{'x' * 120}{number}" for number in range(1000)]
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port, limit=1024)
        client = ClientProtocol(parse_uri(f"ws://127.0.0.1:{simulator.port}/ws/{'/'.join(names[:10])}"))
        client.send_request(client.connect())
        async with simulator.socket("/ws/btcusdt@trade") as other, asyncio.timeout(30):
            await told(other)
            writer.write(b"".join(client.data_to_send()))
            client.receive_data(await reader.readuntil(b"\r\n\r\n"))
            client.send_text(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).encode())
            asks = 0
            while simulator.streams.sockets == 2 and asks < 1000:  # each answer has 130 kB, and none is read
                client.send_text(b'{"method":"LIST_SUBSCRIPTIONS","id":2}')
                writer.write(b"".join(client.data_to_send()))
                asks += 1
                await told(other) if asks % 100 == 0 else await asyncio.sleep(0)
            while simulator.streams.sockets == 2:
                await asyncio.sleep(0)
            await told(other)
        writer.transport.abort()


@pytest.mark.parametrize("path", ["/", "/wss/a", "/api/v3/depth", "/fstream"])
async def test_there_is_no_socket_at_other_paths(simulator: Running, path: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket(path):
            pass
    assert refused.value.response.status_code == 404
