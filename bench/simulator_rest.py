"""How fast the simulator starts, how many orders a second it takes through REST, each durable when it is answered, and
how long the tickers of very many pairs take.

    python -m bench.simulator_rest [orders] [connections]

It runs as a process of its own on a PostgreSQL of its own. "Of a core" is the processor time of the simulator alone:
what one core could take, whatever else the machine does meanwhile.
"""

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import httpx
import psutil

from hummingbus.stack.postgres_server import PostgresServer

ORDERS = 5_000
CONNECTIONS = 20
STARTS = 5
PAIRS = 500
TOKEN = "the-admin-token"  # noqa: S105


class Simulator:
    """A simulator from its start to its end; `seconds` from the start of the process until it serves."""

    def __init__(self, database_url: str, pairs: int = 5) -> None:
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.simulator"],
            env={
                **os.environ,
                "DATABASE_URL": database_url,
                "SIMULATOR_PORT": "0",
                "SIMULATOR_ADMIN_PORT": "0",
                "SIMULATOR_ADMIN_TOKEN": TOKEN,
                "SIMULATOR_LIMITS": "100000",
                "SIMULATOR_PAIRS": str(pairs),
            },
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        opened = _opened(self._process.stdout)
        self.seconds = time.perf_counter() - began
        self.port, self.admin_port = opened["port"], opened["admin_port"]
        self._watched = psutil.Process(self._process.pid)

    def processor_seconds(self) -> float:
        """Return the processor time that it has used."""
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()


def _opened(output: IO[bytes]) -> dict[str, int]:
    for line in output:
        if b'"exchange open"' in line:
            event: dict[str, int] = json.loads(line)
            return event
    raise RuntimeError("expected a simulator that starts")


def _account(simulator: Simulator) -> tuple[str, str]:
    answer = httpx.post(
        f"http://127.0.0.1:{simulator.admin_port}/accounts",
        json={"balances": {"USDT": "100000000", "BTC": "1000"}},
        headers={"X-Admin-Token": TOKEN},
    )
    keys = answer.raise_for_status().json()
    return keys["api_key"], keys["api_secret"]


async def _orders(port: int, keys: tuple[str, str], numbers: list[int], took: list[float]) -> None:
    """Send orders over one connection, one after the other."""
    api_key, secret = keys
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while numbers:
        side = "BUY" if numbers.pop() % 2 else "SELL"
        order = f"symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.001"
        query = f"{order}&timestamp={int(time.time() * 1000)}&recvWindow=60000"
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        began = time.perf_counter()
        writer.write(
            f"POST /api/v3/order?{query}&signature={signature} HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {api_key}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if b" 200 " not in head[:13]:
            raise RuntimeError(f"expected an order that is taken, was {body.decode()}")
        took.append(time.perf_counter() - began)
    writer.close()


async def _load(simulator: Simulator, keys: tuple[str, str], orders: int, connections: int) -> str:
    numbers, took = list(range(orders)), list[float]()
    before, began = simulator.processor_seconds(), time.perf_counter()
    await asyncio.gather(*(_orders(simulator.port, keys, numbers, took) for _ in range(connections)))
    seconds, used = time.perf_counter() - began, simulator.processor_seconds() - before
    took.sort()
    p50, p99 = (took[len(took) * share // 100] * 1000 for share in (50, 99))
    return (
        f"{orders / seconds:6.0f}/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
        f"  {used / orders * 1e6:5.0f} µs each: {orders / used:5.0f}/s of a core"
    )


def _tickers(simulator: Simulator, path: str) -> str:
    """Ask for the tickers of all pairs, once and again."""
    took = []
    with httpx.Client(base_url=f"http://127.0.0.1:{simulator.port}", timeout=60) as client:
        for _ in range(11):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    return f"first {took[0]:5.0f} ms  then {sorted(took[1:])[5]:4.0f} ms  (max {max(took[1:]):.0f} ms)"


def main(orders: int = ORDERS, connections: int = CONNECTIONS) -> None:
    """Run the benchmark and print its figures."""
    folder = Path(tempfile.mkdtemp(prefix="hb-bench-"))
    folder.chmod(0o711)
    server = PostgresServer(folder / "postgres")
    try:
        asyncio.run(server.start())
        Simulator(server.url).stop()  # makes the schema
        starts = []
        for _ in range(STARTS):
            simulator = Simulator(server.url)
            starts.append(simulator.seconds)
            simulator.stop()
        print(f"start                  {min(starts):5.2f} s  (max {max(starts):.2f} s)")
        simulator = Simulator(server.url)
        keys = _account(simulator)
        print("market orders         ", end=" ", flush=True)
        print(asyncio.run(_load(simulator, keys, orders, connections)))
        simulator.stop()
        began = Simulator(server.url)
        print(f"start after {orders} orders {began.seconds:5.2f} s")
        began.stop()
        many = Simulator(server.url, PAIRS)
        for path in ("/api/v3/ticker/24hr", "/fapi/v1/ticker/24hr"):
            print(f"{path:<22} {_tickers(many, path)}  of {PAIRS} pairs")
        many.stop()
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
