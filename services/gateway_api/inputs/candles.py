"""What callers may ask of candles: the last ones of a pair, or those of a time; also of several pairs, as guides do."""

import time
from typing import Annotated

import msgspec

from services.gateway_api.errors import HttpError
from services.gateway_api.inputs import fields, schema
from services.gateway_api.inputs.fields import Listed, UnixTime
from shared.contracts.marketdata.candles import CandleInterval, CandleRange, RecentCandles
from shared.contracts.marketdata.feeds import FeedKind, FeedRef
from shared.names import Name

DEFAULT_INTERVAL = "1m"
DEFAULT_RECORDS = 500
#: Candles that a live feed holds at most; who asks for more gets these.
MOST_RECORDS = 5000
#: Feeds that one request starts, and lists of candles that one answer holds.
MOST_FEEDS = 100
MOST_LISTS = 20

_LONGEST_INTERVAL = 8
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_419_200}

_WHICH = {
    "connector_name": schema.name("The connector whose candles these are."),
    "trading_pair": schema.optional_text(fields.PAIR_PATTERN, "A trading pair, as `BTC-USDT`."),
    "interval": schema.optional_text(
        rf"^.{{1,{_LONGEST_INTERVAL}}}$", f"How long a candle lasts: {', '.join(CandleInterval)}. 400 for another."
    ),
    "trading_pairs": schema.pair_list("Several pairs, where `trading_pair` is left out."),
    "intervals": schema.text_list("Several intervals, where `interval` is left out."),
}
CANDLES_SCHEMA = schema.body_schema(
    {
        **_WHICH,
        "max_records": schema.count(
            None, DEFAULT_RECORDS, f"The most candles; of more than {MOST_RECORDS} the last {MOST_RECORDS} are given."
        ),
    },
    required=("connector_name",),
)
HISTORY_SCHEMA = schema.body_schema(
    {
        **_WHICH,
        "start_time": schema.time(
            "Opening time of the first candle, in Unix seconds or milliseconds; else 500 intervals before the end."
        ),
        "end_time": schema.time("Opening time of the last candle; now when left out."),
    },
    required=("connector_name",),
)


class CandlesBody(msgspec.Struct, frozen=True):
    """Which last candles, as callers write it."""

    connector_name: Name
    trading_pair: str | None = None
    interval: str | None = None
    max_records: Annotated[int, msgspec.Meta(ge=1)] | Annotated[float, msgspec.Meta(ge=1)] | None = None
    trading_pairs: Listed = None
    intervals: Listed = None

    def command(self) -> RecentCandles | tuple[FeedRef, ...]:
        """Return the candles that are asked for or, in the form of several pairs, the feeds that are to run.

        Raises:
            HttpError: 422 with the field that does not fit, 400 for what is no interval.
        """
        pairs, intervals = _pairs(self.trading_pair, self.trading_pairs), _intervals(self.interval, self.intervals)
        if self.trading_pair is None:
            _check_count(len(pairs) * len(intervals), MOST_FEEDS)
            return tuple(
                FeedRef(FeedKind.CANDLES, self.connector_name, pair, interval)
                for pair in pairs
                for interval in intervals
            )
        records = fields.whole(self.max_records, DEFAULT_RECORDS, "max_records")
        return RecentCandles(self.connector_name, pairs[0], intervals[0], min(records, MOST_RECORDS))


class HistoryBody(msgspec.Struct, frozen=True):
    """Which candles of the past, as callers write it."""

    connector_name: Name
    trading_pair: str | None = None
    interval: str | None = None
    start_time: UnixTime = None
    end_time: UnixTime = None
    trading_pairs: Listed = None
    intervals: Listed = None

    def ranges(self) -> tuple[CandleRange, ...]:
        """Return what the market data are asked, pair by pair; times that are left out count from now.

        Raises:
            HttpError: 422 with the field that does not fit, 400 for what is no interval.
        """
        pairs, intervals = _pairs(self.trading_pair, self.trading_pairs), _intervals(self.interval, self.intervals)
        _check_count(len(pairs) * len(intervals), MOST_LISTS)
        end = _seconds(self.end_time, "end_time")
        until = time.time() if end is None else end
        start = _seconds(self.start_time, "start_time")
        return tuple(
            CandleRange(
                self.connector_name,
                pair,
                interval,
                max(0.0, until - DEFAULT_RECORDS * interval_seconds(interval)) if start is None else start,
                until,
            )
            for pair in pairs
            for interval in intervals
        )


def _pairs(one: str | None, several: Listed) -> tuple[str, ...]:
    if one is not None:
        return (fields.pair(one, "trading_pair"),)
    found = fields.pairs(several, "trading_pairs")
    if found is None:
        raise fields.fault("trading_pair", "Field required", "missing")
    return found


def _intervals(one: str | None, several: Listed) -> tuple[str, ...]:
    found: tuple[str, ...] = (DEFAULT_INTERVAL,) if one is None else (one,)
    if one is None and several:
        found = tuple(dict.fromkeys(several.split(",") if isinstance(several, str) else several))
    if any(not 0 < len(interval) <= _LONGEST_INTERVAL for interval in found):
        raise HttpError(400, f"Expected an interval of {', '.join(CandleInterval)}")
    return found


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise fields.fault("trading_pairs", f"Expected at most {most} pairs times intervals", "length_error")


def _seconds(value: UnixTime, name: str) -> float | None:
    moment = fields.time_of(value, name)
    return None if moment is None else moment.timestamp()


def interval_seconds(interval: str) -> int:
    """Return the seconds that an interval lasts; whether there is such an interval is for the service to say."""
    number, unit = interval[:-1], interval[-1]
    return _UNITS.get(unit, 60) * (int(number) if number.isascii() and number.isdigit() else 1)
