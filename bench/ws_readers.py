"""What many WebSocket readers of one feed cost the edge, beside what one costs, in alternating turns:

    python -m bench.ws_readers [--readers 200] [--seconds 20] [--every 1.0] [--rounds 3]

All read the order book of a pair of the simulator, which changes all the time. The processor time is that of the edge's
process; what it uses while nobody reads is printed, too. A floor stands beside it: what a process uses that only hands
a frame of the same size to as many sockets as often, by `send(2)`.
"""

import argparse
import asyncio
import statistics
import time

import aiohttp
import uvloop

from bench.processor_time import processor_seconds
from bench.stack import RunningStack, stack
from bench.ws_floor import floor
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
        self.size = 0

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
        async for message in socket:
            self.frames += 1
            self.size = max(self.size, len(message.data))


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


class _Bench:
    """Turns of measuring."""

    def __init__(self, running: RunningStack, seconds: float, every: float) -> None:
        self._running = running
        self._pid = running.run.pids["edge"].pid
        self._seconds = seconds
        self._every = every
        self._size = 0

    async def cost(self, readers: int) -> float:
        """Return the share of a processor that the edge uses with so many readers."""
        opened = _Readers(self._running)
        await opened.open(readers, self._every)
        await asyncio.sleep(2)
        frames, before, began = opened.frames, processor_seconds(self._pid), time.perf_counter()
        await asyncio.sleep(self._seconds)
        took = time.perf_counter() - began
        share = (processor_seconds(self._pid) - before) / took
        rate = (opened.frames - frames) / took
        self._size = max(self._size, opened.size)
        await opened.close()
        await asyncio.sleep(1)
        print(f"{readers:4} readers  {share:7.3%} of a processor  {rate:8.1f} frames/s", flush=True)
        return share

    async def floor(self, readers: int) -> float:
        """Return what the bare sending of the same would use."""
        share = await floor(bytes(self._size), readers, self._every, self._seconds)
        each = share * self._every / readers
        print(f"bare sends    {share:7.3%} of a processor  {each * 1e6:8.1f} us each", flush=True)
        return share


async def _compare(readers: int, rounds: int, bench: _Bench) -> None:
    turns = [
        (await bench.cost(0), await bench.cost(1), await bench.cost(readers), await bench.floor(readers))
        for _ in range(rounds)
    ]
    idle, one, many, bare = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"medians: idle {idle:.3%}, one {one:.3%}, {readers} {many:.3%}, bare sends {bare:.3%} of a processor")
    print(f"{readers} readers cost {many / one:.2f} times what one does; each turn {_each(turns)}")
    print(f"with nothing but bare sends for the others it would be {(one + bare) / one:.2f}")


def _each(turns: list[tuple[float, float, float, float]]) -> str:
    return ", ".join(f"{many / one:.2f}" for _, one, many, _ in turns)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--every", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    port = free_port()
    with stack(SIMULATOR_PORT=str(port), SIMULATOR_URL=f"http://127.0.0.1:{port}") as running:
        bench = _Bench(running, options.seconds, options.every)
        uvloop.run(_compare(options.readers, options.rounds, bench))


if __name__ == "__main__":
    main()
