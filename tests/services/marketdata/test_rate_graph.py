"""Rates between tokens: by a pair, the other way round, over others, and which prices are too old."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.rate_graph import RateGraph
from services.marketdata.rates import Quote


def graph(at: float = 100.0, **prices: float) -> RateGraph:
    """Return the ways of pairs, written with an underscore."""
    return RateGraph({pair.replace("_", "-"): Quote(price, at) for pair, price in prices.items()})


@pytest.mark.parametrize(
    ("base", "quote", "rate"),
    [
        ("BTC", "USDT", 50_000.0),
        ("USDT", "BTC", 1 / 50_000),
        ("ETH", "USDT", 2_500.0),  # over BTC
        ("USDT", "ETH", 1 / 2_500),
        ("ABC", "USDT", 3.0 * 0.5 * 12.0),  # over EUR and BNB: two others
        ("BTC", "BTC", 1.0),
        ("btc", "usdt", 50_000.0),
        ("BTC", "USD", 50_000.0),  # a dollar of whichever kind
        ("USD", "USDT", 1.0),
    ],
)
def test_ways(base: str, quote: str, rate: float) -> None:
    ways = graph(BTC_USDT=50_000.0, ETH_BTC=0.05, ABC_EUR=3.0, EUR_BNB=0.5, BNB_USDT=12.0)
    found = ways.rate(base, quote, 0.0)
    assert found is not None
    assert found.rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("base", "quote"), [("ABC", "USDT"), ("NOPE", "USDT"), ("USDT", "NOPE"), ("BTC", "USDC"), ("", "USDT"), ("BTC", "")]
)
def test_no_way(base: str, quote: str) -> None:
    # ABC leads nowhere but over three others.
    ways = graph(BTC_USDT=50_000.0, ABC_DEF=1.0, DEF_GHI=1.0, GHI_BTC=1.0)
    assert ways.rate(base, quote, 0.0) is None


def test_a_pair_counts_before_others_and_the_dollar_before_the_rest() -> None:
    ways = graph(ETH_USDT=2_600.0, ETH_BTC=0.05, BTC_USDT=50_000.0)
    direct = ways.rate("ETH", "USDT", 0.0)
    assert direct is not None
    assert direct.rate == 2_600.0
    over = graph(XYZ_USDT=2.0, USDT_TRY=40.0, XYZ_AAA=1.0, AAA_TRY=1.0).rate("XYZ", "TRY", 0.0)
    assert over is not None
    assert over.rate == 80.0


def test_an_old_price_is_used_only_where_there_is_no_other_way() -> None:
    ways = RateGraph({"ETH-USDT": Quote(1.0, 10.0), "ETH-BTC": Quote(0.05, 100.0), "BTC-USDT": Quote(50_000.0, 90.0)})
    fresh = ways.rate("ETH", "USDT", 50.0)
    assert fresh is not None
    assert (fresh.rate, fresh.timestamp) == (2_500.0, 90.0)
    old = ways.rate("ETH", "USDT", 95.0)
    assert old is not None
    assert old.timestamp == 10.0


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf, 1e-320])
def test_impossible_prices_are_no_way(price: float) -> None:
    assert graph(BTC_USDT=price).rate("BTC", "USDT", 0.0) is None


_TOKENS = st.sampled_from(["A", "B", "BTC", "ETH", "USDT", "USDC", "EUR"])


@given(st.dictionaries(st.tuples(_TOKENS, _TOKENS), st.floats(1e-6, 1e6), max_size=12), _TOKENS, _TOKENS)
def test_there_and_back_is_nothing_gained(prices: dict[tuple[str, str], float], base: str, quote: str) -> None:
    # One price for each two tokens: with a market each way round the two ways would differ.
    one_way = {"-".join(sorted(pair)): Quote(price, 1.0) for pair, price in prices.items()}
    ways = RateGraph(one_way)
    there, back = ways.rate(base, quote, 0.0), ways.rate(quote, base, 0.0)
    assert (there is None) == (back is None)
    direct = "-".join(sorted((base, quote))) in one_way
    if there is not None and back is not None and direct:
        assert there.rate * back.rate == pytest.approx(1.0)
