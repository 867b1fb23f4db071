"""The service on a real exchange: the simulator as a process, its faults on demand, and its death."""

import asyncio
import itertools
import time
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from services.marketdata.app import MarketdataService
from services.marketdata.settings import MarketdataSettings
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.declaration import AnyCommand
from shared.contracts.marketdata import LIVE
from shared.contracts.marketdata.books import BOOK, GET_BOOK, Book, BookFilter, LiveBook
from shared.contracts.marketdata.fields import MarketRef
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation
from shared.contracts.marketdata.rules import LIST_ORDER_TYPES, LIST_RULES, RulesFilter
from shared.contracts.marketdata.tickers import GET_PRICES, TICKER, LiveTicker, PricesFilter
from shared.errors import CommandError, ErrorCode
from shared.exchanges.registry import Exchanges
from tests.eventually import eventually
from tests.pace import within
from tests.ports import reserved_port
from tests.services.marketdata.conftest import Asker, Serve
from tests.services.marketdata.on_simulator import BTC, fault, figure
from tests.services.simulator.process import SimulatorProcess


def assert_sound(book: Book) -> None:
    """Check that a book's sides are in order and do not cross."""
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert all(level.amount > 0 for level in (*book.bids, *book.asks))


async def streaming(service: MarketdataService, count: int) -> None:
    """Wait until `count` books are followed and all streams bring something."""
    feeds = service._feeds
    await eventually(
        lambda: len(feeds._books) == count and all(feed.supply.live_since is not None for feed in feeds._books.values())
    )


@pytest.mark.parametrize("connector", ["paper", "paper_perpetual"])
async def test_everything_there_is_to_ask(serve: Serve, ask: Asker, connector: str) -> None:
    service = await serve()
    rules = await ask(LIST_RULES, RulesFilter(connector))
    assert rules[BTC].min_notional_size > 0
    assert rules[BTC].min_price_increment > 0
    assert (await ask(LIST_ORDER_TYPES, MarketRef(connector))).supported_order_types
    for _ in range(2):  # by REST or the stream's first state, and from memory
        book = await ask(GET_BOOK, BookFilter(connector, BTC, 5))
        assert len(book.bids) == len(book.asks) == 5
        assert_sound(book)
        assert abs(time.time() - book.timestamp) < 10
        prices = await ask(GET_PRICES, PricesFilter(connector, (BTC, "ETH-USDT", "NO-SUCH")))
        assert set(prices.prices) == {BTC, "ETH-USDT"}
        assert prices.prices[BTC] == pytest.approx((book.bids[0].price + book.asks[0].price) / 2, rel=0.01)
        assert abs(time.time() - prices.timestamp) < 10
        worth = await ask(VALUE_TOKENS, Valuation(connector, ("BTC", "ETH", "USDT", "NOPE")))
        assert worth.prices == pytest.approx({**worth.prices, "BTC": prices.prices[BTC], "USDT": 1.0}, rel=0.01)
        assert "NOPE" not in worth.prices
        await streaming(service, 1)
    assert (await ask.refused(GET_BOOK, BookFilter(connector, "NO-SUCH"))).code == ErrorCode.NOT_FOUND


async def test_what_is_followed_is_sent_live(serve: Serve, ask: Asker, values: dict[str, str]) -> None:
    service = await serve()
    received: dict[str, list[bytes]] = {}
    client = await connect(service_settings(values), "portfolio")

    async def take(message: Msg) -> None:
        received.setdefault(message.subject, []).append(message.data)

    subjects = Subjects(values["HUMMINGBUS_NAMESPACE"])
    for live in LIVE:
        await client.subscribe_directly(subjects.live_of(live), take)
    await client.flush()
    await ask(GET_BOOK, BookFilter("paper", BTC))
    await ask(GET_PRICES, PricesFilter("paper", (BTC, "ETH-USDT")))
    books, tickers = subjects.live(BOOK, "paper", BTC), subjects.live(TICKER, "paper", "ETH-USDT")
    await eventually(lambda: len(received.get(books, ())) >= 5 and len(received.get(tickers, ())) >= 3)
    followed = [msgspec.json.decode(data, type=LiveBook) for data in received[books]]
    assert [book.timestamp for book in followed] == sorted(book.timestamp for book in followed)
    for before, after in itertools.pairwise(followed):
        assert (before.bids, before.asks) != (after.bids, after.asks)
    assert all(0 < len(book.bids) <= 50 for book in followed)

    def priced() -> bool:
        # A pair that has just woken has no orders in its book yet.
        last = msgspec.json.decode(received[tickers][-1], type=LiveTicker)
        return 0 < last.bid < last.ask and last.last > 0

    await eventually(priced)
    assert set(received) == {books, tickers, subjects.live(TICKER, "paper", BTC)}
    assert figure(service, "live_lost") == 0
    await client.close()


def service_settings(values: dict[str, str]) -> MarketdataSettings:
    """Return settings for a client beside the service."""
    return MarketdataSettings.model_validate(values)


