"""Candles of exchanges: which there are to be had, asking for them, reading them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from shared.connectors.catalogue import CONNECTORS, Connector
from shared.contracts.marketdata.candles import Candle, CandleInterval
from shared.exchanges.interface import CandleOffer, CandleUpdate
from shared.exchanges.unanswered import Unanswered

#: What Binance gives at most in one answer for spot, and for 5 of its weights for futures, which give 1,500 for 10.
#: Source: "Kline/Candlestick data" of its spot and USD-M documentation.
_BINANCE_PAGE = 1000
#: Where ccxt does not say what an exchange gives at most. One that gives less is asked again for the rest.
_USUAL_PAGE = 100
#: No price or volume is so much.
_TOO_MUCH = 1e300


def offer_of(connector: Connector, client: Any) -> CandleOffer:
    """Return what there is to be had of a connector, by ccxt's object of its exchange."""
    if not has_candles(connector) or not client.has.get("fetchOHLCV"):
        return CandleOffer()
    known = {str(interval) for interval in CandleInterval} & set(client.timeframes or ())
    if connector.ccxt_id == "binance":
        if connector.ccxt_type != "spot":
            known.discard(CandleInterval.S1)  # ccxt lists it for all of Binance
        page = _BINANCE_PAGE
    else:
        page = _page_of(client, connector.ccxt_type)
    intervals = tuple(str(interval) for interval in CandleInterval if str(interval) in known)
    return CandleOffer(intervals, page, finds_next=connector.ccxt_id == "binance")


def has_candles(connector: Connector) -> bool:
    """Return whether candles of a connector can be had here; a testnet has those that its exchange has."""
    if not connector.trades or connector.ccxt_id is None:
        return False  # also the paper trading inside bots, which is none of ours
    of_exchange = CONNECTORS.get(connector.parent or "", connector)
    return bool(connector.candle_intervals or of_exchange.candle_intervals)


def _page_of(client: Any, kind: str | None) -> int:
    features: Any = getattr(client, "features", None) or {}
    of_kind = features.get(kind) or {}
    if kind == "swap":
        of_kind = of_kind.get("linear") or {}
    limit = (of_kind.get("fetchOHLCV") or {}).get("limit")
    return int(limit) if limit else _USUAL_PAGE


async def asked_candles(
    client: Any, connector: Connector, symbol: str, interval: str, *, since_ms: int, limit: int
) -> tuple[Candle, ...]:
    """Ask for candles; in Binance's own form, as ccxt keeps six of its ten columns."""
    if connector.ccxt_id == "binance":
        ask = client.publicGetKlines if connector.ccxt_type == "spot" else client.fapiPublicGetKlines
        wanted = {"symbol": client.market(symbol)["id"], "interval": interval, "startTime": since_ms, "limit": limit}
        return _in_order(tuple(_of_binance(row) for row in _rows(await ask(wanted))))
    rows = _rows(await client.fetch_ohlcv(symbol, interval, since_ms, limit))
    found = {candle.timestamp: candle for candle in map(candle_of, rows)}
    return tuple(found[at] for at in sorted(found))


def _rows(answer: object) -> list[Any]:
    if not isinstance(answer, list):
        raise Unanswered("its candles could not be read")
    return answer


def _in_order(candles: tuple[Candle, ...]) -> tuple[Candle, ...]:
    if any(later.timestamp <= sooner.timestamp for sooner, later in pairwise(candles)):
        raise Unanswered("its candles are not in order")
    return candles


def _of_binance(row: Sequence[Any]) -> Candle:
    """Read a kline: open time, four prices, volume, close time, quote volume, trades, taker's volumes, nothing."""
    return _checked(
        int(row[0]),
        (*map(float, row[1:6]), float(row[7]), float(row[8]), float(row[9]), float(row[10])),
    )


class BinanceKline(msgspec.Struct, frozen=True):
    """The candle in a message of Binance's kline streams."""

    opened_ms: int = msgspec.field(name="t")
    open: str = msgspec.field(name="o")
    high: str = msgspec.field(name="h")
    low: str = msgspec.field(name="l")
    close: str = msgspec.field(name="c")
    volume: str = msgspec.field(name="v")
    quote_volume: str = msgspec.field(name="q")
    trades: int = msgspec.field(name="n")
    taker_volume: str = msgspec.field(name="V")
    taker_quote_volume: str = msgspec.field(name="Q")
    is_over: bool = msgspec.field(name="x")


def update_of_binance(kline: BinanceKline) -> CandleUpdate:
    """Return what a message says of a candle.

    Raises:
        Unanswered, ValueError: if that is none.
    """
    texts = (
        kline.open, kline.high, kline.low, kline.close, kline.volume, kline.quote_volume, kline.trades,
        kline.taker_volume, kline.taker_quote_volume,
    )  # fmt: skip
    return CandleUpdate(_checked(kline.opened_ms, tuple(float(text) for text in texts)), closed=kline.is_over)


def candle_of(row: Sequence[Any]) -> Candle:
    """Read a row of ccxt's: open time in ms, four prices, volume, as the exchange counts it."""
    return _checked(int(row[0]), (*map(float, row[1:5]), float(row[5] or 0), 0.0, 0.0, 0.0, 0.0))


def _checked(opened_ms: int, values: tuple[float, ...]) -> Candle:
    """Return a candle.

    Raises:
        Unanswered: if it cannot be: an exchange's rubbish must not be stored as a candle.
    """
    opened, high, low, close = values[:4]
    # No comparison holds for what is no number.
    sound = sum(values) < _TOO_MUCH and min(values) >= 0 and low <= opened <= high and low <= close <= high
    if not sound or opened_ms < 0:
        raise Unanswered("its candles could not be read")
    return Candle(opened_ms / 1000, *values)
