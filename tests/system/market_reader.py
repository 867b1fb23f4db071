"""A client of `/ws/market-data` that reads all it is sent, and knows what a careful reader would complain of."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp

CONNECTOR, PAIR = "paper", "BTC-USDT"
BOOK_ID = f"order_book_{CONNECTOR}_{PAIR}"
TRADES_ID = f"trades_{CONNECTOR}_{PAIR}"
CANDLES_ID = f"candles_{CONNECTOR}_{PAIR}_1m"

Frame = dict[str, Any]
#: A trade as it is sent: its time, price, amount and side.
Trade = tuple[float, float, float, str]


class MarketReader:
    """One connection with a book, trades and candles of one pair, at the highest pace.

    Attributes:
        frames: all that came after the answers to its subscriptions.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._came = asyncio.Event()
        self.frames: list[Frame] = []
        self.reading: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Subscribe, and begin to read."""
        assert (await self._next())["type"] == "connected"
        for kind in ("order_book", "trades", "candles"):
            asked = {"action": "subscribe", "type": kind, "connector": CONNECTOR, "trading_pair": PAIR}
            await self._socket.send_json({**asked, "update_interval": 0.25})
            while (answer := await self._next())["type"] != "subscribed":
                # What is pushed comes in between; an error would not be one of these.
                assert "subscription_id" in answer, answer
                self.frames.append(answer)
        self.reading = asyncio.create_task(self._read(), name="market reader")

    async def until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Read until `happened()`.

        Raises:
            AssertionError: if it has not within `seconds`, or the connection ends.
        """
        assert self.reading is not None
        until = time.monotonic() + seconds
        while not happened():
            assert not self.reading.done(), f"expected an open connection, was {self._ended()}"
            left = until - time.monotonic()
            assert left > 0, f"not within {seconds:g} s; the last frames: {self.frames[-3:]}"
            self._came.clear()
            try:
                async with asyncio.timeout(left):
                    await self._came.wait()
            except TimeoutError:
                continue

    async def fresh(self, seconds: float) -> float:
        """Read until books, trades and candles are newer than this moment; return how many seconds it took."""
        now, seen = time.time(), len(self.frames)
        before = self._newest_candle()

        def all_moved() -> bool:
            newer = self.frames[seen:]
            trades = any(one["data"][-1]["timestamp"] > now for one in newer if one["type"] == "trades")
            books = sum(one["type"] == "order_book" and one["timestamp"] > now for one in newer)
            return trades and books >= 2 and self._newest_candle() != before

        await self.until(all_moved, seconds)
        return time.time() - now

    def check(self) -> None:
        """Check that nobody would notice by what came that anything was wrong.

        Raises:
            AssertionError: if an error was told, or something was older than what had come before.
        """
        assert self.reading is not None
        assert not self.reading.done(), f"expected an open connection, was {self._ended()}"
        kinds = {frame["type"] for frame in self.frames}
        assert kinds <= {"order_book", "trades", "candles", "candle_update", "heartbeat"}, kinds
        sent = [frame["timestamp"] for frame in self.frames]
        assert sent == sorted(sent)
        books = [frame["data"] for frame in self.frames if frame["type"] == "order_book"]
        assert all(book["bids"][0][0] < book["asks"][0][0] for book in books)
        opened = [frame["data"]["timestamp"] for frame in self.frames if frame["type"] == "candle_update"]
        assert opened == sorted(opened)
        for frame in self.frames:
            if frame["type"] == "candles":
                rows = [row["timestamp"] for row in frame["data"]]
                assert rows == [rows[0] + 60.0 * number for number in range(len(rows))], rows

    def check_trades(self, made: Counter[Trade]) -> None:
        """Check that trades came once each and in their order, and were `made` by the exchange, as it says itself.

        Raises:
            AssertionError: if one did not.
        """
        trades = self.trades()
        turned = [(one, other) for one, other in itertools.pairwise(trades) if one[0] > other[0]]
        assert not turned, turned
        assert Counter(trades) <= made, Counter(trades) - made

    def trades(self) -> list[Trade]:
        """Return all trades that came."""
        return [
            (trade["timestamp"], trade["price"], trade["amount"], trade["side"])
            for frame in self.frames
            if frame["type"] == "trades"
            for trade in frame["data"]
        ]

    def _newest_candle(self) -> object:
        candles = (frame["data"] for frame in reversed(self.frames) if frame["type"] == "candle_update")
        return next(candles, None)

    def _ended(self) -> object:
        assert self.reading is not None
        return self._socket.close_code, self.reading.exception()

    async def _read(self) -> None:
        while True:
            self.frames.append(await self._next())
            self._came.set()

    async def _next(self) -> Frame:
        message = await self._socket.receive(timeout=40)  # a heartbeat comes every 30 s
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self._socket.close_code)
        frame: Frame = json.loads(message.data)
        return frame
