"""Candles through the whole stack: 100,000 of them, and a year of minutes, from the simulator and from storage.

    python -m bench.candles [--repeat 5]

`marketdata` is a process of its own, so that its memory can be told from that of the others.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import psutil

from bench.stack import RunningStack, stack
from hummingbus.stack.ports import free_port
from shared.bus.client import Bus
from shared.contracts.declaration import OUTSIDE
from shared.contracts.marketdata.candles import CANDLE_HISTORY, CandleRange
from shared.settings import Settings

GROUPS = "edge=gateway_api;control=credentials;trading=portfolio,simulator;market=marketdata"
CONNECTOR, PAIR = "paper", "BTC-USDT"
MANY = 100_000
YEAR = 365 * 24 * 60
#: Seconds that a whole answer may take.
PATIENCE = 600.0
_READY_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class _Took:
    """What an answer took: bytes, seconds to its first and to its last piece, CPU of the service in seconds."""

    size: int
    first: float
    all: float
    cpu: float


class _Measured:
    """One stack, and who asks it."""

    def __init__(self, running: RunningStack, session: aiohttp.ClientSession, bus: Bus, now: int) -> None:
        self._url = f"http://{running.host}:{running.port}/market-data/historical-candles"
        self._session = session
        self._bus = bus
        self._now = now
        self.service = psutil.Process(running.run.pids["market"].pid)
        self.edge = psutil.Process(running.run.pids["edge"].pid)

    def _asked(self, minutes: int) -> CandleRange:
        return CandleRange(CONNECTOR, PAIR, "1m", self._now - minutes * 60, self._now - 1)

    async def over_the_bus(self, minutes: int) -> _Took:
        body = msgspec.json.encode(self._asked(minutes))
        return await self._timed(self._bus.stream(CANDLE_HISTORY, body, actor=OUTSIDE))

    async def over_http(self, minutes: int) -> _Took:
        return await self._timed(self._posted(msgspec.json.encode(self._asked(minutes))))

    async def _posted(self, body: bytes) -> AsyncIterator[bytes]:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            if answer.status != 200:
                raise RuntimeError(f"expected 200, was {answer.status}: {await answer.text()}")
            async for piece in answer.content.iter_any():
                yield piece

    async def _timed(self, pieces: AsyncIterable[bytes]) -> _Took:
        before, began = self._cpu(), time.perf_counter()
        first, size = 0.0, 0
        async for piece in pieces:
            first = first or time.perf_counter() - began
            size += len(piece)
        return _Took(size, first, time.perf_counter() - began, self._cpu() - before)

    def _cpu(self) -> float:
        times = self.service.cpu_times()
        return float(times.user + times.system)


def _row(what: str, took: _Took) -> None:
    print(
        f"{what:<46}{took.all:8.2f} s   first piece {took.first * 1000:7.1f} ms   {took.size / 1e6:6.1f} MB"
        f"   service {took.cpu:6.2f} s CPU",
        flush=True,
    )


def _memory(what: str, process: psutil.Process) -> None:
    status = Path(f"/proc/{process.pid}/status").read_text()
    now, most = (int(status.split(name)[1].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))
    print(f"{what:<46}{now:8.1f} MB now, {most:.1f} MB at most", flush=True)


async def _run(running: RunningStack, repeat: int) -> None:
    settings = Settings.model_validate({"NATS_URL": running.run.nats_url, "NATS_SEED_FILE": running.run.outside_seed})
    bus = Bus(settings, OUTSIDE)
    await bus.start()
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(headers=running.authorization, timeout=timeout) as session:
        now = int(time.time()) // 60 * 60 - 600
        measured = _Measured(running, session, bus, now)
        await _until_it_serves(measured)
        _memory("marketdata before", measured.service)
        _row(f"{MANY} candles, first time, over HTTP", await measured.over_http(MANY))
        for _ in range(repeat):
            _row(f"{MANY} stored candles over the bus", await measured.over_the_bus(MANY))
        for _ in range(repeat):
            _row(f"{MANY} stored candles over HTTP", await measured.over_http(MANY))
        _memory("marketdata", measured.service)
        _row("a year of minutes, first time, over HTTP", await measured.over_http(YEAR))
        _memory("marketdata", measured.service)
        for _ in range(2):
            _row("a year of stored minutes over HTTP", await measured.over_http(YEAR))
        _memory("marketdata", measured.service)
        _memory("the edge", measured.edge)
    await bus.stop()


async def _until_it_serves(measured: _Measured) -> None:
    until = time.monotonic() + _READY_TIMEOUT
    while True:
        try:
            took = await measured.over_http(1)
        except RuntimeError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)
        else:
            assert took.size > 0
            return


def main() -> None:
    """Print how long candles take, and how much memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with stack(HUMMINGBUS_GROUPS=GROUPS, SIMULATOR_PORT=str(free_port())) as running:
        asyncio.run(_run(running, arguments.repeat))


if __name__ == "__main__":
    main()
