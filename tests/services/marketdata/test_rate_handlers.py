"""Rates and tickers over the bus: where they come from, how old they may be, and what happens to those that fail."""

import time

import asyncpg
import msgspec
import pytest

from services.marketdata import quote_board, rate_handlers, shared_fetch
from services.marketdata.rate_sources import SOURCES, why_no_source
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.rates import (
    CONFIGURE_ORACLE,
    GET_RATES,
    ORACLE_CONFIG,
    ORACLE_PRICES,
    VALUE_TOKENS,
    OracleChange,
    RatesFilter,
    Valuation,
)
from shared.contracts.marketdata.tickers import LIST_TICKERS, TickersFilter
from shared.errors import ErrorCode
from shared.exchanges.errors import ExchangeDown, Refused
from tests.eventually import eventually
from tests.services.marketdata.conftest import Asker, Start
from tests.services.marketdata.fake_market import FakeExchanges, FakeMarket, ticker

PAPER = {"RATE_ORACLE_SOURCE": "paper"}


@pytest.fixture(autouse=True)
def _prices(market: FakeMarket) -> None:
    """The prices of `paper`."""
    market.tickers = {
        "BTC-USDT": ticker("BTC-USDT", 49_999.0, 50_001.0),
        "ETH-BTC": ticker("ETH-BTC", 0.0499, 0.0501),
        "NAV-USDT": ticker("NAV-USDT", 1.0, 1.0),
        "DEAD-USDT": ticker("DEAD-USDT", 0.0, 0.0, last=5.0, at=1000.0),
    }


