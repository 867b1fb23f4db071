"""A real exchange that is killed, says nothing, or is in maintenance: what is known is told at once, with its age."""

import asyncio
import signal
import time
from typing import Any

import pytest

from services.marketdata import quote_board, shared_fetch, soonest
from services.marketdata.app import MarketdataService
from shared.contracts.declaration import AnyCommand
from shared.contracts.marketdata.books import GET_BOOK, BookFilter
from shared.contracts.marketdata.candles import RECENT_CANDLES, RecentCandles
from shared.contracts.marketdata.funding import GET_FUNDING, FundingRef
from shared.contracts.marketdata.rates import GET_RATES, VALUE_TOKENS, RatesFilter, Valuation
from shared.contracts.marketdata.rules import LIST_RULES, RulesFilter
from shared.contracts.marketdata.tickers import GET_PRICES, LIST_TICKERS, PricesFilter, TickersFilter
from shared.errors import ErrorCode
from tests.eventually import eventually
from tests.pace import within
from tests.services.marketdata.conftest import Asker, Serve
from tests.services.simulator.process import SimulatorProcess

NAME, BTC, OTHER = "paper_perpetual", "BTC-USDT", "ETH-USDT"
#: Seconds that somebody would wait here who waits for the exchange, and that all questions together may take.
WAITED, AT_ONCE = 25.0, 10.0

QUESTIONS: tuple[tuple[AnyCommand, Any], ...] = (
    (LIST_RULES, RulesFilter(NAME)),
    (GET_BOOK, BookFilter(NAME, BTC)),
    (GET_PRICES, PricesFilter(NAME, (BTC,))),
    (RECENT_CANDLES, RecentCandles(NAME, BTC, "1m", 5)),
    (GET_FUNDING, FundingRef(NAME, BTC)),
    (LIST_TICKERS, TickersFilter((NAME,))),
    (GET_RATES, RatesFilter((BTC,), NAME)),
    (VALUE_TOKENS, Valuation(NAME, ("BTC",))),
)
UNKNOWN: tuple[tuple[AnyCommand, Any], ...] = (
    (GET_BOOK, BookFilter(NAME, OTHER)),
    (GET_PRICES, PricesFilter(NAME, (OTHER,))),
    (RECENT_CANDLES, RecentCandles(NAME, OTHER, "1m", 5)),
    (GET_FUNDING, FundingRef(NAME, OTHER)),
    (LIST_TICKERS, TickersFilter((NAME,), refresh=True)),
    (GET_RATES, RatesFilter((BTC,), NAME, fresh=True)),
    (LIST_RULES, RulesFilter("paper")),
)


@pytest.fixture
async def service(serve: Serve) -> MarketdataService:
    """The service over the simulator; it notices a silent stream soon, and keeps what it knows for long."""
    return await serve(MARKET_DATA_STALE_AFTER="2", MARKET_DATA_MAX_AGE="600", RATE_ORACLE_MAX_AGE="600")


async def leave(simulator: SimulatorProcess, how: str) -> None:
    """Have the exchange go away."""
    if how == "killed":
        await simulator.kill()
    elif how == "silent":
        assert simulator.process is not None
        simulator.process.send_signal(signal.SIGSTOP)
    else:
        assert (await simulator.admin("POST", "/faults", {"kind": "maintenance"}))[0] in (200, 201)


async def come_back(simulator: SimulatorProcess, how: str) -> None:
    """Have it back."""
    if how == "killed":
        await simulator.start()
    elif how == "silent":
        assert simulator.process is not None
        simulator.process.send_signal(signal.SIGCONT)
    else:
        assert (await simulator.admin("DELETE", "/faults"))[0] in (200, 204)


def broken(service: MarketdataService) -> float:
    """Return how many streams are not there."""
    figures = dict(service.health().figures)
    return figures["streams_broken"] + figures["candle_streams_broken"]


@pytest.mark.parametrize("how", ["killed", "silent", "maintenance"])
async def test_what_is_known_is_told_at_once_and_nobody_waits_longer_than_he_said(
    service: MarketdataService, simulator: SimulatorProcess, ask: Asker, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(shared_fetch, "SLOW", 0.5)
    monkeypatch.setattr(quote_board, "AGE", 0.0)  # so that each question about all prices would have them asked for
    for command, request in QUESTIONS:
        await ask(command, request)
    feed = service._feeds.books[NAME, BTC]
    await eventually(lambda: feed.supply.live_since is not None)
    await leave(simulator, how)
    try:
        away_since = time.time()
        await eventually(lambda: broken(service) >= 4)
        for command, request in QUESTIONS:  # these find out
            await ask(command, request)

        for waited in ("WAIT", "GRACE"):
            monkeypatch.setattr(soonest, waited, WAITED)
        monkeypatch.setattr(quote_board, "WAIT", WAITED)
        began = time.monotonic()
        found = {command: await ask(command, request) for command, request in QUESTIONS}
        within(AT_ONCE, began)
        for command in (GET_BOOK, GET_PRICES, GET_FUNDING, VALUE_TOKENS, GET_RATES):
            assert 0 < found[command].timestamp <= away_since + 1, command
        assert found[LIST_TICKERS].updated_at[NAME] <= away_since + 1
        assert found[RECENT_CANDLES][-1].timestamp <= away_since + 1

        for command, request in UNKNOWN:
            began = time.monotonic()
            error = await ask.refused(command, request, timeout=3.0)
            within(AT_ONCE, began)
            assert error.code == ErrorCode.UNAVAILABLE, (command, error.detail)
            assert f"'{request.connector_names[0] if command is LIST_TICKERS else request.connector_name}'" in str(
                error
            )
    finally:
        await come_back(simulator, how)

    async def is_new() -> bool:
        await asyncio.sleep(0.05)
        book = await ask(GET_BOOK, BookFilter(NAME, BTC))
        return bool(book.timestamp > away_since + 1)

    await eventually(is_new, seconds=60)
