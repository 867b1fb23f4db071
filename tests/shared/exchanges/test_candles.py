"""Candles of exchanges: what each offers, their ten columns, and as they run."""

import time
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest

from shared.connectors.catalogue import CONNECTORS
from shared.contracts.marketdata.candles import CandleInterval
from shared.exchanges.candles import BinanceKline, candle_of, has_candles, update_of_binance
from shared.exchanges.errors import ExchangeDown, Refused
from shared.exchanges.interface import CandleOffer
from shared.exchanges.registry import Exchanges
from shared.exchanges.unanswered import Unanswered
from tests.shared.exchanges.conftest import PAIR
from tests.venue import SimulatedVenue

#: 3 March 2026, midnight UTC.
DAY = 1_772_496_000_000
PATHS = {"paper": "/api/v3/klines", "paper_perpetual": "/fapi/v1/klines"}


async def test_candles_have_all_columns_that_the_exchange_tells(
    exchanges: Exchanges, connector: str, venue: SimulatedVenue
) -> None:
    candles = await exchanges.market(connector).fetch_candles(PAIR, "5m", DAY, 7)

    query: dict[str, str | int] = {"symbol": "BTCUSDT", "interval": "5m", "startTime": DAY, "limit": 7}
    async with httpx.AsyncClient() as client:
        raw = (await client.get(venue.url + PATHS[connector], params=query)).json()
    assert len(candles) == len(raw) == 7
    for candle, row in zip(candles, raw, strict=True):
        told = [row[0] / 1000, *row[1:6], *row[7:11]]
        assert [getattr(candle, name) for name in candle.__struct_fields__] == [float(value) for value in told]


async def test_they_open_at_the_time_asked_for_or_later(exchanges: Exchanges, connector: str) -> None:
    candles = await exchanges.market(connector).fetch_candles(PAIR, "1m", DAY + 1, 5000)
    assert candles[0].timestamp == DAY / 1000 + 60
    assert len(candles) == exchanges.market(connector).candles().page == 1000
    assert all(later.timestamp - sooner.timestamp == 60 for sooner, later in pairwise(candles))


async def test_the_running_one_is_among_them(exchanges: Exchanges, connector: str) -> None:
    now = time.time()
    candles = await exchanges.market(connector).fetch_candles(PAIR, "1m", int(now * 1000) - 300_000, 100)
    assert now - 62 < candles[-1].timestamp <= time.time()  # a candle comes with its first trade
    assert await exchanges.market(connector).fetch_candles(PAIR, "1m", int(now * 1000) + 600_000, 10) == ()


async def test_the_first_ones_are_found_however_far(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    assert market.candles().finds_next
    assert (await market.fetch_candles(PAIR, "1m", 0, 1))[0].timestamp > 0


async def test_they_are_followed(exchanges: Exchanges, connector: str) -> None:
    market = exchanges.market(connector)
    interval = "1s" if connector == "paper" else "1m"
    ended = []
    seen = 0
    async with aclosing(market.watch_candles(PAIR, interval)) as updates:  # type: ignore[type-var]
        async for update in updates:
            seen += 1
            assert time.time() - 65 < update.candle.timestamp <= time.time()
            if update.closed:
                ended.append(update.candle)
            if (len(ended) if connector == "paper" else seen) == 3:
                break
    if ended:
        asked = await market.fetch_candles(PAIR, interval, int(ended[0].timestamp * 1000), 3)
        assert list(asked) == ended


async def test_a_pair_that_is_not_there(exchanges: Exchanges, connector: str) -> None:
    with pytest.raises(Refused, match="NO-SUCH"):
        await exchanges.market(connector).fetch_candles("NO-SUCH", "1m", 0, 1)


async def test_an_exchange_that_fails(exchanges: Exchanges, connector: str, venue: SimulatedVenue) -> None:
    market = exchanges.market(connector)
    await market.rules()
    venue.fault("server_error", path=PATHS[connector])
    with pytest.raises(ExchangeDown):
        await market.fetch_candles(PAIR, "1m", DAY, 5)


def test_what_each_connector_offers() -> None:
    exchanges = Exchanges({"paper": "http://127.0.0.1:1", "paper_perpetual": "http://127.0.0.1:1"})
    known = [str(interval) for interval in CandleInterval]
    for name, connector in CONNECTORS.items():
        if connector.ccxt_id is None or connector.ccxt_type is None or not connector.trades:
            assert not has_candles(connector), name
            continue
        offer = exchanges.market(name).candles()
        if not has_candles(connector):
            assert offer == CandleOffer(), name
            continue
        assert {"1m", "1h", "1d"} <= set(offer.intervals), name
        assert list(offer.intervals) == [one for one in known if one in offer.intervals]
        assert 100 <= offer.page <= 5000, name
        assert offer.finds_next == (connector.ccxt_id == "binance")
    assert "1s" in exchanges.market("binance").candles().intervals
    assert "1s" not in exchanges.market("binance_perpetual").candles().intervals
    assert exchanges.market("binance_perpetual_testnet").candles().intervals
    assert not exchanges.market("gemini").candles().intervals


ROW = [DAY, "10", "12", "9", "11", "5"]


@pytest.mark.parametrize(
    "row",
    [
        [],
        [DAY, "10", "12"],
        [DAY, "10", "9", "9", "11", "5"],  # closes above the highest
        [DAY, "10", "12", "10.5", "11", "5"],  # opens below the lowest
        [DAY, "nan", "12", "9", "11", "5"],
        [DAY, "10", "inf", "9", "11", "5"],
        [DAY, "10", "12", "9", "11", "-5"],
        [-60_000, "10", "12", "9", "11", "5"],
        ["soon", "10", "12", "9", "11", "5"],
        [DAY, None, "12", "9", "11", "5"],
    ],
)
def test_what_is_no_candle_is_not_taken_for_one(row: list[Any]) -> None:
    with pytest.raises((Unanswered, ValueError, TypeError, IndexError)):
        candle_of(row)


def test_rows_of_ccxt_and_klines_of_streams() -> None:
    candle = candle_of(ROW)
    assert (candle.timestamp, candle.open, candle.high, candle.low, candle.close) == (DAY / 1000, 10, 12, 9, 11)
    assert (candle.volume, candle.quote_asset_volume, candle.n_trades) == (5, 0, 0)
    assert candle_of([*ROW[:5], None]).volume == 0
    told = {"t": DAY, "o": "10", "c": "11", "h": "12", "l": "9", "v": "5", "n": 3, "x": True, "q": "55"}
    update = update_of_binance(msgspec.convert({**told, "V": "2", "Q": "22"}, BinanceKline))
    assert update.closed
    assert update.candle.n_trades == 3
    assert update.candle.taker_buy_quote_volume == 22
