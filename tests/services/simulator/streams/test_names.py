"""Stream names, by table."""

import pytest

from services.simulator.streams.names import Feed, is_well_formed, parse
from services.simulator.venue import Venue

SYMBOLS = {"BTCUSDT"}


@pytest.mark.parametrize(
    ("venue", "name", "feed", "period"),
    [
        ("spot", "btcusdt@depth", Feed.DIFF_DEPTH, 1000),
        ("spot", "btcusdt@depth@100ms", Feed.DIFF_DEPTH, 100),
        ("spot", "btcusdt@depth20@100ms", Feed.PARTIAL_DEPTH, 100),
        ("spot", "btcusdt@kline_1s", Feed.KLINE, 1000),
        ("spot", "btcusdt@kline_1M", Feed.KLINE, 2000),
        ("spot", "!ticker_1h@arr", Feed.WINDOW_TICKER, 1000),
        ("spot", "btcusdt@ticker_4h", Feed.WINDOW_TICKER, 1000),
        ("spot", "btcusdt@avgPrice", Feed.AVERAGE_PRICE, 1000),
        ("spot", "!miniTicker@arr", Feed.MINI_TICKER, 1000),
        ("usdm", "btcusdt@depth", Feed.DIFF_DEPTH, 250),
        ("usdm", "btcusdt@depth@500ms", Feed.DIFF_DEPTH, 500),
        ("usdm", "btcusdt@depth5", Feed.PARTIAL_DEPTH, 250),
        ("usdm", "btcusdt@markPrice", Feed.MARK_PRICE, 3000),
        ("usdm", "!markPrice@arr@1s", Feed.MARK_PRICE, 1000),
        ("usdm", "btcusdt_perpetual@continuousKline_5m", Feed.CONTINUOUS_KLINE, 250),
        ("usdm", "!forceOrder@arr", Feed.SILENT, 0),
        ("usdm", "!bookTicker", Feed.BOOK_TICKER, 5000),
    ],
)
def test_a_name_is_understood(venue: Venue, name: str, feed: Feed, period: int) -> None:
    stream = parse(venue, name, SYMBOLS)
    assert stream is not None
    assert (stream.feed, stream.period, stream.name) == (feed, period, name)
    assert stream.symbol == ("" if name.startswith("!") else "BTCUSDT")


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        ("spot", "BTCUSDT@depth"),
        ("spot", "ethusdt@depth"),
        ("spot", "btcusdt"),
        ("spot", "btcusdt@depth7"),
        ("spot", "btcusdt@depth@250ms"),
        ("spot", "btcusdt@kline_7m"),
        ("spot", "btcusdt@markPrice"),
        ("spot", "!bookTicker"),
        ("usdm", "btcusdt@kline_1s"),
        ("usdm", "btcusdt@avgPrice"),
        ("usdm", "btcusdt@depth@1000ms"),
        ("usdm", "btcusdt_current_quarter@continuousKline_5m"),
        ("usdm", "0"),
    ],
)
def test_what_does_not_exist_is_no_stream(venue: Venue, name: str) -> None:
    assert parse(venue, name, SYMBOLS) is None


@pytest.mark.parametrize(
    ("name", "is_one"), [("btcusdt@depth", True), ("x" * 129, False), ("a b", False), ('"', False)]
)
def test_a_name_has_a_form(name: str, is_one: bool) -> None:
    assert is_well_formed(name) is is_one
