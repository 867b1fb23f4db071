"""The books of 500 pairs from the simulator through marketdata to the bus: how late they are, and what that costs.

    python -m bench.market_feeds [--pairs 500] [--seconds 20]

Late is from the simulator's emission of an update (its event time) until the state stands with a reader of the bus,
which is what the next frame is made from. Simulator and marketdata are processes of their own.
"""

import argparse
import asyncio
import json
import statistics
import time

import msgspec
import psutil
import uvloop
from nats.aio.msg import Msg

from bench.stack import RunningStack, stack
from hummingbus.stack.ports import free_port
from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import Nothing
from shared.contracts.declaration import OUTSIDE
from shared.contracts.marketdata.books import BOOK
from shared.contracts.marketdata.feeds import FOLLOW_FEED, LIST_FEEDS, FeedKind, FeedRef
from shared.contracts.marketdata.rules import LIST_RULES, RulesFilter
from shared.errors import CommandError
from shared.settings import Settings

GROUPS = "edge=gateway_api;control=credentials;trading=portfolio;exchange=simulator;market=marketdata"
CONNECTOR = "paper"
#: Feeds that are asked for at a time.
AT_A_TIME = 50
#: Seconds that the feeds may take to begin.
START = 120.0


class _Top(msgspec.Struct):
    """What is needed of a book."""

    trading_pair: str
    timestamp: float


async def _follow(bus: Bus, pairs: list[str]) -> float:
    """Have the books of pairs followed; return how many seconds that took."""
    places = asyncio.Semaphore(AT_A_TIME)
    began = time.perf_counter()

    async def one(pair: str) -> None:
        async with places:
            while time.perf_counter() - began < START:
                try:
                    await bus.request(FOLLOW_FEED, FeedRef(FeedKind.BOOK, CONNECTOR, pair), actor=OUTSIDE)
                except CommandError as error:
                    print(f"{pair}: {error.detail}")
                else:
                    return
            raise RuntimeError(f"{pair} is not followed after {START:g} s")

    await asyncio.gather(*(one(pair) for pair in pairs))
    return time.perf_counter() - began


async def _measure(running: RunningStack, port: int, pairs: int, seconds: float) -> dict[str, object]:
    settings = Settings.model_validate({"NATS_URL": running.run.nats_url, "NATS_SEED_FILE": running.run.outside_seed})
    bus = Bus(settings, OUTSIDE)
    await bus.start()
    client = await connect(settings, OUTSIDE)
    rules = await bus.request(LIST_RULES, RulesFilter(CONNECTOR), actor=OUTSIDE)
    known = sorted(rules)[:pairs]
    took = await _follow(bus, known)
    listed = await bus.request(LIST_FEEDS, Nothing(), actor=OUTSIDE)
    decode = msgspec.json.Decoder(_Top).decode
    lags: list[float] = []
    last: dict[str, float] = {}
    measuring = False

    async def take(message: Msg) -> None:
        top = decode(message.data)
        # A beat of a quiet market says the same again, and is no update.
        if measuring and last.get(top.trading_pair) != top.timestamp:
            lags.append(time.time() - top.timestamp)
        last[top.trading_pair] = top.timestamp

    await client.subscribe_directly(Subjects().live_of(BOOK), take)
    await asyncio.sleep(3)
    market, exchange = (psutil.Process(running.run.pids[name].pid) for name in ("market", "exchange"))
    before = [_cpu(process) for process in (market, exchange)]
    began = time.perf_counter()
    measuring = True
    await asyncio.sleep(seconds)
    measuring = False
    passed = time.perf_counter() - began
    used = [_cpu(process) - cpu for process, cpu in zip((market, exchange), before, strict=True)]
    sockets = sum(bool(at.raddr) and at.raddr.port == port for at in market.net_connections("tcp"))
    await client.close()
    await bus.stop()
    lags.sort()
    return {
        "pairs": len(known),
        "feeds": len(listed),
        "seconds_until_all_were_followed": round(took, 1),
        "updates_per_second": round(len(lags) / passed),
        "lag_ms": {
            "median": round(statistics.median(lags) * 1000, 1),
            "p90": round(lags[int(len(lags) * 0.9)] * 1000, 1),
            "p99": round(lags[int(len(lags) * 0.99)] * 1000, 1),
            "max": round(lags[-1] * 1000, 1),
        },
        "cpu_percent": {"marketdata": round(100 * used[0] / passed, 1), "simulator": round(100 * used[1] / passed, 1)},
        "marketdata_megabytes": round(market.memory_info().rss / 1e6, 1),
        "sockets": sockets,
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    port = free_port()
    with stack(HUMMINGBUS_GROUPS=GROUPS, SIMULATOR_PAIRS=str(arguments.pairs), SIMULATOR_PORT=str(port)) as running:
        figures = uvloop.run(_measure(running, port, arguments.pairs, arguments.seconds))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
