"""Prices, order books and book queries through HTTP, beside `GET /accounts/` in alternating turns:

    python -m bench.market_routes [--requests 4000] [--rounds 3]

Each route is asked right after `GET /accounts/`, in every round, and compared with that turn alone: what else the
machine does then weighs on both alike. The processor time is that of the edge and of the service that answers, beyond
what they use by themselves.
"""

import argparse
import statistics
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import msgspec
import uvloop

from bench import load
from bench.processor_time import processor_seconds
from bench.stack import RunningStack, stack
from hummingbus.stack.ports import free_port

CONNECTIONS = 16
_PAIR = {"connector_name": "paper", "trading_pair": "BTC-USDT"}
_READY_TIMEOUT = 30.0
_PARTS = ("edge", "control", "trading")
_REST = 5.0
#: Every so many requests of a turn one was sent before it, uncounted.
_WARM_UP = 10


@dataclass
class _Route:
    """A route, with what its turns gave: its rate as a share of the base's, and microseconds of the two processes."""

    path: str
    body: bytes | None = None
    part: str = "trading"
    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    edge: list[float] = field(default_factory=list)
    service: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{'GET' if self.body is None else 'POST'} {self.path}"


def _asked(path: str, **more: object) -> _Route:
    return _Route(f"/market-data/{path}", msgspec.json.encode(_PAIR | more))


def _prices(*pairs: str) -> _Route:
    return _Route("/market-data/prices", msgspec.json.encode({"connector_name": "paper", "trading_pairs": pairs}))


def _routes(price: float) -> list[_Route]:
    return [
        _prices("BTC-USDT"),
        _prices("BTC-USDT", "ETH-USDT", "SOL-USDT"),
        _asked("order-book", depth=10),
        _asked("order-book", depth=100),
        _asked("order-book/price-for-volume", volume=0.5, is_buy=True),
        _asked("order-book/volume-for-price", price=price, is_buy=True),
        _asked("order-book/price-for-quote-volume", quote_volume=20_000, is_buy=True),
        _asked("order-book/quote-volume-for-price", price=price, is_buy=True),
        _asked("order-book/vwap-for-volume", volume=0.5, is_buy=True),
        _Route("/market-data/order-book/diagnostics/paper"),
    ]


class _Bench:
    """Turns of asking."""

    def __init__(self, running: RunningStack, requests: int) -> None:
        self._running = running
        self._requests = requests
        self._base = _Route("/accounts/", part="control")
        self._idle = dict.fromkeys(_PARTS, 0.0)

    def rest(self, seconds: float) -> None:
        """Note what the parts use by themselves: feeds go on, and the simulator is in the process of their service."""
        before = {part: self._seconds(part) for part in _PARTS}
        time.sleep(seconds)
        self._idle = {part: (self._seconds(part) - before[part]) / seconds for part in _PARTS}

    def turn(self, route: _Route) -> None:
        """Ask the base, then `route`, and note how they compare."""
        base = self._ask(self._base)
        rate = self._ask(route)
        route.shares.append(rate / base)

    @property
    def base(self) -> _Route:
        """What all are compared with."""
        return self._base

    def _ask(self, route: _Route) -> float:
        self._send(route, self._requests // _WARM_UP)
        edge, service = self._seconds("edge"), self._seconds(route.part)
        result = self._send(route, self._requests)
        count = len(result.each)
        edge, service = self._seconds("edge") - edge, self._seconds(route.part) - service
        route.edge.append((edge - self._idle["edge"] * result.seconds) / count * 1e6)
        route.service.append((service - self._idle[route.part] * result.seconds) / count * 1e6)
        route.rates.append(result.rate)
        return result.rate

    def _seconds(self, part: str) -> float:
        return processor_seconds(self._running.run.pids[part].pid)

    def _send(self, route: _Route, requests: int) -> load.Latencies:
        where = (self._running.host, self._running.port, route.path, self._running.authorization)
        if route.body is None:
            return uvloop.run(load.get(*where, connections=CONNECTIONS, requests=requests))
        return uvloop.run(load.post(*where, route.body, connections=CONNECTIONS, requests=requests))


def _row(route: _Route) -> None:
    share = f"{statistics.median(route.shares):5.2f} of GET /accounts/" if route.shares else ""
    each = f" ({', '.join(f'{one:.2f}' for one in route.shares)})" if route.shares else ""
    print(
        f"{route!s:<50}{statistics.median(route.rates):7.0f}/s  {statistics.median(route.edge):5.0f} us edge"
        f"  {statistics.median(route.service):5.0f} us service  {share}{each}",
        flush=True,
    )


def _price(running: RunningStack) -> float:
    """Return the best ask of the pair, as soon as its feed runs."""
    where = f"http://{running.host}:{running.port}/market-data/order-book"
    headers = running.authorization | {"Content-Type": "application/json"}
    asked = urllib.request.Request(where, msgspec.json.encode(_PAIR), headers)
    until = time.monotonic() + _READY_TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
                price: float = msgspec.json.decode(answer.read())["asks"][0]["price"]
                return price
        except urllib.error.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    port = free_port()
    with stack(SIMULATOR_PORT=str(port), SIMULATOR_URL=f"http://127.0.0.1:{port}") as running:
        bench = _Bench(running, options.requests)
        routes = _routes(1.0001 * _price(running))
        for _ in range(options.rounds):
            bench.rest(_REST)
            for route in routes:
                bench.turn(route)
        print(f"medians of {options.rounds} turns, {CONNECTIONS} connections")
        for route in (bench.base, *routes):
            _row(route)


if __name__ == "__main__":
    main()
