"""Trading through the whole stack on the simulated exchange: orders at a steady rate, and the state that people poll.

    python -m bench.trading [--orders 1000] [--rate 50] [--requests 10000]

An order's time ends with the answer to its POST, which is sent when the exchange has acknowledged the order: it is a
little longer than the time until the exchange has it. Orders straight to the simulator's REST API, signed alike, say
how much of it is the exchange's own. What people poll stands beside `GET /accounts/`.
"""

import argparse
import asyncio
import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import uvloop

from bench import load
from bench.stack import RunningStack, free_port, stack

CONNECTIONS = 16
PAIR, SYMBOL = "BTC-USDT", "BTCUSDT"
ACCOUNTS = ("bench-a", "bench-b")
#: Orders that rest while what people poll is polled.
RESTING = 10
AMOUNT = "0.001"
_TOKEN = "bench-simulator-token"  # noqa: S105 - of a stack that lives for this run alone
_READY_TIMEOUT = 30.0


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

    async def place(self, account: str, price: Decimal) -> str:
        order = {
            "account_name": account, "connector_name": "paper", "trading_pair": PAIR, "trade_type": "BUY",
            "amount": AMOUNT, "order_type": "LIMIT", "price": str(price),
        }  # fmt: skip
        placed = await self.post("/trading/orders", order)
        return str(placed["order_id"])

    async def cancel(self, account: str, order_id: str) -> None:
        await self.post(f"/trading/{account}/paper/orders/{order_id}/cancel")

    async def resting_price(self) -> Decimal:
        """Return a price 2 % below the market, in whole units."""
        prices = await self.post("/market-data/prices", {"connector_name": "paper", "trading_pairs": [PAIR]})
        return Decimal(prices["prices"][PAIR] * 0.98).quantize(Decimal(1))

    async def prepare(self) -> None:
        """Make the accounts and wait until their sessions take orders."""
        price = None
        for account in ACCOUNTS:
            await self.post(f"/accounts/add-account?account_name={account}")
            await self.post(f"/accounts/add-credential/{account}/paper", {})
            until = time.monotonic() + _READY_TIMEOUT
            while True:
                try:
                    price = price or await self.resting_price()
                    await self.cancel(account, await self.place(account, price))
                except RuntimeError:
                    if time.monotonic() > until:
                        raise
                    await asyncio.sleep(0.1)
                else:
                    break


class _Venue:
    """The same orders straight to the simulator."""

    def __init__(self, base: str, session: aiohttp.ClientSession, key: str, secret: str) -> None:
        self._base, self._session, self._key, self._secret = base, session, key, secret

    async def signed(self, method: str, values: dict[str, str]) -> Any:
        query = urllib.parse.urlencode(values | {"timestamp": str(int(time.time() * 1000))})
        signature = hmac.new(self._secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._base}/api/v3/order?{query}&signature={signature}"
        async with self._session.request(method, url, headers={"X-MBX-APIKEY": self._key}) as answer:
            if answer.status != 200:
                raise RuntimeError(f"{method} order: expected 200, was {answer.status}: {await answer.text()}")
            return await answer.json()


async def _steadily(count: int, rate: float, work: Callable[[], Awaitable[float]]) -> load.Latencies:
    """Start `work` `rate` times a second, whatever the answers do; it returns the seconds that count."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[float]] = []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(group.create_task(_timed(work)))
    return load.Latencies(time.perf_counter() - began, tuple(sorted(task.result() for task in tasks)))


async def _timed(work: Callable[[], Awaitable[float]]) -> float:
    return await work()


async def _orders(running: RunningStack, venue_url: str, admin_url: str, orders: int, rate: float) -> None:
    async with aiohttp.ClientSession(headers=running.authorization) as session, aiohttp.ClientSession() as bare:
        api = _Api(running, session)
        await api.prepare()
        price = await api.resting_price()

        async def through() -> float:
            began = time.perf_counter()
            order_id = await api.place(ACCOUNTS[0], price)
            seconds = time.perf_counter() - began
            await api.cancel(ACCOUNTS[0], order_id)
            return seconds

        wish = {"balances": {"USDT": "100000"}}
        async with bare.post(f"{admin_url}/accounts", json=wish, headers={"X-Admin-Token": _TOKEN}) as answer:
            keys = await answer.json()
        venue = _Venue(venue_url, bare, keys["api_key"], keys["api_secret"])
        order = {
            "symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT,
            "price": str(price),
        }  # fmt: skip

        async def straight() -> float:
            began = time.perf_counter()
            placed = await venue.signed("POST", order)
            seconds = time.perf_counter() - began
            await venue.signed("DELETE", {"symbol": SYMBOL, "orderId": str(placed["orderId"])})
            return seconds

        await _steadily(int(rate), rate, through)
        await _steadily(int(rate), rate, straight)
        for name, work in (("order straight to the simulator", straight), ("order through HTTP", through)):
            before = running.cpu_seconds("edge", "control", "trading")
            result = await _steadily(orders, rate, work)
            cpu = running.cpu_seconds("edge", "control", "trading") - before
            print(f"{f'{name}, {rate:g}/s':<46}{result}  {cpu / orders * 1000:5.1f} ms CPU", flush=True)
        for _ in range(RESTING):
            await api.place(ACCOUNTS[1], price)


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
        name = f"{'GET' if body is None else 'POST'} {path}"
        print(
            f"{name:<46}{result}  {cpu / len(result.each) * 1e6:5.0f} us CPU  {result.rate / base:5.2f} of /accounts/",
            flush=True,
        )


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()
    port, admin_port = free_port(), free_port()
    with stack(
        SIMULATOR_PORT=str(port), SIMULATOR_ADMIN_PORT=str(admin_port), SIMULATOR_ADMIN_TOKEN=_TOKEN,
        SIMULATOR_LIMITS="1000",
    ) as running:  # fmt: skip
        urls = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}")
        uvloop.run(_orders(running, *urls, arguments.orders, arguments.rate))
        _polled(running, arguments.requests)


if __name__ == "__main__":
    main()
