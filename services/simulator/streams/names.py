"""The names of market streams, e.g. `btcusdt@depth@100ms`: what each one asks for.

Sources: `web-socket-streams.md` of Binance's spot documentation and "Websocket Market Streams" of the USD-M futures
documentation, with the update speeds that they give. Futures' `@trade` is not documented but served, and used by ccxt.
"""

import re
from collections.abc import Container, Mapping
from enum import StrEnum

import msgspec

from services.simulator.market.intervals import DAY, HOUR, INTERVALS
from services.simulator.venue import Venue


class Feed(StrEnum):
    DIFF_DEPTH = "diff depth"
    PARTIAL_DEPTH = "partial depth"
    BOOK_TICKER = "book ticker"
    TRADE = "trade"
    AGGREGATE_TRADE = "aggregate trade"
    KLINE = "kline"
    CONTINUOUS_KLINE = "continuous kline"
    TICKER = "ticker"
    MINI_TICKER = "mini ticker"
    WINDOW_TICKER = "window ticker"
    AVERAGE_PRICE = "average price"
    MARK_PRICE = "mark price"
    SILENT = "silent"


class Stream(msgspec.Struct, frozen=True):
    """A stream that can be subscribed to.

    `symbol` is empty for one of all symbols. `period` is the time between updates in ms, 0 in real time. `levels` is
    of partial depth, `interval` of klines and window tickers.
    """

    venue: Venue
    name: str
    feed: Feed
    symbol: str = ""
    period: int = 0
    levels: int = 0
    interval: str = ""


#: Of more symbols than this, a stream of all symbols has none quoted: it tells of those that somebody looks at, which
#: are the ones that change, and of the others in turn.
MOST_WATCHED = 20
#: Lengths of the rolling windows of tickers, in ms.
WINDOWS = {"1h": HOUR, "4h": 4 * HOUR, "1d": DAY}

_SECOND = 1000
_DEPTH = re.compile(r"depth(5|10|20)?(?:@([0-9]+)ms)?")
#: By venue: the speed without and those with a suffix.
_DEPTH_SPEEDS = {"spot": (1000, (100, 1000)), "usdm": (250, (100, 250, 500))}
_WINDOW = re.compile(r"ticker_(1h|4h|1d)")
_OF_ONE: Mapping[Venue, Mapping[str, tuple[Feed, int]]] = {
    "spot": {
        "trade": (Feed.TRADE, 0),
        "aggTrade": (Feed.AGGREGATE_TRADE, 0),
        "bookTicker": (Feed.BOOK_TICKER, 0),
        "ticker": (Feed.TICKER, _SECOND),
        "miniTicker": (Feed.MINI_TICKER, _SECOND),
        "avgPrice": (Feed.AVERAGE_PRICE, _SECOND),
    },
    "usdm": {
        "trade": (Feed.TRADE, 0),
        "aggTrade": (Feed.AGGREGATE_TRADE, 0),
        "bookTicker": (Feed.BOOK_TICKER, 0),
        "ticker": (Feed.TICKER, 2 * _SECOND),
        "miniTicker": (Feed.MINI_TICKER, 2 * _SECOND),
        "markPrice": (Feed.MARK_PRICE, 3 * _SECOND),
        "markPrice@1s": (Feed.MARK_PRICE, _SECOND),
        "forceOrder": (Feed.SILENT, 0),
    },
}
_OF_ALL: Mapping[Venue, Mapping[str, tuple[Feed, int]]] = {
    "spot": {"!ticker@arr": (Feed.TICKER, _SECOND), "!miniTicker@arr": (Feed.MINI_TICKER, _SECOND)},
    "usdm": {
        "!ticker@arr": (Feed.TICKER, _SECOND),
        "!miniTicker@arr": (Feed.MINI_TICKER, _SECOND),
        "!bookTicker": (Feed.BOOK_TICKER, 5 * _SECOND),
        "!markPrice@arr": (Feed.MARK_PRICE, 3 * _SECOND),
        "!markPrice@arr@1s": (Feed.MARK_PRICE, _SECOND),
        "!forceOrder@arr": (Feed.SILENT, 0),
    },
}


def is_well_formed(name: str) -> bool:
    """Return whether a text could be the name of a stream, of one that does not exist perhaps."""
    return _is_well_formed(name) is not None


_is_well_formed = re.compile(r"[A-Za-z0-9!@_.:+-]{1,128}").fullmatch


def parse(venue: Venue, name: str, symbols: Container[str]) -> Stream | None:
    """Return the stream of that name, None if there is none. `symbols` are the venue's, in capitals."""
    if name.startswith("!"):
        return _of_all(venue, name)
    symbol, _, what = name.partition("@")
    if symbol != symbol.lower():
        return None
    if venue == "usdm" and what.startswith("continuousKline_"):
        return _continuous(name, symbol, what, symbols)
    symbol = symbol.upper()
    if not what or symbol not in symbols:
        return None
    return _simple(venue, name, symbol, what) or _depth(venue, name, symbol, what) or _kline(venue, name, symbol, what)


def _of_all(venue: Venue, name: str) -> Stream | None:
    what, _, suffix = name[1:].partition("@")
    if (window := _WINDOW.fullmatch(what)) and venue == "spot" and suffix == "arr":
        return Stream(venue, name, Feed.WINDOW_TICKER, period=_SECOND, interval=window[1])
    found = _OF_ALL[venue].get(name)
    return None if found is None else Stream(venue, name, found[0], period=found[1])


def _simple(venue: Venue, name: str, symbol: str, what: str) -> Stream | None:
    if (window := _WINDOW.fullmatch(what)) and venue == "spot":
        return Stream(venue, name, Feed.WINDOW_TICKER, symbol, _SECOND, interval=window[1])
    found = _OF_ONE[venue].get(what)
    return None if found is None else Stream(venue, name, found[0], symbol, found[1])


def _depth(venue: Venue, name: str, symbol: str, what: str) -> Stream | None:
    found = _DEPTH.fullmatch(what)
    if found is None:
        return None
    usual, others = _DEPTH_SPEEDS[venue]
    period = int(found[2]) if found[2] else usual
    if found[2] and period not in others:
        return None
    if found[1]:
        return Stream(venue, name, Feed.PARTIAL_DEPTH, symbol, period, levels=int(found[1]))
    return Stream(venue, name, Feed.DIFF_DEPTH, symbol, period)


def _kline_period(venue: Venue, interval: str) -> int | None:
    if interval not in INTERVALS or (venue == "usdm" and interval == "1s"):
        return None
    if venue == "usdm":
        return 250
    return _SECOND if interval == "1s" else 2 * _SECOND


def _kline(venue: Venue, name: str, symbol: str, what: str) -> Stream | None:
    kind, _, interval = what.partition("_")
    period = _kline_period(venue, interval)
    if kind != "kline" or period is None:
        return None
    return Stream(venue, name, Feed.KLINE, symbol, period, interval=interval)


def _continuous(name: str, pair: str, what: str, symbols: Container[str]) -> Stream | None:
    symbol, _, contract = pair.partition("_")
    interval = what.partition("_")[2]
    period = _kline_period("usdm", interval)
    if contract != "perpetual" or symbol.upper() not in symbols or period is None:
        return None
    return Stream("usdm", name, Feed.CONTINUOUS_KLINE, symbol.upper(), period, interval=interval)
