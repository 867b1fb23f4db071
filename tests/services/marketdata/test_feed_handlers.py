"""Feeds of every kind: begun and kept by a command, listed, sent live, and no more of them than may be."""

import time

import msgspec
import pytest
from nats.aio.msg import Msg

from services.marketdata import places as module
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.feeds import FOLLOW_FEED, LIST_FEEDS, FeedKind, FeedRef
from shared.contracts.marketdata.funding import GET_FUNDING, FundingRef, LiveFunding
from shared.contracts.marketdata.tickers import GET_PRICES, PricesFilter
from shared.contracts.marketdata.trades import TRADES, LiveTrades, MarketTrade
from shared.errors import ErrorCode
from shared.exchanges.errors import ExchangeDown
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.marketdata.conftest import Asker, Start
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket, book, ticker

BTC = "BTC-USDT"
FUNDED = LiveFunding("paper_perpetual", BTC, 0.0001, 2000.0, 50_000.0, 50_001.0, 1000.0)


@pytest.fixture
def perpetual(exchanges: FakeExchanges) -> FakeMarket:
    """The fake market of `paper_perpetual`."""
    made = exchanges.market("paper_perpetual")
    made.funding[BTC] = FUNDED
    return made


async def test_feeds_are_begun_and_listed(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, perpetual: FakeMarket
) -> None:
    market.books[BTC] = book()
    market.tickers[BTC] = ticker()
    await start(exchanges)
    for kind, connector in (
        (FeedKind.BOOK, "paper"),
        (FeedKind.TICKER, "paper"),
        (FeedKind.FUNDING, "paper_perpetual"),
    ):
        followed = await ask(FOLLOW_FEED, FeedRef(kind, connector, BTC))
        assert followed.feed == f"{kind}_{connector}_{BTC}"
        assert followed.seconds == 600
    listed = await ask(LIST_FEEDS, Nothing())
    assert set(listed) == {f"order_book_paper_{BTC}", f"ticker_paper_{BTC}", f"funding_paper_perpetual_{BTC}"}
    for feed in listed.values():
        assert abs(feed.last_access_time - time.time()) < 10
        assert feed.seconds_since_access + feed.will_expire_in == pytest.approx(600, abs=0.1)
        assert BTC in feed.config


async def test_trades_are_followed_when_the_stream_stands(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    await start(exchanges)
    error = await ask.refused(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", BTC), timeout=2.0)
    assert error.code == ErrorCode.UNAVAILABLE
    market.open_streams()[0].states.put_nowait(())
    assert (await ask(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", BTC))).feed == f"trades_paper_{BTC}"
    assert len(market.streams) == 1


async def test_no_trade_is_left_out_and_they_are_numbered(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, values: dict[str, str]
) -> None:
    await start(exchanges)
    received: list[LiveTrades] = []
    client = await connect(Settings.model_validate(values), "outside")

    async def take(message: Msg) -> None:
        received.append(msgspec.json.decode(message.data, type=LiveTrades))

    subject = Subjects(values["HUMMINGBUS_NAMESPACE"]).live(TRADES, "paper", BTC)
    await client.subscribe_directly(subject, take)
    await client.flush()
    await ask.refused(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", BTC), timeout=2.0)
    trades = [MarketTrade(float(number), 100.0, 1.0, "buy") for number in range(500)]
    for trade in trades:
        market.open_streams()[0].states.put_nowait((trade,))
    await eventually(lambda: sum(len(one.trades) for one in received) == 500)
    assert [trade for one in received for trade in one.trades] == trades
    numbers = [one.sequence for one in received]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    await client.close()


async def test_trades_of_an_exchange_that_is_away(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    market.stream_failure = ExchangeDown("it is away")
    await start(exchanges)
    error = await ask.refused(FOLLOW_FEED, FeedRef(FeedKind.TRADES, "paper", BTC))
    assert error.code == ErrorCode.UNAVAILABLE
    assert "it is away" in error.detail


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        (FeedRef(FeedKind.BOOK, "paper", "NO-SUCH"), ErrorCode.NOT_FOUND),
        (FeedRef(FeedKind.BOOK, "nowhere", BTC), ErrorCode.NOT_FOUND),
        (FeedRef(FeedKind.FUNDING, "paper", BTC), ErrorCode.REFUSED),
        (FeedRef(FeedKind.CANDLES, "paper", BTC), ErrorCode.INVALID),
        (FeedRef(FeedKind.CANDLES, "paper", BTC, "7m"), ErrorCode.REFUSED),
        (FeedRef(FeedKind.BOOK, "paper", BTC, "1m"), ErrorCode.INVALID),
    ],
)
async def test_feeds_that_cannot_be(
    start: Start, ask: Asker, exchanges: FakeExchanges, ref: FeedRef, code: ErrorCode
) -> None:
    await start(exchanges)
    assert (await ask.refused(FOLLOW_FEED, ref)).code == code


async def test_funding(start: Start, ask: Asker, exchanges: FakeExchanges, perpetual: FakeMarket) -> None:
    await start(exchanges)
    found = await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))
    assert (found.funding_rate, found.next_funding_time, found.timestamp) == (0.0001, 2000.0, 1000.0)
    assert (found.mark_price, found.index_price) == (50_000.0, 50_001.0)
    # From memory, once the stream has brought it.
    await eventually(lambda: bool(perpetual.open_streams()))
    perpetual.open_streams()[0].states.put_nowait(msgspec.structs.replace(FUNDED, funding_rate=0.0002))

    async def is_new() -> bool:
        return (await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))).funding_rate == 0.0002

    await eventually(is_new)
    questions = len(perpetual.asked)
    await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))
    assert len(perpetual.asked) == questions
    assert (await ask.refused(GET_FUNDING, FundingRef("paper", BTC))).code == ErrorCode.REFUSED
    assert (await ask.refused(GET_FUNDING, FundingRef("paper_perpetual", "NO-SUCH"))).code == ErrorCode.NOT_FOUND


