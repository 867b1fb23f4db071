"""The commands over the bus: answers, refusals, and one exchange that holds up no other."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from services.marketdata import quote_board, shared_fetch, soonest
from services.marketdata import waiting as waiting_room
from services.marketdata.settings import MarketdataSettings
from shared.bus.streaming import PIECE_BYTES
from shared.contracts.credentials import Nothing
from shared.contracts.declaration import AnyCommand
from shared.contracts.marketdata.books import GET_BOOK, BookFilter
from shared.contracts.marketdata.feeds import FEED_SETTINGS
from shared.contracts.marketdata.fields import MarketRef
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation
from shared.contracts.marketdata.rules import LIST_ORDER_TYPES, LIST_RULES, RulesFilter
from shared.contracts.marketdata.tickers import GET_PRICES, PricesFilter
from shared.contracts.portfolio.orders import OrderType
from shared.errors import ErrorCode
from shared.exchanges.errors import ExchangeDown, ExchangeError, RateLimited, Refused, Unsupported
from tests.eventually import eventually
from tests.services.marketdata.conftest import Asker, Start
from tests.services.marketdata.fake_market import RULE, FakeExchanges, FakeMarket, book, ticker

RequestOf = Callable[[str], msgspec.Struct]
QUESTIONS: list[tuple[AnyCommand, RequestOf]] = [
    (LIST_RULES, RulesFilter),
    (LIST_ORDER_TYPES, MarketRef),
    (GET_PRICES, lambda name: PricesFilter(name, ("BTC-USDT",))),
    (GET_BOOK, lambda name: BookFilter(name, "BTC-USDT")),
    (VALUE_TOKENS, lambda name: Valuation(name, ("BTC",))),
]


@pytest.fixture(autouse=True)
def _fill(market: FakeMarket) -> None:
    market.books["BTC-USDT"] = book(at=5.0)
    market.tickers = {
        "BTC-USDT": ticker("BTC-USDT", 49_999.0, 50_001.0, at=3.0),
        "ETH-USDT": ticker("ETH-USDT", 0.0, 3_001.0, last=3_000.0, at=2.0),
    }


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody wait for a stream's first state when REST has failed."""
    monkeypatch.setattr(soonest, "GRACE", 0.01)


@pytest.mark.parametrize(("command", "request_of"), QUESTIONS, ids=lambda value: getattr(value, "key", ""))
async def test_names_are_checked_first(
    start: Start, ask: Asker, exchanges: FakeExchanges, command: AnyCommand, request_of: RequestOf
) -> None:
    await start(exchanges)
    unknown = await ask.refused(command, request_of("nothing"))
    assert (unknown.code, unknown.detail) == (ErrorCode.NOT_FOUND, "Connector 'nothing' not found")
    for_bots = await ask.refused(command, request_of("aevo_perpetual"))
    assert for_bots.code == ErrorCode.REFUSED
    assert "for bots" in for_bots.detail
    exchanges.unsupported = Unsupported("not offered")
    assert (await ask.refused(command, request_of("binance"))).code == ErrorCode.REFUSED
    assert set(exchanges.markets) <= {"paper"}


