"""What many WebSocket readers of one feed cost the edge, beside what one costs:

    python -m bench.ws_readers [--readers 200] [--seconds 20] [--every 1.0]

All read the order book of a pair of the simulator, which changes all the time. The processor time is that of the edge's
process, in ticks of 10 ms, so short runs say little; what it uses while nobody reads is printed, too.
"""

import argparse
import asyncio
import time

import aiohttp
import uvloop

from bench.stack import RunningStack, stack
from hummingbus.stack.ports import free_port

_QUESTION = {"action": "subscribe", "type": "order_book", "connector": "paper", "trading_pair": "BTC-USDT", "depth": 10}
_READY_TIMEOUT = 30.0


class _Readers:
    """Connections that read all they are sent, and count it."""

    def __init__(self, running: RunningStack) -> None:
        self._running = running
        self._session = aiohttp.ClientSession(headers=running.authorization, connector=aiohttp.TCPConnector(limit=0))
        self._tasks: list[asyncio.Task[None]] = []
        self.frames = 0

    async def open(self, count: int, every: float) -> None:
        for _ in range(count):
            url = f"http://{self._running.host}:{self._running.port}/ws/market-data"
            socket = await self._session.ws_connect(url)
            await socket.receive_json()
            await _subscribe(socket, every)
            self._tasks.append(asyncio.create_task(self._read(socket)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._session.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for _ in socket:
            self.frames += 1


async def _subscribe(socket: aiohttp.ClientWebSocketResponse, every: float) -> None:
    """Subscribe, as soon as the parts of a stack that has just started are there."""
    until = time.monotonic() + _READY_TIMEOUT
    while True:
        await socket.send_json({**_QUESTION, "update_interval": every})
        answer = await socket.receive_json()
        while answer["type"] == "heartbeat":
            answer = await socket.receive_json()
        if answer["type"] == "subscribed":
            return
        if time.monotonic() > until:
            raise RuntimeError(f"expected a subscription, was {answer}")
        await asyncio.sleep(0.2)


async def _cost(running: RunningStack, readers: int, seconds: float, every: float) -> float:
    """Return the share of a processor that the edge uses with so many readers."""
    opened = _Readers(running)
    await opened.open(readers, every)
    await asyncio.sleep(2)
    frames, before, began = opened.frames, running.cpu_seconds("edge"), time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    share = (running.cpu_seconds("edge") - before) / took
    rate = (opened.frames - frames) / took
    await opened.close()
    await asyncio.sleep(1)
    print(f"{readers:4} readers  {share:7.2%} of a processor  {rate:8.1f} frames/s", flush=True)
    return share


async def _compare(running: RunningStack, readers: int, seconds: float, every: float) -> None:
    idle = await _cost(running, 0, seconds, every)
    one = await _cost(running, 1, seconds, every)
    many = await _cost(running, readers, seconds, every)
    more = (many - idle) / readers
    print(
        f"{readers} readers cost {many / one:.2f} times what one does, idling included; {more:.3%} each beyond idling"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--every", type=float, default=1.0)
    options = parser.parse_args()
    port = free_port()
    with stack(SIMULATOR_PORT=str(port), SIMULATOR_URL=f"http://127.0.0.1:{port}") as running:
        uvloop.run(_compare(running, options.readers, options.seconds, options.every))


if __name__ == "__main__":
    main()
