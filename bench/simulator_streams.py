"""200 market sockets on the simulator: the share of a core that its process takes, and what arrives.

    python -m bench.simulator_streams [--sockets 200] [--seconds 20]

The simulator runs in a process of its own, without a database. Each socket has one of five pairs and seven of its
streams: trades, aggregate trades, diff depth, book ticker, klines and both tickers; the readers are in this process and
not counted.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter

import psutil
import uvloop
import websockets

from hummingbus.stack.ports import free_port

_PAIRS = ("btcusdt", "ethusdt", "solusdt", "ethbtc", "btcusdc")
_FEEDS = ("trade", "aggTrade", "depth@100ms", "bookTicker", "kline_1s", "ticker", "miniTicker")
_WARM_UP = 3.0


def _environment(port: int) -> dict[str, str]:
    ours = {"SIMULATOR_PORT": str(port), "SIMULATOR_ADMIN_PORT": "0", "HUMMINGBUS_ENV_FILE": os.devnull}
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | ours


async def _listening(port: int) -> None:
    """Return when the simulator takes connections."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _read(port: int, pair: str, counts: Counter[str]) -> None:
    streams = "/".join(f"{pair}@{feed}" for feed in _FEEDS)
    async with websockets.connect(f"ws://127.0.0.1:{port}/stream?streams={streams}", compression=None) as socket:
        async for message in socket:
            counts[pair] += 1
            counts["bytes"] += len(message)


async def _measure(port: int, process: psutil.Process, sockets: int, seconds: float) -> None:
    async def measure() -> tuple[float, float, Counter[str]]:
        await asyncio.sleep(_WARM_UP)
        before, began, cpu = counts.copy(), time.perf_counter(), process.cpu_times()
        await asyncio.sleep(seconds)
        after, took = process.cpu_times(), time.perf_counter() - began
        return after.user + after.system - cpu.user - cpu.system, took, counts - before

    await _listening(port)
    counts: Counter[str] = Counter()
    idle_before, idle_began = process.cpu_times(), time.perf_counter()
    await asyncio.sleep(_WARM_UP)
    idle_after, idle_took = process.cpu_times(), time.perf_counter() - idle_began
    idle = idle_after.user + idle_after.system - idle_before.user - idle_before.system
    readers = [asyncio.create_task(_read(port, _PAIRS[number % len(_PAIRS)], counts)) for number in range(sockets)]
    used, took, told = await measure()
    for reader in readers:
        reader.cancel()
    per_pair = {pair: told[pair] / took / (sockets / len(_PAIRS)) for pair in _PAIRS}
    print(
        json.dumps(
            {
                "sockets": sockets,
                "seconds": round(took, 1),
                "cpu_percent": round(100 * used / took, 1),
                "cpu_percent_without_sockets": round(100 * idle / idle_took, 1),
                "updates_per_second_by_pair": {pair: round(rate, 1) for pair, rate in per_pair.items()},
                "messages_per_second": round(sum(told[pair] for pair in _PAIRS) / took),
                "megabytes_per_second": round(told["bytes"] / took / 1e6, 2),
                "memory_megabytes": round(process.memory_info().rss / 1e6, 1),
            },
            indent=1,
        )
    )


def main() -> None:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "services.simulator"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=_environment(port), stdout=quiet, stderr=quiet)
    try:
        uvloop.run(_measure(port, psutil.Process(server.pid), arguments.sockets, arguments.seconds))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