async def test_rules(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    await start(exchanges)
    everything = await ask(LIST_RULES, RulesFilter("paper"))
    assert everything == dict.fromkeys(("BTC-USDT", "ETH-USDT", "ETH-BTC"), RULE)
    assert everything["BTC-USDT"].min_order_size == Decimal("0.00001")
    some = await ask(LIST_RULES, RulesFilter("paper", ("ETH-USDT", "NO-SUCH", "ETH-USDT")))
    assert list(some) == ["ETH-USDT"]
    none = await ask.refused(LIST_RULES, RulesFilter("paper", ("NO-SUCH", "btc-usdt")))
    assert none.code == ErrorCode.NOT_FOUND
    assert "NO-SUCH" in none.detail
    assert market.asked == [("rules", None)]


async def test_rules_of_thousands_of_pairs(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    market.known = {f"TOKEN{number}-USDT": RULE for number in range(4000)}
    await start(exchanges)
    for _ in range(2):  # as it is loaded, and from memory
        found = await ask(LIST_RULES, RulesFilter("paper"))
        assert found == market.known
    assert len(msgspec.json.encode(found)) > 2 * PIECE_BYTES


async def test_order_types_and_settings(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    await start(exchanges, MARKET_DATA_FEED_TIMEOUT="77", MARKET_DATA_CLEANUP_INTERVAL="33")
    types = await ask(LIST_ORDER_TYPES, MarketRef("paper"))
    assert (types.connector, types.supported_order_types) == ("paper", (OrderType.LIMIT, OrderType.MARKET))
    settings = await ask(FEED_SETTINGS, Nothing())
    assert (settings.feed_timeout, settings.cleanup_interval) == (77, 33)
    assert "77 s" in settings.description


async def test_prices(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    await start(exchanges)
    wanted = PricesFilter("paper", ("BTC-USDT", "ETH-USDT", "ETH-BTC", "NO-SUCH"))
    found = await ask(GET_PRICES, wanted)
    # The mid, the last price where a side is empty, nothing where nothing was ever traded.
    assert found.prices == {"BTC-USDT": 50_000.0, "ETH-USDT": 3_000.0}
    assert (found.connector, found.timestamp) == ("paper", 2.0)
    assert (await ask.refused(GET_PRICES, PricesFilter("paper", ("NO-SUCH",)))).code == ErrorCode.NOT_FOUND
    assert (await ask.refused(GET_PRICES, PricesFilter("paper", ()))).code == ErrorCode.INVALID
    await eventually(lambda: len(market.open_streams()) == 1)
    for pair in ("BTC-USDT", "ETH-USDT", "ETH-BTC"):
        market.open_streams()[0].states.put_nowait(ticker(pair, 1.0, 3.0, at=9.0))
    await eventually(market.open_streams()[0].states.empty)
    found = await ask(GET_PRICES, wanted)
    assert found.prices == {"BTC-USDT": 2.0, "ETH-USDT": 2.0, "ETH-BTC": 2.0}
    assert found.timestamp == 9.0


async def test_a_book(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    await start(exchanges)
    found = await asyncio.gather(*(ask(GET_BOOK, BookFilter("paper", "BTC-USDT", 2)) for _ in range(20)))
    assert all(one == found[0] for one in found)
    assert [level.price for level in found[0].bids] == [99.0, 98.0]
    assert [level.price for level in found[0].asks] == [101.0, 102.0]
    assert found[0].timestamp == 5.0
    assert market.asked.count(("book", ("BTC-USDT", 50))) == 1
    assert len(market.streams) == 1
    unknown = await ask.refused(GET_BOOK, BookFilter("paper", "NO-SUCH"))
    assert (unknown.code, unknown.detail) == (ErrorCode.NOT_FOUND, "Trading pair 'NO-SUCH' not found on 'paper'")
    for depth in (0, 1001):
        assert (await ask.refused(GET_BOOK, BookFilter("paper", "BTC-USDT", depth))).code == ErrorCode.INVALID


async def test_values(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    market.tickers["ETH-BTC"] = ticker("ETH-BTC", 0.05, 0.07, at=1.0)
    await start(exchanges)
    found = await ask(VALUE_TOKENS, Valuation("paper", ("BTC", "ETH", "USDC", "NOPE")))
    assert (found.quote, found.timestamp) == ("USD", 2.0)
    assert found.prices == {"BTC": 50_000.0, "ETH": 3_000.0, "USDC": 1.0}
    in_btc = await ask(VALUE_TOKENS, Valuation("paper", ("ETH", "USDT"), "BTC"))
    assert in_btc.prices == pytest.approx({"ETH": 0.06, "USDT": 1 / 50_000})
    before = time.time()
    dollars = await ask(VALUE_TOKENS, Valuation("paper", ("USDT",)))
    assert dollars.prices == {"USDT": 1.0}
    assert dollars.timestamp >= before
    assert (await ask(VALUE_TOKENS, Valuation("paper", ()))).prices == {}
    assert market.asked == [("tickers", None)]


async def test_old_prices_value_tokens_while_the_exchange_is_away(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quote_board, "AGE", 0.0)
    await start(exchanges)
    wanted = Valuation("paper", ("BTC",))
    first = await ask(VALUE_TOKENS, wanted)
    market.failure = ExchangeDown("it is away")
    assert await ask(VALUE_TOKENS, wanted) == first


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ExchangeDown("maintenance"), ErrorCode.UNAVAILABLE),
        (RateLimited("slowly", 1.0), ErrorCode.UNAVAILABLE),
        (Refused("bad symbol"), ErrorCode.UPSTREAM),
        (ExchangeError("odd"), ErrorCode.UPSTREAM),
        (Unsupported("no books"), ErrorCode.REFUSED),
        (ZeroDivisionError("detail"), ErrorCode.UPSTREAM),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("no_grace")
async def test_an_exchange_that_fails_is_named(
    start: Start, ask: Asker, exchanges: FakeExchanges, failure: Exception, code: ErrorCode
) -> None:
    market = exchanges.market("paper")
    await start(exchanges)
    await ask(LIST_RULES, RulesFilter("paper"))
    market.failure = market.stream_failure = failure
    for command, request_of in QUESTIONS[2:]:
        error = await ask.refused(command, request_of("paper"))
        assert error.code == code
        assert "'paper'" in error.detail
        assert "detail" not in error.detail
    # What is known of it stays known.
    assert await ask(LIST_RULES, RulesFilter("paper"))


async def test_an_exchange_that_never_answers_is_named_before_the_caller_gives_up(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    await start(exchanges)
    market.hold = asyncio.Event()
    for command, request_of in (QUESTIONS[0], *QUESTIONS[2:]):
        error = await ask.refused(command, request_of("paper"), timeout=2.0)
        assert error.code == ErrorCode.UNAVAILABLE
        assert "'paper'" in error.detail


async def test_a_slow_exchange_holds_up_no_other(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "MOST_WAITING", 100)
    other = exchanges.market("binance")
    other.books["BTC-USDT"] = book()
    market.hold = asyncio.Event()
    await start(exchanges)
    waiting = [asyncio.create_task(ask(GET_BOOK, BookFilter("paper", "BTC-USDT", 2))) for _ in range(120)]
    assert await ask(GET_BOOK, BookFilter("binance", "BTC-USDT", 2), timeout=5.0)
    await eventually(lambda: sum(task.done() for task in waiting) == 20)
    refused = [task.exception() for task in waiting if task.done()]
    assert {getattr(error, "code", None) for error in refused} == {ErrorCode.BUSY}
    market.hold.set()
    answered = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answered) == 100


async def test_feeds_that_nobody_asks_for_end(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    service = await start(exchanges, MARKET_DATA_FEED_TIMEOUT="2", MARKET_DATA_CLEANUP_INTERVAL="1")
    await ask(GET_BOOK, BookFilter("paper", "BTC-USDT"))
    await ask(GET_PRICES, PricesFilter("paper", ("BTC-USDT",)))
    await eventually(lambda: len(market.open_streams()) == 2)
    assert dict(service.health().figures)["book_feeds"] == 1
    await eventually(lambda: market.open_streams() == [])
    figures = dict(service.health().figures)
    assert (figures["book_feeds"], figures["ticker_feeds"], figures["ticker_streams"]) == (0, 0, 0)
    assert await ask(GET_BOOK, BookFilter("paper", "BTC-USDT"))


async def test_health_tells_of_broken_streams_and_is_ready(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    service = await start(exchanges)
    assert service.health().ready
    await ask(GET_BOOK, BookFilter("paper", "BTC-USDT"))
    market.stream_failure = ExchangeDown("it is away")
    await eventually(lambda: len(market.open_streams()) == 1)
    market.streams[0].states.put_nowait(ExchangeDown("it is away"))
    await eventually(lambda: dict(service.health().figures)["streams_broken"] == 1)
    assert service.health().ready


async def test_after_a_failure_the_exchange_is_not_asked_at_once_again(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_fetch, "FIRST_PAUSE", 60.0)
    market.failure = ExchangeDown("it is away")
    await start(exchanges)
    for _ in range(10):
        assert (await ask.refused(LIST_RULES, RulesFilter("paper"))).code == ErrorCode.UNAVAILABLE
    assert len(market.asked) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MARKET_DATA_FEED_TIMEOUT", "0"),
        ("MARKET_DATA_CLEANUP_INTERVAL", "-1"),
        ("MARKET_DATA_STALE_AFTER", "0"),
        ("MARKET_DATA_STALE_AFTER", "nan"),
        ("MARKET_DATA_MAX_AGE", "soon"),
        ("SIMULATOR_URL", "no url"),
    ],
)
def test_settings_that_cannot_be(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        MarketdataSettings.model_validate({name: value})
