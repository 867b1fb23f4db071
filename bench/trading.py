"""Trading through the whole stack on the simulated exchange: orders at a steady rate, and the state that people poll.

    python -m bench.trading [--orders 1000] [--rate 50] [--requests 10000]

The connector is `binance`, pointed at the simulator with keys of its admin API, so that the exchange itself can be
asked when it had each order (in whole milliseconds). Orders straight to the simulator's REST API, signed alike, say how
much of that is the exchange's own. What people poll stands beside `GET /accounts/`.
"""

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
import uvloop

from bench import load
from bench.stack import RunningStack, stack
from hummingbus.stack.ports import free_port

T = TypeVar("T")

CONNECTIONS = 16
CONNECTOR, PAIR, SYMBOL = "binance", "BTC-USDT", "BTCUSDT"
#: As many accounts as an exchange's limits call for: 100 orders in 10 s each, 200 open ones.
ACCOUNTS = 10
#: Accounts and orders that are there while what people poll is polled.
POLLED = 2
_TOKEN = "bench-simulator-token"  # noqa: S105 - of a stack that lives for this run alone
_READY_TIMEOUT = 30.0


@dataclass
class _Account:
    """An account here and at the exchange, with the moments at which its orders set out, by client order id."""

    name: str
    key: str
    secret: str
    sent: dict[str, float]


