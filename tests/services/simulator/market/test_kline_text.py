import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.market.candles import COLUMNS, Candles, no_candles
from services.simulator.market.kline_text import kline_rows

ints = st.one_of(st.integers(0, 12), st.integers(0, 2**63 - 1), st.integers(0, 10**9))
rows = st.lists(st.lists(ints, min_size=11, max_size=11), min_size=1, max_size=30)


def plain(value: int, decimals: int, least: int) -> str:
    return f"{Decimal(value).scaleb(-decimals):.{max(decimals, least)}f}"


@given(
    rows=rows,
    decimals=st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda both: sum(both) <= 8),
    least=st.sampled_from([0, 8]),
)
def test_candles_are_written_as_binance_writes_them(
    rows: list[list[int]], decimals: tuple[int, int], least: int
) -> None:
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    candles = Candles(*columns[: len(COLUMNS)])
    price, quantity = decimals
    expected = [
        [
            row[0],
            *(plain(value, price, least) for value in row[1:5]),
            plain(row[5], quantity, least),
            row[10],
            plain(row[6], price + quantity, least),
            row[7],
            plain(row[8], quantity, least),
            plain(row[9], price + quantity, least),
            "0",
        ]
        for row in rows
    ]
    text = kline_rows(candles, columns[10], price, quantity, least_decimals=least)
    assert text == json.dumps(expected, separators=(",", ":")).encode()[1:-1]


@pytest.mark.parametrize("least", [0, 8])
def test_no_candles_are_no_text(least: int) -> None:
    assert kline_rows(no_candles(), np.empty(0, dtype=np.int64), 2, 5, least_decimals=least) == b""
