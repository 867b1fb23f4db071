"""Whatever is sent, sockets answer or end, the exchange goes on, and nothing is left behind."""

import random
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import closed, told

_WORDS = ['"', "{", "}", "[", "]", ":", ",", "null", "true", "1e9", "\\", "\udcff", "é", '"id"', '"method"', '"params"']
_WORDS += ['"SUBSCRIBE"', '"SET_PROPERTY"', '"combined"', '"btcusdt@trade"', '"order.place"', '"apiKey"']


async def _state(simulator: Running, account: Account) -> list[Any]:
    """Return what an account has, on both venues."""
    spot = await simulator.signed("GET", "/api/v3/account", account)
    usdm = await simulator.signed("GET", "/fapi/v3/balance", account)
    orders = [await simulator.signed("GET", f"{path}/openOrders", account) for path in ("/api/v3", "/fapi/v1")]
    return [spot["balances"], [row["balance"] for row in usdm], *orders]


@pytest.mark.parametrize("path", ["/ws", "/fstream/stream", "/ws-api/v3", "/ws-fapi/v1"])
async def test_garbage_is_answered_and_changes_nothing(simulator: Running, seed: int, path: str) -> None:
    choice = random.Random(seed)
    account = await simulator.account(USDT="1000")
    before = await _state(simulator, account)
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
    async with simulator.socket("/ws/btcusdt@bookTicker") as socket:
        await told(socket)
        watched = await simulator.until_watched(lambda watched: watched["sockets"] == 1)
        assert watched["streams"] == {"spot": ["btcusdt@bookTicker"], "usdm": []}
        assert watched["accounts"] == {"spot": [], "usdm": []}
    assert await _state(simulator, account) == before
