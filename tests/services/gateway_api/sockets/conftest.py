"""Clients of `/ws/market-data`, and what the service sends them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from services.gateway_api.app import GatewayApi
from shared.contracts.marketdata.books import BOOK, LiveBook
from shared.contracts.marketdata.candles import CANDLE, Candle, LiveCandle
from shared.contracts.marketdata.trades import TRADES, LiveTrades, MarketTrade
from tests.services.gateway_api.conftest import AUTH, Edge
from tests.services.gateway_api.marketdata_stand_in import CONNECTOR, TIMESTAMP, MarketdataStandIn

PAIR = {"connector": CONNECTOR, "trading_pair": "BTC-USDT"}
BOOK_ID = f"order_book_{CONNECTOR}_BTC-USDT"
TRADES_ID = f"trades_{CONNECTOR}_BTC-USDT"
CANDLES_ID = f"candles_{CONNECTOR}_BTC-USDT_1m"


class SocketClient:
    """One connection. `seen` holds the frames that `until` passed over."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """Return the next frame."""
        message = await self.socket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        frame: dict[str, Any] = json.loads(message.data)
        return frame

    async def closed(self) -> tuple[int | None, str | None]:
        """Return the code and reason of the close frame, which is to come next."""
        message = await self.socket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first frame that fits."""
        while not fits(frame := await self.next()):
            self.seen.append(frame)
        return frame

    async def data(self, kind: str) -> Any:
        """Return the data of the next push of this type."""
        return (await self.until(lambda frame: frame["type"] == kind))["data"]

    async def ask(self, **question: Any) -> dict[str, Any]:
        """Send a message and return the very next frame, as clients do."""
        await self.socket.send_json(question)
        return await self.next()

    async def subscribe(self, kind: str, **more: Any) -> str:
        """Subscribe, at the highest rate unless `more` says another."""
        asked = {"action": "subscribe", "type": kind, "update_interval": 0, **PAIR, **more}
        answer = await self.ask(**asked)
        assert answer["type"] == "subscribed", answer
        name: str = answer["subscription_id"]
        return name


class Market:
    """What the service sends live."""

    def __init__(self, service: MarketdataStandIn) -> None:
        self.service = service
        self._sequence = 0

    async def book(self, price: float, pair: str = "BTC-USDT", levels: int = 20) -> None:
        bids = tuple((price - step, 0.5) for step in range(1, levels + 1))
        asks = tuple((price + step, 0.25) for step in range(1, levels + 1))
        state = LiveBook(CONNECTOR, pair, bids, asks, TIMESTAMP)
        self.service.prices[pair] = price  # for who asks, too
        await self.service.live(BOOK, CONNECTOR, pair, state)

    async def trades(self, *prices: float) -> None:
        self._sequence += 1
        made = tuple(MarketTrade(TIMESTAMP, price, 0.1, "buy") for price in prices)
        await self.service.live(TRADES, CONNECTOR, "BTC-USDT", LiveTrades(CONNECTOR, "BTC-USDT", made, self._sequence))

    async def candle(self, candle: Candle) -> None:
        state = LiveCandle(CONNECTOR, "BTC-USDT", "1m", candle, False)
        await self.service.live(CANDLE, CONNECTOR, "BTC-USDT", state, "1m")


@pytest.fixture
def market(marketdata: MarketdataStandIn) -> Market:
    return Market(marketdata)


Open = Callable[..., Any]


@pytest.fixture
async def open_socket(edge: Edge) -> AsyncIterator[Open]:
    """A function that opens a connection of the right user and takes its first frame."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def open_one(at: Edge = edge) -> SocketClient:
            opened = await stack.enter_async_context(session.ws_connect(f"{at.url}/ws/market-data", headers=AUTH))
            client = SocketClient(opened)
            assert (await client.next())["type"] == "connected"
            return client

        yield open_one


@pytest.fixture
async def client(open_socket: Open) -> SocketClient:
    opened: SocketClient = await open_socket()
    return opened


def figures(service: GatewayApi) -> dict[str, float]:
    """Return what the edge says of itself."""
    return dict(service.health().figures)


async def quiet(client: SocketClient, seconds: float = 0.6) -> list[dict[str, Any]]:
    """Return what comes within `seconds`."""
    found = []
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(left):
                message = await client.socket.receive()
        except TimeoutError:
            break
        found.append(json.loads(message.data))
    return found
