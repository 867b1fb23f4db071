"""What streams of trades, tickers, funding and books do wrong on the simulator, and what readers of the bus see of it.

Those of candles are tried in `candles/test_exchange_faults.py`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyLive
from shared.contracts.marketdata.books import BOOK, GET_BOOK, BookFilter
from shared.contracts.marketdata.feeds import FOLLOW_FEED, FeedKind, FeedRef
from shared.contracts.marketdata.funding import FUNDING, GET_FUNDING, FundingRef
from shared.contracts.marketdata.tickers import GET_PRICES, TICKER, PricesFilter
from shared.contracts.marketdata.trades import TRADES
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.marketdata.conftest import Asker, Serve
from tests.services.marketdata.on_simulator import BTC, fault, figure
from tests.services.simulator.process import SimulatorProcess

FAULTS = ["missed_message", "duplicated_message", "reordered_message", "delayed_message"]


class Reader:
    """Everything that is sent live of one kind, for BTC-USDT."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def take(self, message: Msg) -> None:
        self.told.append(message.data)

    def of(self, live: AnyLive) -> list[Any]:
        """Return what was told, decoded."""
        return [msgspec.json.decode(data, type=live.payload) for data in self.told]


@pytest.fixture
async def listen(values: dict[str, str]) -> AsyncIterator[Any]:
    client = await connect(Settings.model_validate(values), "portfolio")

    async def start(live: AnyLive, connector: str) -> Reader:
        reader = Reader()
        subject = Subjects(values["HUMMINGBUS_NAMESPACE"]).live(live, connector, BTC)
        await client.subscribe_directly(subject, reader.take)
        await client.flush()
        return reader

    yield start
    await client.close()


@pytest.mark.parametrize("fails", [*(("paper", kind) for kind in FAULTS), ("paper_perpetual", FAULTS[0])])
async def test_every_trade_is_told_once(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, listen: Any, fails: tuple[str, str]
) -> None:
    connector, kind = fails
    service = await serve()
    reader: Reader = await listen(TRADES, connector)
    await ask(FOLLOW_FEED, FeedRef(FeedKind.TRADES, connector, BTC))

    def ids() -> list[int]:
        return [int(trade.id) for message in reader.of(TRADES) for trade in message.trades]

    await eventually(lambda: len(ids()) >= 15)
    for _ in range(3):
        await fault(simulator, kind, path="btcusdt@trade*", count=1, delay=0.5)
        heard = len(ids())
        await eventually(lambda: len(ids()) >= heard + 5)  # noqa: B023
    await simulator.admin("DELETE", "/faults")

    def are_whole() -> bool:
        told = ids()
        assert len(told) == len(set(told))
        return sorted(told) == list(range(min(told), min(told) + len(told)))

    await eventually(are_whole)
    assert figure(service, "streams_broken") == 0


async def test_trades_of_a_dropped_socket_are_told(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, listen: Any
) -> None:
    service = await serve()
    reader: Reader = await listen(TRADES, "paper")
    await ask(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", BTC))
    feed = service._feeds.trade_feeds["paper", BTC]
    await eventually(lambda: any(message.trades for message in reader.of(TRADES)))
    for number in range(2, 5):
        await fault(simulator, "dropped_socket", count=1)
        await eventually(lambda: feed.supply.opened >= number and feed.supply.live_since is not None)  # noqa: B023
        heard = len(reader.told)
        await eventually(lambda: any(message.trades for message in reader.of(TRADES)[heard:]))  # noqa: B023
    ids = [int(trade.id) for message in reader.of(TRADES) for trade in message.trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


@pytest.mark.parametrize("kind", FAULTS)
async def test_prices_are_the_present_ones_again(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, listen: Any, kind: str
) -> None:
    await serve()
    reader: Reader = await listen(TICKER, "paper")
    # Last prices come before the first top of the book: that looks like an empty book, and is not told.
    await fault(simulator, "delayed_message", path="btcusdt@bookTicker", count=1, delay=2.5)
    await ask(FOLLOW_FEED, FeedRef(FeedKind.TICKER, "paper", BTC))
    await eventually(lambda: len(reader.told) >= 3)
    await fault(simulator, kind, path="btcusdt@bookTicker", count=3, delay=0.5)
    heard = len(reader.told)
    await eventually(lambda: len(reader.told) >= heard + 5)
    await simulator.admin("DELETE", "/faults")
    for ticker in reader.of(TICKER):
        assert 0 < ticker.bid < ticker.ask
    prices = await ask(GET_PRICES, PricesFilter("paper", (BTC,)))
    last = reader.of(TICKER)[-1]
    assert prices.prices[BTC] == pytest.approx((last.bid + last.ask) / 2, rel=0.01)
    assert abs(time.time() - prices.timestamp) < 10


@pytest.mark.parametrize("kind", [*FAULTS, "dropped_socket"])
async def test_funding_goes_on(serve: Serve, ask: Asker, simulator: SimulatorProcess, listen: Any, kind: str) -> None:
    service = await serve()
    reader: Reader = await listen(FUNDING, "paper_perpetual")
    await ask(FOLLOW_FEED, FeedRef(FeedKind.FUNDING, "paper_perpetual", BTC))
    await eventually(lambda: len(reader.told) >= 2)
    more = {} if kind == "dropped_socket" else {"path": "btcusdt@markPrice*"}
    await fault(simulator, kind, count=2, delay=0.5, **more)
    heard = reader.of(FUNDING)[-1].timestamp
    await eventually(lambda: reader.of(FUNDING)[-1].timestamp > heard + 2)
    await simulator.admin("DELETE", "/faults")
    await eventually(lambda: figure(service, "streams_broken") == 0)
    told = await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))
    assert told.next_funding_time > time.time()
    assert told.mark_price == pytest.approx(told.index_price, rel=0.05)


async def test_a_book_whose_messages_are_late_is_right_again(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, listen: Any
) -> None:
    service = await serve()
    reader: Reader = await listen(BOOK, "paper")
    await ask(GET_BOOK, BookFilter("paper", BTC, 50))
    await eventually(lambda: len(reader.told) >= 3)
    for _ in range(3):
        await fault(simulator, "delayed_message", path="btcusdt@depth*", count=2, delay=0.4)
        heard = len(reader.told)
        await eventually(lambda: len(reader.told) >= heard + 5)  # noqa: B023
    await simulator.admin("DELETE", "/faults")
    for book in reader.of(BOOK):
        assert not book.bids or not book.asks or book.bids[0][0] < book.asks[0][0]

    async def as_the_exchange_has_it() -> bool:
        feed = service._feeds.books["paper", BTC]
        by_rest = await service._venues["paper"].market.fetch_book(BTC, 50)
        followed = feed.now(50)
        await asyncio.sleep(0.1)  # questions by REST are counted
        return followed is not None and (followed.bids[:50], followed.asks[:50]) == (by_rest.bids, by_rest.asks)

    await eventually(as_the_exchange_has_it)
