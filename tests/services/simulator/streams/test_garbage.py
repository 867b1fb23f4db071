"""Whatever is sent, sockets answer or end, the exchange goes on, and nothing is left behind."""

import random

import pytest

from services.simulator.streams.outlet import SocketLimits
from tests.services.simulator.streams.running import closed, running, told

_WORDS = ['"', "{", "}", "[", "]", ":", ",", "null", "true", "1e9", "\\", "\udcff", "é", '"id"', '"method"', '"params"']
_WORDS += ['"SUBSCRIBE"', '"SET_PROPERTY"', '"combined"', '"btcusdt@trade"', '"order.place"', '"apiKey"']
_LIMITS = SocketLimits(spot_messages=10**6, usdm_messages=10**6, api_messages=10**6)


@pytest.mark.parametrize("path", ["/ws", "/fstream/stream", "/ws-api/v3", "/ws-fapi/v1"])
async def test_garbage_is_answered_and_changes_nothing(seed: int, path: str) -> None:
    choice = random.Random(seed)
    async with running(_LIMITS) as simulator:
        async with simulator.socket(path) as socket:
            for number in range(500):
                text = "".join(choice.choices(_WORDS, k=choice.randrange(1, 12))).encode("utf-8", "surrogateescape")
                if number % 3 == 0:
                    text = b'{"id":1,"method":"SUBSCRIBE","params":' + text + b"}"
                await socket.send(text)
                answer = await told(socket, lambda message: "id" in message)
                assert "error" in answer or "result" in answer
        async with simulator.socket(path) as socket:
            socket.transport.write(choice.randbytes(2000))
            assert await closed(socket) in {1002, None}
        async with simulator.socket("/ws/btcusdt@trade") as socket:
            await told(socket)
            assert simulator.streams.streams("spot") == ("btcusdt@trade",)
        assert simulator.exchange.spot.accounts() == ("~makers", "~takers")