async def test_funding_of_an_exchange_that_is_away(
    start: Start, ask: Asker, exchanges: FakeExchanges, perpetual: FakeMarket
) -> None:
    await start(exchanges)
    await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))
    await eventually(lambda: bool(perpetual.open_streams()))
    perpetual.open_streams()[0].states.put_nowait(FUNDED)
    await eventually(perpetual.open_streams()[0].states.empty)
    perpetual.failure = perpetual.stream_failure = ExchangeDown("it is away")
    perpetual.open_streams()[0].states.put_nowait(ExchangeDown("it is away"))
    # What was heard last is good for a while.
    assert (await ask(GET_FUNDING, FundingRef("paper_perpetual", BTC))).mark_price == 50_000.0
    error = await ask.refused(GET_FUNDING, FundingRef("paper_perpetual", "ETH-USDT"))
    assert error.code == ErrorCode.UNAVAILABLE


async def test_there_are_no_more_feeds_than_may_be(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.books = {pair: book(pair=pair) for pair in ("BTC-USDT", "ETH-USDT", "ETH-BTC")}
    service = await start(exchanges, MARKET_DATA_MAX_FEEDS="2")
    for pair in ("BTC-USDT", "ETH-USDT"):
        await ask(FOLLOW_FEED, FeedRef(FeedKind.BOOK, "paper", pair))
    error = await ask.refused(FOLLOW_FEED, FeedRef(FeedKind.BOOK, "paper", "ETH-BTC"))
    assert error.code == ErrorCode.BUSY
    # Those that run go on; one that nobody has asked for in a while gives its place.
    await ask(FOLLOW_FEED, FeedRef(FeedKind.BOOK, "paper", "ETH-USDT"))
    monkeypatch.setattr(module, "IDLE", 0.0)
    service._feeds._places._look_again_at = 0.0
    await ask(FOLLOW_FEED, FeedRef(FeedKind.BOOK, "paper", "ETH-BTC"))
    listed = await ask(LIST_FEEDS, Nothing())
    assert set(listed) == {"order_book_paper_ETH-USDT", "order_book_paper_ETH-BTC"}
    assert dict(service.health().figures)["book_feeds"] == 2
    # All kinds count; prices are told of as many pairs as anybody wants.
    monkeypatch.setattr(module, "IDLE", 30.0)
    market.tickers = {pair: ticker(pair) for pair in ("BTC-USDT", "ETH-USDT")}
    for feed in (FeedRef(FeedKind.TICKER, "paper", BTC), FeedRef(FeedKind.CANDLES, "paper", BTC, "1m")):
        assert (await ask.refused(FOLLOW_FEED, feed)).code == ErrorCode.BUSY
    told = await ask(GET_PRICES, PricesFilter("paper", ("BTC-USDT", "ETH-USDT")))
    assert set(told.prices) == {"BTC-USDT", "ETH-USDT"}
    again = await ask(LIST_FEEDS, Nothing())
    assert set(again) == set(listed)
