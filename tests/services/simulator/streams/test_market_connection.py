"""Requests on a socket of market streams: answers, errors and limits."""

import asyncio
import contextlib
import json
import socket as socket_of_system
import time
from typing import Any

import pytest
import websockets
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import ask, closed, told


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
        await simulator.until_watched(lambda watched: watched["streams"]["spot"] == [])


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
async def test_who_sends_too_many_messages_is_cut_off(impatient: Running, path: str, most: int) -> None:
    async with impatient.socket(path) as socket:
        for number in range(most):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        for number in range(most):
            assert (await told(socket))["id"] == number
        # On a busy machine the second of those may be over: so many at once are in no case within a second allowed.
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(most + 1):
                await socket.ping()
        assert await closed(socket) == 1008


async def test_a_socket_has_no_more_streams_than_it_may(simulator: Running) -> None:
    names: list[object] = [f"s{number}@trade" for number in range(1023)]
    async with simulator.socket("/ws/btcusdt@trade") as socket:
        answer = await ask(socket, "SUBSCRIBE", [*names, "one@trade"])
        assert answer["error"]["code"] == 2
        assert (await ask(socket, "LIST_SUBSCRIPTIONS", None, 2))["result"] == ["btcusdt@trade"]
        assert await ask(socket, "SUBSCRIBE", names, 3) == {"result": None, "id": 3}
        assert (await ask(socket, "SUBSCRIBE", ["ethusdt@trade"], 4))["error"]["code"] == 2
    async with simulator.socket("/ws/" + "/".join(map(str, range(1025)))) as socket:
        assert await closed(socket) == 1008


async def test_a_socket_lasts_as_long_as_it_may(impatient: Running) -> None:
    began = time.monotonic()
    async with impatient.socket("/ws/btcusdt@trade") as socket:
        assert await closed(socket) == 1001
    assert time.monotonic() - began > 3.5


async def test_who_answers_no_ping_is_cut_off(impatient: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with asyncio.timeout(30):
        said = (await reader.read()).split(b"\r\n\r\n", 1)[1]
    writer.close()
    assert said[0] == 0x89  # a ping
    assert b"keepalive ping timeout" in said


async def test_a_ping_is_answered(simulator: Running) -> None:
    async with simulator.socket("/ws") as socket, asyncio.timeout(30):
        await (await socket.ping(b"payload"))


async def test_a_slow_reader_is_dropped_and_the_others_are_not(simulator: Running) -> None:
    await simulator.until_watched(lambda watched: watched["sockets"] == 0)
    names = [f"{'x' * 120}{number}" for number in range(1000)]
    small = socket_of_system.socket()
    small.setsockopt(socket_of_system.SOL_SOCKET, socket_of_system.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", simulator.port))
    reader, writer = await asyncio.open_connection(sock=small, limit=1024)
    client = ClientProtocol(parse_uri(f"ws://127.0.0.1:{simulator.port}/ws/{'/'.join(names[:10])}"))
    client.send_request(client.connect())
    async with simulator.socket("/ws/btcusdt@bookTicker") as other, asyncio.timeout(60):
        await told(other)
        writer.write(b"".join(client.data_to_send()))
        client.receive_data(await reader.readuntil(b"\r\n\r\n"))
        assert (await simulator.watched())["sockets"] == 2
        client.send_text(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).encode())
        for _ in range(300):  # each answer has 130 kB, and none is read
            client.send_text(b'{"method":"LIST_SUBSCRIPTIONS","id":2}')
        writer.write(b"".join(client.data_to_send()))
        await simulator.until_watched(lambda watched: watched["sockets"] == 1)
        await told(other)
    writer.transport.abort()


async def test_a_path_that_is_too_long_is_refused(simulator: Running) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket("/ws/" + "/".join(f"s{number}@trade" for number in range(1000))):
            pass
    assert refused.value.response.status_code == 414


@pytest.mark.parametrize("path", ["/", "/wss/a", "/api/v3/depth", "/fstream"])
async def test_there_is_no_socket_at_other_paths(simulator: Running, path: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket(path):
            pass
    assert refused.value.response.status_code == 404
