"""The trades of a pair: each told once, also those made while nobody followed the exchange."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from services.marketdata.trade_feed import TradeFeed
from shared.contracts.marketdata.trades import LiveTrades, MarketTrade
from shared.exchanges.errors import ExchangeDown, Unsupported
from tests.eventually import eventually
from tests.services.marketdata.fake_market import FakeMarket, Stream

BTC = "BTC-USDT"


def trades(*numbers: int, ids: str = "") -> tuple[MarketTrade, ...]:
    """Return trades made at these moments."""
    return tuple(MarketTrade(float(number), 100.0, 1.0, "buy", f"{ids}{number}") for number in numbers)


class Followed:
    """A feed over a fake market and a fake bus, with what it has told."""

    def __init__(self) -> None:
        self.market = FakeMarket()
        self.told: list[LiveTrades] = []
        self.bus: asyncio.Queue[LiveTrades] = asyncio.Queue()
        self.feed = TradeFeed(self.market, BTC, self.told.append, self._from_bus, patience=30.0)

    @property
    def numbers(self) -> list[int]:
        """The moments of the trades that were told, in their order."""
        return [int(one.timestamp) for message in self.told for one in message.trades]

    async def stream(self) -> Stream:
        """Return the open stream, which stands now."""
        await eventually(lambda: bool(self.market.open_streams()))
        stream = self.market.open_streams()[0]
        stream.states.put_nowait(())
        return stream

    async def _from_bus(self) -> AsyncGenerator[LiveTrades, None]:
        while True:
            yield await self.bus.get()


@pytest.fixture
async def followed() -> AsyncIterator[Followed]:
    made = Followed()
    yield made
    await made.feed.stop()


async def test_the_first_stream_asks_for_nothing(followed: Followed) -> None:
    stream = await followed.stream()
    stream.states.put_nowait(trades(1, 2))
    await eventually(lambda: followed.numbers == [1, 2])
    assert followed.market.asked == []


async def test_what_comes_twice_is_told_once(followed: Followed) -> None:
    stream = await followed.stream()
    for some in (trades(1, 2), trades(2, 3), trades(1), trades(4)):
        stream.states.put_nowait(some)
    await eventually(lambda: followed.numbers == [1, 2, 3, 4])
    assert [message.sequence for message in followed.told] == [1, 2, 3]
    # Without ids each is one of its own.
    stream.states.put_nowait((MarketTrade(5.0, 1.0, 1.0, "buy"),) * 2)
    await eventually(lambda: followed.numbers[-2:] == [5, 5])


async def test_trades_during_a_broken_stream_are_told_in_order(followed: Followed) -> None:
    stream = await followed.stream()
    stream.states.put_nowait(trades(1, 2))
    await eventually(lambda: followed.numbers == [1, 2])
    followed.market.trades = trades(1, 2, 3, 4, 5)
    stream.states.put_nowait(ExchangeDown("the socket was dropped"))
    await eventually(lambda: stream.closed)
    again = await followed.stream()
    again.states.put_nowait(trades(5, 6))
    await eventually(lambda: followed.numbers == [1, 2, 3, 4, 5, 6])
    again.states.put_nowait(trades(8))
    await eventually(lambda: followed.numbers[-1] == 8)
    assert followed.market.asked == [("trades", BTC), ("trades", BTC)]  # as 5 was not next to 5 when it came


async def test_a_stream_that_stood_later_than_it_said_misses_nothing(followed: Followed) -> None:
    stream = await followed.stream()
    stream.states.put_nowait(trades(1))
    await eventually(lambda: followed.numbers == [1])
    stream.states.put_nowait(ExchangeDown("the socket was dropped"))
    await eventually(lambda: stream.closed)
    again = await followed.stream()
    await eventually(lambda: len(followed.market.asked) == 1)
    followed.market.trades = trades(1, 2, 3)
    again.states.put_nowait(trades(3, 4))
    await eventually(lambda: followed.numbers == [1, 2, 3, 4])


@pytest.mark.parametrize("failure", [ExchangeDown("away"), Unsupported("it does not tell them")])
async def test_an_exchange_that_does_not_tell_costs_only_what_was_missed(
    followed: Followed, failure: Exception
) -> None:
    stream = await followed.stream()
    stream.states.put_nowait(trades(1))
    await eventually(lambda: followed.numbers == [1])
    followed.market.failure = failure
    stream.states.put_nowait(ExchangeDown("the socket was dropped"))
    await eventually(lambda: stream.closed)
    again = await followed.stream()
    again.states.put_nowait(trades(4))
    await eventually(lambda: followed.numbers == [1, 4])
    assert followed.feed.now()


async def test_whoever_takes_over_tells_what_its_leader_could_not(followed: Followed) -> None:
    await followed.stream()
    followed.feed.supply.turn(False)
    followed.bus.put_nowait(LiveTrades("paper", BTC, trades(1, 2), 7))
    followed.bus.put_nowait(LiveTrades("paper", BTC, trades(3), 9))
    followed.bus.put_nowait(LiveTrades("paper", BTC, trades(2), 8))  # of another who thinks that it leads
    await eventually(lambda: followed.bus.empty() and not followed.market.open_streams())
    assert followed.told == []
    followed.market.trades = trades(2, 3, 4, 5)
    followed.feed.supply.turn(True)
    stream = await followed.stream()
    stream.states.put_nowait(trades(6))
    await eventually(lambda: followed.numbers == [4, 5, 6])
    assert [message.sequence for message in followed.told] == [10, 11]


async def test_what_the_exchange_brought_before_the_bus_is_told_by_whoever_takes_over(followed: Followed) -> None:
    """The stream goes on until the bus brings something; the leader may die before it does, or right after."""
    stream = await followed.stream()
    followed.feed.supply.turn(False)
    stream.states.put_nowait(trades(1, 2))
    await eventually(stream.states.empty)
    assert followed.told == []
    followed.feed.supply.turn(True)
    await eventually(lambda: stream.closed)
    await followed.stream()
    await eventually(lambda: followed.numbers == [1, 2])


async def test_what_a_leader_has_told_is_not_told_again_by_the_next(followed: Followed) -> None:
    stream = await followed.stream()
    followed.feed.supply.turn(False)
    stream.states.put_nowait(trades(1, 2, 3, 4))
    await eventually(stream.states.empty)
    # It has told the first before it was heard here, and the last not yet.
    followed.bus.put_nowait(LiveTrades("paper", BTC, trades(2, 3), 7))
    await eventually(lambda: stream.closed)
    followed.feed.supply.turn(True)
    stream = await followed.stream()
    stream.states.put_nowait(trades(5))
    await eventually(lambda: followed.numbers == [4, 5])


async def test_trades_that_a_stream_leaves_out_are_asked_for(followed: Followed) -> None:
    stream = await followed.stream()
    stream.states.put_nowait(trades(*range(1, 20)))
    followed.market.trades = trades(*range(10, 23))
    stream.states.put_nowait(trades(20))
    stream.states.put_nowait(trades(22))
    await eventually(lambda: followed.numbers == list(range(1, 23)))
    assert followed.market.asked == [("trades", BTC)]
    # Late ones are known by then.
    stream.states.put_nowait(trades(21, 23))
    await eventually(lambda: followed.numbers == list(range(1, 24)))
    assert len(followed.market.asked) == 1
