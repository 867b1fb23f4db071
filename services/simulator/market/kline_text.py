"""Candles as Binance's JSON, thousands at once: digits are looked up in columns instead of formatted one by one."""

import numpy as np
from numpy.typing import NDArray

from services.simulator.market.candles import Candles, Ints

Bytes = NDArray[np.uint8]

#: The four digits of each number below 10,000, as one word of four characters.
_DIGITS = np.frombuffer("".join(f"{number:04d}" for number in range(10_000)).encode(), np.uint32)
_POWERS = np.array([10**power for power in range(19)])
#: What stands in place of a leading zero until the text is put together.
_HIDDEN = b"\0"


def kline_rows(
    candles: Candles, close_times: Ints, price_decimals: int, quantity_decimals: int, *, least_decimals: int
) -> bytes:
    """Return the candles as JSON arrays in Binance's order of fields, a comma between them, without outer brackets.

    Args:
        candles: any number of candles.
        close_times: of each candle, in ms.
        price_decimals: a tick is 10 to the power of minus this.
        quantity_decimals: a step is 10 to the power of minus this.
        least_decimals: zeros are added to have as many: 8 on the spot market, 0 on the futures market.
    """
    quote_decimals = price_decimals + quantity_decimals
    columns = (
        (candles.open_time, None),
        (candles.open, price_decimals),
        (candles.high, price_decimals),
        (candles.low, price_decimals),
        (candles.close, price_decimals),
        (candles.volume, quantity_decimals),
        (close_times, None),
        (candles.quote_volume, quote_decimals),
        (candles.trades, None),
        (candles.taker_buy_volume, quantity_decimals),
        (candles.taker_buy_quote_volume, quote_decimals),
    )
    if not len(candles):
        return b""
    fields: list[bytes | Bytes] = []
    text = b"["
    for values, decimals in columns:
        if decimals is None:
            fields += [text, _digits(values, 1)]
            text = b","
        else:
            digits = _digits(values, decimals + 1)
            point = digits.shape[1] - decimals
            fields += [text + b'"', digits[:, :point]]
            if max(decimals, least_decimals):
                fields += [b".", digits[:, point:]]
            text = b"0" * (least_decimals - decimals) + b'",'
    fields.append(text + b'"0"],')
    return _joined(fields, len(candles))[:-1]


def _joined(fields: list[bytes | Bytes], count: int) -> bytes:
    """Return `count` rows of `fields`, of which those that are bytes are the same in each row."""
    width = sum(len(field) if isinstance(field, bytes) else field.shape[1] for field in fields)
    characters = np.empty((count, width), dtype=np.uint8)
    begin = 0
    for field in fields:
        columns = np.frombuffer(field, np.uint8) if isinstance(field, bytes) else field
        end = begin + columns.shape[-1]
        characters[:, begin:end] = columns
        begin = end
    return characters.tobytes().translate(None, _HIDDEN)


def _digits(values: Ints, least: int) -> Bytes:
    """Return the digits of `values` (>= 0), a row each; leading zeros beyond the last `least` digits are hidden."""
    lowest, highest = int(values.min()), int(values.max())
    width = max(least, len(str(highest)))
    groups = -(-width // 4)
    words = np.empty((len(values), groups), dtype=np.uint32)
    rest = values
    for group in range(groups - 1, -1, -1):
        higher = rest // 10_000
        words[:, group] = _DIGITS[rest - higher * 10_000]
        rest = higher
    digits = words.view(np.uint8)[:, groups * 4 - width :]
    shown = max(least, len(str(lowest)))
    if shown < width:
        leading = digits[:, : width - shown]
        leading *= values[:, np.newaxis] >= _POWERS[width - 1 : shown - 1 : -1]
    return digits