class _Api:
    """What the benchmark does through HTTP."""

    def __init__(self, running: RunningStack, session: aiohttp.ClientSession) -> None:
        self._base = f"http://{running.host}:{running.port}"
        self._session = session

    async def post(self, path: str, body: object = None) -> Any:
        async with self._session.post(self._base + path, json=body) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"POST {path}: expected success, was {answer.status}: {await answer.text()}")
            return await answer.json()

    async def place(self, account: _Account, price: Decimal) -> None:
        began = time.time()
        placed = await self.post(
            "/trading/orders",
            {
                "account_name": account.name, "connector_name": CONNECTOR, "trading_pair": PAIR, "trade_type": "BUY",
                "amount": "0.001", "order_type": "LIMIT", "price": str(price),
            },
        )  # fmt: skip
        account.sent[placed["order_id"]] = began

    async def resting_price(self) -> Decimal:
        """Return a price 2 % below the market, in whole units."""
        asked = {"connector_name": CONNECTOR, "trading_pairs": [PAIR]}
        prices = await _patiently(lambda: self.post("/market-data/prices", asked))
        return Decimal(prices["prices"][PAIR] * 0.98).quantize(Decimal(1))

    async def prepare(self, account: _Account, price: Decimal) -> None:
        """Make the account and wait until its session takes orders."""
        await self.post(f"/accounts/add-account?account_name={account.name}")
        keys = {"binance_api_key": account.key, "binance_api_secret": account.secret}
        await self.post(f"/accounts/add-credential/{account.name}/{CONNECTOR}", keys)
        await _patiently(lambda: self.place(account, price))
        account.sent.clear()

    async def cancel(self, account: _Account, order_id: str) -> None:
        await self.post(f"/trading/{account.name}/{CONNECTOR}/orders/{order_id}/cancel")


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` gives, as soon as the parts of a stack that has just started are there."""
    until = time.monotonic() + _READY_TIMEOUT
    while True:
        try:
            return await work()
        except RuntimeError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


class _Venue:
    """The simulator itself."""

    def __init__(self, url: str, admin_url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._admin_url, self._session = url, admin_url, session

    async def account(self, name: str) -> _Account:
        wish, headers = {"balances": {"USDT": "100000"}}, {"X-Admin-Token": _TOKEN}
        async with self._session.post(f"{self._admin_url}/accounts", json=wish, headers=headers) as answer:
            keys = await answer.json()
        return _Account(name, keys["api_key"], keys["api_secret"], {})

    async def signed(self, account: _Account, method: str, path: str, values: dict[str, str]) -> Any:
        query = urllib.parse.urlencode(values | {"timestamp": str(int(time.time() * 1000))})
        signature = hmac.new(account.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._url}{path}?{query}&signature={signature}"
        async with self._session.request(method, url, headers={"X-MBX-APIKEY": account.key}) as answer:
            if answer.status != 200:
                raise RuntimeError(f"{method} {path}: expected 200, was {answer.status}: {await answer.text()}")
            return await answer.json()

    async def arrivals(self, accounts: list[_Account]) -> tuple[float, ...]:
        """Return the seconds from setting out until the exchange had it, of every order, sorted."""
        each: list[float] = []
        for account in accounts:
            orders = await self.signed(account, "GET", "/api/v3/allOrders", {"symbol": SYMBOL, "limit": "1000"})
            # Whole milliseconds, cut off: half a millisecond is the mean of what is missing.
            had = {order["clientOrderId"]: order["time"] / 1000 + 0.0005 for order in orders}
            each += [had[order_id] - began for order_id, began in account.sent.items()]
        return tuple(sorted(each))


async def _steadily(count: int, rate: float, work: Callable[[], Awaitable[None]]) -> load.Latencies:
    """Start `work` `rate` times a second, whatever the answers do; return how long each took."""

    async def timed() -> float:
        began = time.perf_counter()
        await work()
        return time.perf_counter() - began

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[float]] = []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(group.create_task(timed()))
    return load.Latencies(time.perf_counter() - began, tuple(sorted(task.result() for task in tasks)))


async def _orders(running: RunningStack, url: str, admin_url: str, count: int, rate: float) -> None:
    async with aiohttp.ClientSession(headers=running.authorization) as session, aiohttp.ClientSession() as bare:
        api, venue = _Api(running, session), _Venue(url, admin_url, bare)
        price = await api.resting_price()
        accounts = [await venue.account(f"bench-{number}") for number in range(ACCOUNTS)]
        others = [await venue.account("") for _ in range(ACCOUNTS)]
        for account in accounts:
            await api.prepare(account, price)
        turn, other = itertools.cycle(accounts), itertools.cycle(others)
        order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
        order["price"] = str(price)

        async def through() -> None:
            await api.place(next(turn), price)

        async def straight() -> None:
            await venue.signed(next(other), "POST", "/api/v3/order", order)

        await _steadily(int(rate), rate, straight)
        await _steadily(int(rate), rate, through)
        for account in accounts:
            account.sent.clear()
        _row("order straight to the simulator, answered", await _steadily(count, rate, straight))
        before = running.cpu_seconds("edge", "trading")
        answered = await _steadily(count, rate, through)
        cpu = (running.cpu_seconds("edge", "trading") - before) / count
        _row(
            "order through HTTP, the exchange has it", load.Latencies(answered.seconds, await venue.arrivals(accounts))
        )
        _row("order through HTTP, answered", answered, f"{cpu * 1000:.1f} ms CPU, exchange and records included")

        for account in accounts:
            for order_id in list(account.sent)[POLLED if account in accounts[:POLLED] else 0 :]:
                await api.cancel(account, order_id)
        for account in accounts[POLLED:]:
            await api.post(f"/accounts/delete-account?account_name={account.name}")


def _row(name: str, result: load.Latencies, more: str = "") -> None:
    print(f"{name:<44}{result}  {more}", flush=True)


def _polled(running: RunningStack, requests: int) -> None:
    routes: tuple[tuple[str, bytes | None], ...] = (
        ("/accounts/", None), ("/portfolio/state", b"{}"), ("/trading/orders/active", b"{}"), ("/accounts/", None),
    )  # fmt: skip
    base = 0.0
    for path, body in routes:
        where = (running.host, running.port, path, running.authorization)
        for count in (requests // 10, requests):
            before = running.cpu_seconds("edge", "control", "trading")
            if body is None:
                result = uvloop.run(load.get(*where, connections=CONNECTIONS, requests=count))
            else:
                result = uvloop.run(load.post(*where, body, connections=CONNECTIONS, requests=count))
            cpu = running.cpu_seconds("edge", "control", "trading") - before
        base = base or result.rate
        share = f"{cpu / len(result.each) * 1e6:.0f} us CPU, {result.rate / base:.2f} of GET /accounts/"
        _row(f"{'GET' if body is None else 'POST'} {path}, {CONNECTIONS} connections", result, share)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()
    port, admin_port = free_port(), free_port()
    url, admin_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}"
    with stack(
        SIMULATOR_PORT=str(port),
        SIMULATOR_ADMIN_PORT=str(admin_port),
        SIMULATOR_ADMIN_TOKEN=_TOKEN,
        CONNECTOR_ENDPOINTS=json.dumps({CONNECTOR: url}),
    ) as running:
        uvloop.run(_orders(running, url, admin_url, arguments.orders, arguments.rate))
        _polled(running, arguments.requests)


if __name__ == "__main__":
    main()
