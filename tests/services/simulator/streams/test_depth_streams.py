"""A client that follows Binance's rules builds the exact book from the diff stream, whatever happens meanwhile."""

import asyncio
from typing import Any

import pytest

from tests.services.simulator.rest.venue_server import Account
from tests.services.simulator.streams.running import Running
from tests.services.simulator.streams.talk import told

_PATHS = {"spot": ("/ws/", "/api/v3/depth"), "usdm": ("/fstream/ws/", "/fapi/v1/depth")}
_CANCEL_ALL = {"spot": "/api/v3/openOrders", "usdm": "/fapi/v1/allOpenOrders"}
_Side = dict[str, str]


class Book:
    """A local book as Binance's documentation says to keep it."""

    def __init__(self, venue: str, snapshot: Any) -> None:
        self.venue = venue
        self.id: int = snapshot["lastUpdateId"]
        self.bids: _Side = dict(map(tuple, snapshot["bids"]))
        self.asks: _Side = dict(map(tuple, snapshot["asks"]))
        self._begun = False

    def take(self, event: Any) -> None:
        """Take an event: ignore it, or find that it follows on what there is, and apply it."""
        if event["u"] <= self.id if self.venue == "spot" else event["u"] < self.id:
            return
        if self._begun:
            assert event["U"] == self.id + 1
            assert self.venue == "spot" or event["pu"] == self.id
        else:
            assert event["U"] <= self.id + 1 <= event["u"] + (self.venue != "spot")
        self._begun = True
        for side, changes in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, quantity in changes:
                if float(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.id = event["u"]

    def same(self, snapshot: Any) -> bool:
        """Return whether the book is that of a snapshot."""
        return (self.bids, self.asks) == (dict(map(tuple, snapshot["bids"])), dict(map(tuple, snapshot["asks"])))


async def _trade(simulator: Running, venue: str, account: Account, price: int) -> None:
    """Place and cancel orders in the book as fast as one client can; at the end some are open."""
    path = "/api/v3/order" if venue == "spot" else "/fapi/v1/order"
    for count in range(1, 60):
        side = "BUY" if count % 2 else "SELL"
        cancelled = count % 3 == 0
        away = count % 40 + (600 if cancelled else 0)  # too far to be filled before it is cancelled
        limit = price - away if count % 2 else price + 10 + away
        order = {"symbol": "BTCUSDT", "side": side, "quantity": "0.01"}
        if count % 5 == 0:
            await simulator.signed("POST", path, account, type="MARKET", **order)
            continue
        placed = await simulator.signed("POST", path, account, type="LIMIT", timeInForce="GTC", price=limit, **order)
        if count == 3:  # with what is open from the time before, as an account may have 200 orders open
            await simulator.signed("DELETE", _CANCEL_ALL[venue], account, symbol="BTCUSDT")
        elif cancelled:
            await simulator.signed("DELETE", path, account, symbol="BTCUSDT", orderId=placed["orderId"])


@pytest.mark.timeout(400)
@pytest.mark.parametrize("speed", ["@100ms", ""])
@pytest.mark.parametrize("venue", ["spot", "usdm"])
async def test_a_book_from_the_diff_stream_is_that_of_the_snapshot_under_load(
    simulator: Running, venue: str, speed: str
) -> None:
    path, depth = _PATHS[venue]
    account = await simulator.account(USDT="10000000", BTC="100")
    events: list[Any] = []
    snapshots: list[Any] = []

    async def snapshot() -> int:
        snapshots.append(await simulator.get(depth, symbol="BTCUSDT", limit=1000))
        return int(snapshots[-1]["lastUpdateId"])

    async with simulator.socket(f"{path}btcusdt@depth{speed}") as socket, asyncio.timeout(200):
        events.append(await told(socket))  # buffered from before the snapshot, as the rules say
        await snapshot()
        price = int(float(snapshots[0]["bids"][0][0]))
        rounds, met = 0, 0
        while rounds < (12 if speed else 2) or (speed and met < 2):
            rounds += 1
            trading = asyncio.create_task(_trade(simulator, venue, account, price))
            while not trading.done():
                await snapshot()
            await trading
            last = await snapshot()
            while events[-1]["u"] < last:
                events.append(await told(socket))
            met += await snapshot() == events[-1]["u"]  # if no synthetic order came between the two
        last = snapshots[-1]["lastUpdateId"]
        while events[-1]["u"] <= last:
            events.append(await told(socket))

    assert events[-1]["u"] - events[0]["u"] > rounds * 60
    # Whichever snapshot a client begins with, all come to the same book.
    books = [Book(venue, snapshot) for snapshot in snapshots]
    for event in events:
        for book in books:
            book.take(event)
    first = books[0]
    assert all((book.id, book.bids, book.asks) == (first.id, first.bids, first.asks) for book in books)
    # And a book that has come to the id of a snapshot is that snapshot.
    book, same = Book(venue, snapshots[0]), 0
    by_id = {snapshot["lastUpdateId"]: snapshot for snapshot in snapshots[1:]}
    for event in events:
        book.take(event)
        if (found := by_id.get(book.id)) is not None:
            same += 1
            assert book.same(found)
    assert same >= met


@pytest.mark.parametrize("venue", ["spot", "usdm"])
async def test_partial_depth_has_the_best_levels(simulator: Running, venue: str) -> None:
    async with simulator.socket(f"{_PATHS[venue][0]}ethusdt@depth5@100ms") as socket:
        message = await told(socket)
    bids, asks = (message["bids"], message["asks"]) if venue == "spot" else (message["b"], message["a"])
    assert len(bids) == len(asks) == 5
    assert [float(bid[0]) for bid in bids] == sorted((float(bid[0]) for bid in bids), reverse=True)
    assert float(bids[0][0]) < float(asks[0][0])


async def test_the_book_ticker_tells_the_best_prices_whenever_they_change(simulator: Running) -> None:
    async with simulator.socket("/ws/btcusdt@bookTicker") as socket:
        first, second = await told(socket), await told(socket)
    assert set(first) == {"u", "s", "b", "B", "a", "A"}
    assert second["u"] > first["u"]
    assert {**first, "u": 0} != {**second, "u": 0}