async def test_rates_by_the_source(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    await start(exchanges, **PAPER)
    pairs = ("BTC-USDT", "USDT-BTC", "ETH-USDT", "NAV-USDT", "DEAD-USDT", "NO-WAY", "NONSENSE", "-USDT", "BTC-")
    found = await ask(GET_RATES, RatesFilter(pairs))
    assert (found.source, found.quote_token) == ("paper", "USDT")
    assert found.rates == {
        "BTC-USDT": 50_000.0,
        "USDT-BTC": pytest.approx(1 / 50_000),
        "ETH-USDT": pytest.approx(2_500.0),
        "NAV-USDT": None,
        "DEAD-USDT": None,
        "NO-WAY": None,
        "NONSENSE": None,
        "-USDT": None,
        "BTC-": None,
    }
    assert set(found.reasons) == {"NAV-USDT", "DEAD-USDT", "NO-WAY", "NONSENSE", "-USDT", "BTC-"}
    for pair in ("NONSENSE", "-USDT", "BTC-"):
        assert "hyphen" in found.reasons[pair]
    assert "banned" in found.reasons["NAV-USDT"]
    assert "old" in found.reasons["DEAD-USDT"]
    heard = (await ask(LIST_TICKERS, TickersFilter(("paper",), max_age=600.0))).updated_at["paper"]
    assert found.timestamp == heard  # a mid is of that moment


async def test_rates_are_as_old_as_the_oldest_price_in_them(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    made_at = time.time() - 30
    market.tickers["SOL-USDT"] = ticker("SOL-USDT", 0.0, 0.0, last=100.0, at=made_at)
    await start(exchanges, **PAPER)
    assert (await ask(GET_RATES, RatesFilter(("BTC-USDT", "SOL-BTC")))).timestamp == made_at
    assert (await ask(GET_RATES, RatesFilter(("BTC-USDT",)))).timestamp > made_at
    assert (await ask(ORACLE_PRICES, Nothing())).timestamp > made_at


async def test_rates_of_another_connector(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    exchanges.market("kraken").tickers = {"BTC-USDT": ticker("BTC-USDT", 60_000.0, 60_000.0)}
    await start(exchanges, **PAPER)
    found = await ask(GET_RATES, RatesFilter(("BTC-USDT",), "kraken"))
    assert (found.source, found.rates) == ("kraken", {"BTC-USDT": 60_000.0})
    assert (await ask.refused(GET_RATES, RatesFilter(("BTC-USDT",), "nowhere"))).code == ErrorCode.NOT_FOUND
    assert (await ask.refused(GET_RATES, RatesFilter(("BTC-USDT",), "ndax"))).code == ErrorCode.REFUSED


async def test_old_prices_are_no_rates(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_handlers, "AGE", 0.0)
    monkeypatch.setattr(shared_fetch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(quote_board, "WAIT", 0.1)
    await start(exchanges, **PAPER, RATE_ORACLE_MAX_AGE="0.4")
    assert (await ask(GET_RATES, RatesFilter(("BTC-USDT",)))).rates == {"BTC-USDT": 50_000.0}
    market.failure = ExchangeDown("it is away")
    # At first by memory, then refused with a reason; memory is not fresh.
    assert (await ask(GET_RATES, RatesFilter(("BTC-USDT",)))).rates == {"BTC-USDT": 50_000.0}
    monkeypatch.setattr(rate_handlers, "MOMENT", 0.0)
    for_nothing = await ask.refused(GET_RATES, RatesFilter(("BTC-USDT",), fresh=True))
    assert for_nothing.code == ErrorCode.UNAVAILABLE
    assert "'paper'" in for_nothing.detail

    async def is_refused() -> bool:
        found = await ask(GET_RATES, RatesFilter(("BTC-USDT",)))
        return found.rates == {"BTC-USDT": None} and "old" in found.reasons["BTC-USDT"]

    await eventually(is_refused)
    market.failure = None

    async def is_back() -> bool:
        return (await ask(GET_RATES, RatesFilter(("BTC-USDT",)))).rates == {"BTC-USDT": 50_000.0}

    await eventually(is_back)


async def test_a_source_that_never_answered(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    market.failure = ExchangeDown("it is away")
    await start(exchanges, **PAPER)
    rates = await ask.refused(GET_RATES, RatesFilter(("BTC-USDT",)))
    prices = await ask.refused(ORACLE_PRICES, Nothing())
    for error in (rates, prices):
        assert error.code == ErrorCode.UNAVAILABLE
        assert "'paper'" in error.detail


async def test_all_prices_of_the_source(start: Start, ask: Asker, exchanges: FakeExchanges) -> None:
    await start(exchanges, **PAPER)
    found = await ask(ORACLE_PRICES, Nothing())
    assert (found.source, found.quote_token) == ("paper", "USDT")
    assert found.prices == {"BTC-USDT": 50_000.0, "ETH-BTC": 0.05, "DEAD-USDT": 5.0}


async def test_the_configuration_is_kept_and_all_replicas_follow(
    start: Start, ask: Asker, exchanges: FakeExchanges
) -> None:
    exchanges.market("kraken").tickers = {"BTC-USDT": ticker("BTC-USDT", 60_000.0, 60_000.0)}
    first, second = await start(exchanges, **PAPER), await start(exchanges, **PAPER)
    before = await ask(ORACLE_CONFIG, Nothing())
    assert (before.source, before.quote_token, before.quote_symbol) == ("paper", "USDT", "$")
    assert {"binance", "kraken", "paper"} <= set(before.available_sources)
    assert "paper_perpetual" not in before.available_sources

    changed = await ask(CONFIGURE_ORACLE, OracleChange(source="kraken"))
    assert (changed.source, changed.quote_token) == ("kraken", "USDT")
    changed = await ask(CONFIGURE_ORACLE, OracleChange(quote_token="eur", quote_symbol="€"))
    assert (changed.source, changed.quote_token, changed.quote_symbol) == ("kraken", "EUR", "€")
    for service in (first, second):
        await eventually(lambda: service._oracle.config.version == 2)  # noqa: B023
        assert service._oracle.config == changed
    # One that starts later, with whatever settings, has it too.
    third = await start(exchanges, **PAPER)
    assert third._oracle.config == msgspec.structs.replace(changed)
    found = await ask(GET_RATES, RatesFilter(("BTC-USDT",)))
    assert (found.source, found.quote_token, found.rates) == ("kraken", "EUR", {"BTC-USDT": 60_000.0})


@pytest.mark.parametrize("source", ["nowhere", "ndax", "paper_perpetual", "binance_paper_trade"])
async def test_sources_that_cannot_be(start: Start, ask: Asker, exchanges: FakeExchanges, source: str) -> None:
    await start(exchanges, **PAPER)
    error = await ask.refused(CONFIGURE_ORACLE, OracleChange(source=source))
    assert (error.code, error.detail) == (ErrorCode.REFUSED, why_no_source(source))
    assert (await ask(ORACLE_CONFIG, Nothing())).source == "paper"


async def test_a_stored_source_that_is_none_any_more(
    start: Start, ask: Asker, exchanges: FakeExchanges, values: dict[str, str]
) -> None:
    await store_by_another_version(values["DATABASE_URL"], "a_market_that_closed")
    service = await start(exchanges, **PAPER)
    assert service.health().ready
    config = await ask(ORACLE_CONFIG, Nothing())
    assert (config.source, config.quote_token, config.quote_symbol, config.version) == ("paper", "EUR", "€", 7)
    assert set(config.available_sources) == set(SOURCES)
    found = await ask(GET_RATES, RatesFilter(("BTC-USDT",)))
    assert (found.source, found.rates) == ("paper", {"BTC-USDT": 50_000.0})
    # Whoever changes something else stores a source that there is.
    assert (await ask(CONFIGURE_ORACLE, OracleChange(quote_token="USDC"))).source == "paper"
    later = await start(exchanges, RATE_ORACLE_SOURCE="kraken")
    assert (later._oracle.config.source, later._oracle.config.quote_token) == ("paper", "USDC")


async def store_by_another_version(url: str, source: str) -> None:
    """Store a configuration with a source that this version does not know."""
    connection = await asyncpg.connect(url)
    try:
        columns = "source, quote_token, quote_symbol, version"
        await connection.execute(f"INSERT INTO marketdata.rate_oracle ({columns}) VALUES ($1, 'EUR', '€', 7)", source)
    finally:
        await connection.close()


async def test_tickers(start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket) -> None:
    await start(exchanges, **PAPER)
    found = await ask(LIST_TICKERS, TickersFilter())
    assert (set(found.tickers), found.counts, found.errors) == ({"paper"}, {"paper": 4}, {})
    row = found.tickers["paper"]["BTC-USDT"]
    assert (row.price, row.base_volume, row.quote_volume, row.timestamp) == (50_000.0, 10.0, None, 1000.0)
    # From memory, unless somebody wants them anew.
    assert (await ask(LIST_TICKERS, TickersFilter(("paper",), max_age=60.0))).updated_at == found.updated_at
    assert len(market.asked) == 1
    anew = await ask(LIST_TICKERS, TickersFilter(("paper",), refresh=True))
    assert anew.updated_at["paper"] > found.updated_at["paper"]
    assert len(market.asked) == 2


async def test_tickers_of_which_some_fail(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    exchanges.market("kraken").failure = ExchangeDown("it is away")
    await start(exchanges, **PAPER, RATE_SOURCES="kraken, paper")
    found = await ask(LIST_TICKERS, TickersFilter())
    assert (set(found.tickers), set(found.errors)) == ({"paper"}, {"kraken"})
    assert "it is away" in found.errors["kraken"]
    found = await ask(LIST_TICKERS, TickersFilter(("paper", "ndax")))
    assert (set(found.tickers), set(found.errors)) == ({"paper"}, {"ndax"})
    market.failure = ExchangeDown("it is away")
    error = await ask.refused(LIST_TICKERS, TickersFilter(refresh=True))
    assert error.code == ErrorCode.UNAVAILABLE
    assert "'paper'" in error.detail
    assert "'kraken'" in error.detail
    exchanges.market("okx").failure = Refused("not today")
    error = await ask.refused(LIST_TICKERS, TickersFilter(("paper", "okx"), refresh=True))
    assert error.code == ErrorCode.UPSTREAM
    assert (await ask.refused(LIST_TICKERS, TickersFilter(("nowhere",)))).code == ErrorCode.NOT_FOUND
    assert (await ask.refused(LIST_TICKERS, TickersFilter(("ndax",)))).code == ErrorCode.REFUSED
    assert (await ask.refused(LIST_TICKERS, TickersFilter(("paper",), max_age=-1.0))).code == ErrorCode.INVALID


async def test_thousands_of_tickers_come_in_pieces(
    start: Start, ask: Asker, exchanges: FakeExchanges, market: FakeMarket
) -> None:
    market.tickers = {f"T{number}-USDT": ticker(f"T{number}-USDT") for number in range(20_000)}
    await start(exchanges, **PAPER)
    assert (await ask(LIST_TICKERS, TickersFilter())).counts == {"paper": 20_000}
    assert len((await ask(ORACLE_PRICES, Nothing())).prices) == 20_000


async def test_values_fall_back_to_the_source_and_leave_banned_tokens_out(
    start: Start, ask: Asker, exchanges: FakeExchanges
) -> None:
    exchanges.market("kraken").tickers = {"XYZ-USDT": ticker("XYZ-USDT", 2.0, 2.0), "NAV-USDT": ticker("NAV-USDT")}
    await start(exchanges, RATE_ORACLE_SOURCE="kraken")
    found = await ask(VALUE_TOKENS, Valuation("paper", ("BTC", "XYZ", "NAV", "NOPE", "USDT")))
    assert found.prices == {"BTC": 50_000.0, "XYZ": 2.0, "USDT": 1.0}


async def test_a_source_that_is_away_costs_other_values_nothing(
    start: Start, ask: Asker, exchanges: FakeExchanges
) -> None:
    exchanges.market("kraken").failure = ExchangeDown("it is away")
    await start(exchanges, RATE_ORACLE_SOURCE="kraken")
    found = await ask(VALUE_TOKENS, Valuation("paper", ("BTC", "NOPE")))
    assert found.prices == {"BTC": 50_000.0}
