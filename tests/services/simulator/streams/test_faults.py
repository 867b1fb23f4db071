"""Faults on demand, as they meet sockets and their messages."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
import websockets

from services.simulator.faults import FaultKind, NewFault
from tests.services.simulator.streams.running import Running, closed, told

_PATH = "/ws/btcusdt@trade"


def _fault(simulator: Running, kind: FaultKind, **more: Any) -> None:
    simulator.exchange.faults.add(NewFault(kind, **more))


async def _steps(socket: Any, first: Any, count: int) -> list[int]:
    """Return by how much the ids of trades from `first` on differ; some may have been sent before a fault began."""
    ids = [first["t"], *[(await told(socket))["t"] for _ in range(count)]]
    return [after - before for before, after in pairwise(ids)]


async def test_messages_are_missed(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        _fault(simulator, FaultKind.MISSED_MESSAGE, path="btcusdt@trade", count=2)
        assert sorted(await _steps(socket, first, 9)) == [1] * 8 + [3]


async def test_messages_are_duplicated(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        _fault(simulator, FaultKind.DUPLICATED_MESSAGE, path=_PATH, count=1)
        assert sorted(await _steps(socket, first, 9)) == [0] + [1] * 8


async def test_messages_change_places(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        first = await told(socket)
        _fault(simulator, FaultKind.REORDERED_MESSAGE, count=1)
        steps = await _steps(socket, first, 9)
        swapped = steps.index(-1)
        assert steps[swapped - 1 : swapped + 2] == [2, -1, 2]
        assert sorted(steps) == [-1] + [1] * 6 + [2, 2]


async def test_messages_are_delayed_in_their_order(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        await told(socket)
        _fault(simulator, FaultKind.DELAYED_MESSAGE, count=1, delay=1.5)
        delays, ids = [], []
        for _ in range(10):
            message = await told(socket)
            ids.append(message["t"])
            delays.append(simulator.exchange.now_ms() - message["E"])
        assert ids == list(range(ids[0], ids[0] + 10))
        assert max(delays) >= 1500
        assert delays[-1] < 1000


async def test_a_socket_is_dropped_at_once_and_others_are_not(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket, simulator.socket("/ws/ethusdt@trade") as other:
        await told(socket)
        _fault(simulator, FaultKind.DROPPED_SOCKET, path=_PATH, count=1)
        assert await closed(socket) is None
        await told(other)


async def test_in_maintenance_no_socket_is_opened(simulator: Running) -> None:
    async with simulator.socket(_PATH) as socket:
        _fault(simulator, FaultKind.MAINTENANCE)
        assert await closed(socket) is None
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with simulator.socket(_PATH):
            pass
    assert refused.value.response.status_code == 503
    simulator.exchange.faults.remove()
    async with simulator.socket(_PATH) as socket:
        await told(socket)


async def test_the_messages_of_one_account_are_met(simulator: Running) -> None:
    one, other = await simulator.account(USDT="1000"), await simulator.account(USDT="1000")
    paths = [f"/ws/{simulator.keys.open('spot', account.name)}" for account in (one, other)]
    async with simulator.socket(paths[0]) as met, simulator.socket(paths[1]) as unmet, asyncio.timeout(20):
        while len(simulator.streams.user_streams("spot")) < 2:
            await asyncio.sleep(0)
        _fault(simulator, FaultKind.MISSED_MESSAGE, path="userData", api_key=one.api_key, count=1)
        for account in (one, other):
            await simulator.hold(account, spot=500)
        assert (await told(unmet))["e"] == "balanceUpdate"
        assert (await told(met))["e"] == "outboundAccountPosition"


async def test_an_answer_of_the_websocket_api_is_lost(simulator: Running) -> None:
    async with simulator.socket("/ws-api/v3") as socket:
        _fault(simulator, FaultKind.SERVER_ERROR, path="/api/v3/depth", count=1, status=502)
        request = json.dumps({"id": 1, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}})
        await socket.send(request)
        assert (await told(socket))["status"] == 502
        await socket.send(request)
        assert (await told(socket))["status"] == 200
        _fault(simulator, FaultKind.LOST_ANSWER, path="/api/v3/depth", count=1)
        await socket.send(request)
        with pytest.raises(websockets.ConnectionClosed):
            await told(socket)