async def test_an_exchange_that_dies_and_comes_back(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    service = await serve(MARKET_DATA_MAX_AGE="5")
    await ask(GET_BOOK, BookFilter("paper", BTC))
    await ask(GET_PRICES, PricesFilter("paper", (BTC,)))
    await streaming(service, 1)
    before = await ask(GET_BOOK, BookFilter("paper", BTC))
    await simulator.kill()
    await eventually(lambda: figure(service, "streams_broken") == 2)
    # For a while the last state, by its own timestamp, then the exchange is named; never silence, and soon.
    last = await ask(GET_BOOK, BookFilter("paper", BTC))
    assert last.timestamp >= before.timestamp
    # Each has its own time from which on its last state is too old.
    fading: tuple[tuple[AnyCommand, Any], ...] = (
        (GET_BOOK, BookFilter("paper", BTC)),
        (GET_PRICES, PricesFilter("paper", (BTC,))),
    )
    for command, request in fading:
        error: CommandError | None = None
        while error is None:
            try:
                again = await ask(command, request)
                assert again.timestamp <= time.time()
            except CommandError as refusal:
                error = refusal
        assert error.code == ErrorCode.UNAVAILABLE
        assert "'paper'" in error.detail
    began = time.monotonic()
    assert (await ask.refused(GET_PRICES, PricesFilter("paper", (BTC,)))).code == ErrorCode.UNAVAILABLE
    within(4.5, began)  # sooner than the caller gives up
    assert await ask(LIST_RULES, RulesFilter("paper"))
    assert service.health().ready
    await simulator.start()
    await eventually(lambda: figure(service, "streams_broken") == 0, seconds=30)
    after = await ask(GET_BOOK, BookFilter("paper", BTC))
    assert_sound(after)
    assert after.timestamp > last.timestamp
    assert (await ask(GET_PRICES, PricesFilter("paper", (BTC,)))).prices[BTC] > 0


async def test_sockets_that_drop(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    service = await serve()
    await ask(GET_BOOK, BookFilter("paper", BTC))
    await ask(GET_PRICES, PricesFilter("paper", (BTC, "ETH-USDT")))
    await streaming(service, 1)
    for number in range(2, 5):
        await fault(simulator, "dropped_socket", count=5, seconds=0.2)
        # Whoever asks meanwhile is answered, by REST or from memory.
        while service._feeds._books["paper", BTC].supply.opened < number:
            assert_sound(await ask(GET_BOOK, BookFilter("paper", BTC)))
            assert (await ask(GET_PRICES, PricesFilter("paper", (BTC, "ETH-USDT")))).prices[BTC] > 0
        await streaming(service, 1)
    assert (await simulator.admin("DELETE", "/faults"))[0] in (200, 204)
    await eventually(lambda: figure(service, "streams_broken") == 0)


@pytest.mark.parametrize("kind", ["missed_message", "duplicated_message", "reordered_message"])
async def test_messages_that_are_missed_doubled_or_swapped(
    serve: Serve, ask: Asker, simulator: SimulatorProcess, kind: str
) -> None:
    service = await serve()
    await ask(GET_BOOK, BookFilter("paper", BTC, 50))
    await streaming(service, 1)
    for _ in range(3):
        await fault(simulator, kind, path="btcusdt@depth*", count=1)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert_sound(await ask(GET_BOOK, BookFilter("paper", BTC, 50)))
    await streaming(service, 1)

    async def as_the_exchange_has_it() -> bool:
        book = service._feeds._books["paper", BTC]
        by_rest = await service._venues["paper"].market.fetch_book(BTC, 50)
        followed = book.now(50)
        return followed is not None and (followed.bids[:50], followed.asks[:50]) == (by_rest.bids, by_rest.asks)

    await eventually(as_the_exchange_has_it)


async def test_a_slow_exchange(serve: Serve, ask: Asker, simulator: SimulatorProcess) -> None:
    service = await serve()
    await ask(GET_BOOK, BookFilter("paper", BTC))
    await ask(LIST_RULES, RulesFilter("paper_perpetual"))
    await streaming(service, 1)
    await fault(simulator, "latency", path="/fapi/*", delay=30)
    slow = asyncio.create_task(ask.refused(VALUE_TOKENS, Valuation("paper_perpetual", ("BTC",)), timeout=2.0))
    for _ in range(50):
        began = time.monotonic()
        assert_sound(await ask(GET_BOOK, BookFilter("paper", BTC)))
        within(4.5, began)  # sooner than the caller gives up
    error = await slow
    assert error.code == ErrorCode.UNAVAILABLE
    assert "'paper_perpetual'" in error.detail


async def test_an_exchange_that_cannot_be_reached(ask: Asker, values: dict[str, str]) -> None:
    settings = MarketdataSettings.model_validate({**values, "SIMULATOR_URL": f"http://127.0.0.1:{reserved_port()}"})
    service = MarketdataService(settings, Exchanges(settings.endpoints()))
    await service.start()
    for _ in range(3):
        error = await ask.refused(GET_BOOK, BookFilter("paper", BTC))
        assert error.code == ErrorCode.UNAVAILABLE
        assert "'paper'" in error.detail
    await service.drain()
