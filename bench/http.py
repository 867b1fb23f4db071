"""Authenticated `GET /accounts/` through edge, NATS and service, beside its bare parts in the same run.

    python -m bench.http [--requests 20000]

Prints rates, latencies and the processor time a request; the ratios hold better than the figures on a noisy machine.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Callable

import nats
import psutil
import uvicorn
import uvloop
from litestar import Litestar, get
from nats.aio.msg import Msg

from bench import load
from bench.stack import RunningStack, stack
from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.ports import free_port

CONNECTIONS = 16
WARM_UP = 2000
_BODY = ["master_account"]


def _bare_route(port: int) -> None:
    @get("/accounts/", sync_to_thread=False)
    def accounts() -> list[str]:
        return _BODY

    uvicorn.run(Litestar([accounts]), port=port, log_level="error", loop="uvloop", http="httptools", access_log=False)


def _bare_echo(url: str) -> None:
    async def serve() -> None:
        connection = await nats.connect(url)

        async def echo(message: Msg) -> None:
            await message.respond(message.data)

        await connection.subscribe("echo", cb=echo)
        await connection.flush()
        await asyncio.Event().wait()

    uvloop.run(serve())


async def _ask(url: str, requests: int, connections: int) -> load.Latencies:
    connection = await nats.connect(url)
    each: list[float] = []

    async def worker() -> None:
        for _ in range(requests // connections):
            began = time.perf_counter()
            await connection.request("echo", b'["master_account"]', timeout=5)
            each.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    seconds = time.perf_counter() - began
    await connection.close()
    return load.Latencies(seconds, tuple(sorted(each)))


def _get(host: str, port: int, headers: dict[str, str], connections: int, requests: int) -> load.Latencies:
    return uvloop.run(load.get(host, port, "/accounts/", headers, connections=connections, requests=requests))


def _row(name: str, result: load.Latencies, cpu: float) -> None:
    print(f"{name:<46}{result}  {cpu / len(result.each) * 1e6:5.0f} us CPU a request", flush=True)


def _through(running: RunningStack, requests: int) -> None:
    headers = running.authorization
    _get(running.host, running.port, headers, CONNECTIONS, WARM_UP)
    for connections, count in ((CONNECTIONS, requests), (1, requests // 4)):
        before = running.cpu_seconds("edge", "control")
        edge = running.cpu_seconds("edge")
        result = _get(running.host, running.port, headers, connections, count)
        edge = running.cpu_seconds("edge") - edge
        _row(f"GET /accounts/, {connections} connections", result, running.cpu_seconds("edge", "control") - before)
        print(f"{'':<46}of which edge {edge / len(result.each) * 1e6:.0f} us, service the rest")


def _beside(name: str, target: Callable[..., None], argument: object, measure: Callable[[int], load.Latencies]) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=(argument,), daemon=True)
    process.start()
    try:
        for _ in range(200):
            try:
                measure(CONNECTIONS)
            except (OSError, nats.errors.Error):
                time.sleep(0.05)
            else:
                break
        for connections in (CONNECTIONS, 1):
            before = psutil.Process(process.pid).cpu_times()
            result = measure(connections)
            after = psutil.Process(process.pid).cpu_times()
            _row(f"{name}, {connections} connections", result, after.user + after.system - before.user - before.system)
    finally:
        process.terminate()
        process.join()


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    requests = parser.parse_args().requests
    port = free_port()
    _beside(
        "bare Litestar route", _bare_route, port, lambda connections: _get("127.0.0.1", port, {}, connections, requests)
    )
    with stack() as running:
        _through(running, requests)
        server = NatsServer(running.folder / "echo")
        url = asyncio.run(server.start())
        try:
            _beside(
                "bare nats-py request to an echo",
                _bare_echo,
                url,
                lambda connections: uvloop.run(_ask(url, requests, connections)),
            )
        finally:
            asyncio.run(server.stop())


if __name__ == "__main__":
    main()
