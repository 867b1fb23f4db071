"""Somebody who trades at random through HTTP and does not give up, and the comparison of the API with the exchange."""

import asyncio
import itertools
import random
import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx

from tests.services.simulator.rest.venue_server import SignedClient
from tests.system.exchange import last_price, orders_at
from tests.system.fleet import TRANSIENT, insist

PAIR = "BTC-USDT"
_STATUS = {
    "NEW": "OPEN", "PARTIALLY_FILLED": "PARTIALLY_FILLED", "FILLED": "FILLED", "CANCELED": "CANCELLED",
    "EXPIRED": "CANCELLED",
}  # fmt: skip
_numbers = itertools.count(1)


class HttpTrader:
    """One account on one connector, asked through the API and, where `venue` is given, directly."""

    def __init__(self, http: httpx.AsyncClient, account: str, connector: str, venue: SignedClient) -> None:
        self.http = http
        self.account = account
        self.connector = connector
        self.venue = venue
        #: The orders that were asked for.
        self.asked: set[str] = set()

    async def add(self, values: dict[str, str]) -> None:
        """Make the account with its credential, and wait until it can trade."""
        params = {"account_name": self.account}
        assert (await self.http.post("/accounts/add-account", params=params)).status_code == 201
        path = f"/accounts/add-credential/{self.account}/{self.connector}"
        added = await self.http.post(path, json=values)
        assert added.status_code == 201, added.text
        await self.trades_again()

    def order(self, **changes: Any) -> dict[str, Any]:
        """Return a wish for a purchase far below the market."""
        price = str((last_price(self.venue) * Decimal("0.9")).quantize(Decimal("0.1")))
        return {
            "account_name": self.account, "connector_name": self.connector, "trading_pair": PAIR, "trade_type": "BUY",
            "amount": "0.01", "order_type": "LIMIT", "price": price,
            "client_order_id": f"s{next(_numbers)}-{uuid4().hex[:10]}", **changes,
        }  # fmt: skip

    async def once(self) -> httpx.Response:
        """Ask for an order once."""
        wish = self.order()
        self.asked.add(wish["client_order_id"])
        return await self.http.post("/trading/orders", json=wish)

    async def place(self, **changes: Any) -> httpx.Response:
        """Ask for an order until there is an outcome."""
        wish = self.order(**changes)
        self.asked.add(wish["client_order_id"])
        return await insist(self.http, "POST", "/trading/orders", wish["client_order_id"], json=wish)

    async def cancel(self, order_id: str) -> httpx.Response:
        """Cancel an order, until there is an outcome."""
        path = f"/trading/{self.account}/{self.connector}/orders/{order_id}/cancel"
        return await insist(self.http, "POST", path, f"cancel-{order_id}")

    async def trade(self, count: int, chance: random.Random) -> None:
        """Place `count` orders of all kinds, and cancel some."""
        for _ in range(count):
            kind = chance.choice(("LIMIT", "LIMIT", "MARKET"))
            side = chance.choice(("BUY", "SELL"))
            away = 1 + Decimal(chance.choice((-3, -1, 1, 3))) / 100
            price = str((last_price(self.venue) * away).quantize(Decimal("0.1"))) if kind == "LIMIT" else None
            amount = str(Decimal(chance.randint(10, 200)) / 10_000)
            placed = await self.place(trade_type=side, order_type=kind, price=price, amount=amount)
            assert placed.status_code in {201, 400}, placed.text
            if placed.status_code == 201 and chance.random() < 0.4:
                cancelled = await self.cancel(placed.json()["order_id"])
                assert cancelled.status_code in {200, 404}, cancelled.text

    async def trades_again(self, seconds: float = 60.0) -> None:
        """Wait until an order is taken, and cancel it.

        It does not wait long for an answer, as one who is asked may be stopped.
        """
        began = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(1.0):
                    answer = await self.once()
            except TimeoutError:
                answer = None
            if answer is not None and answer.status_code not in TRANSIENT | {404}:
                break
            assert time.monotonic() - began < seconds, answer and answer.text
            await asyncio.sleep(0.05)
        assert answer.status_code == 201, answer.text
        await self.cancel(answer.json()["order_id"])

    async def agrees(self, seconds: float = 90.0) -> None:
        """Wait until the API says of orders and trades what the exchange says, and all that was asked for is there."""
        until = time.monotonic() + seconds
        while found := await self._differences():
            assert time.monotonic() < until, found
            await asyncio.sleep(0.2)

    async def _differences(self) -> list[str]:
        stored = {row["order_id"]: row for row in await self._rows("/trading/orders/search")}
        at_venue = await asyncio.to_thread(orders_at, self.venue)
        found = [f"{order_id} is at the exchange alone" for order_id in at_venue.keys() - stored.keys()]
        for order_id, order in stored.items():
            theirs = at_venue.get(order_id)
            if theirs is None:
                if order["status"] != "FAILED":
                    found.append(f"{order_id} is {order['status']} and not at the exchange")
                continue
            here = (order["status"], Decimal(str(order["filled_amount"])))
            there = (_STATUS[theirs["status"]], Decimal(theirs["executedQty"]))
            if here != there:
                found.append(f"{order_id} is {here}, at the exchange {there}")
        trades = {row["trade_id"].rpartition(":")[2] for row in await self._rows("/trading/trades")}
        filled = await asyncio.to_thread(self.venue.ok, "GET", "/api/v3/myTrades", symbol="BTCUSDT", limit=1000)
        if trades != {str(trade["id"]) for trade in filled}:
            found.append(f"trades are {sorted(trades)}, at the exchange {sorted(trade['id'] for trade in filled)}")
        active = {row["order_id"] for row in await self._rows("/trading/orders/active")}
        if active != {name for name, order in at_venue.items() if order["status"] in {"NEW", "PARTIALLY_FILLED"}}:
            found.append(f"active are {active}")
        return found

    async def _rows(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            wish = {"account_names": [self.account], "limit": 1000, "cursor": cursor}
            answer = await insist(self.http, "POST", path, uuid4().hex, json=wish)
            assert answer.status_code == 200, answer.text
            rows += answer.json()["data"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return rows
