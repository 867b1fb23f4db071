"""The least that pushing costs: a process that only hands the same bytes to many sockets, again and again."""

import asyncio
import multiprocessing
import socket
import time
from multiprocessing.connection import Connection

from bench.processor_time import processor_seconds


def _push(pipe: Connection, frame: bytes, readers: int, every: float) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=readers) as listening:
        pipe.send(listening.getsockname()[1])
        sockets = [listening.accept()[0] for _ in range(readers)]
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
    while True:
        time.sleep(every)
        for one in sockets:
            one.send(frame)


class _Reading(asyncio.Protocol):
    """Takes all and looks at nothing."""


async def floor(frame: bytes, readers: int, every: float, seconds: float) -> float:
    """Return the share of a processor that `send(2)` of `frame` to so many sockets every so many seconds uses."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_push, args=(there, frame, readers, every), daemon=True
    )
    process.start()
    transports = []
    try:
        port = await asyncio.to_thread(here.recv)
        for _ in range(readers):
            transport, _protocol = await asyncio.get_running_loop().create_connection(_Reading, "127.0.0.1", port)
            transports.append(transport)
        await asyncio.sleep(1)
        assert process.pid is not None
        before, began = processor_seconds(process.pid), time.perf_counter()
        await asyncio.sleep(seconds)
        return (processor_seconds(process.pid) - before) / (time.perf_counter() - began)
    finally:
        process.kill()
        process.join()
        for transport in transports:
            transport.abort()
