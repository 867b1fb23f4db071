"""What tokens are worth: by table, and what holds whatever the prices are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.rates import Quote, is_dollar, token_values


def quotes(**prices: float) -> dict[str, Quote]:
    """Return quotes of pairs, `BTC_USDT=…`, each with a time of its own."""
    return {name.replace("_", "-"): Quote(price, 100.0 + at) for at, (name, price) in enumerate(prices.items())}


@pytest.mark.parametrize(
    ("token", "quote", "prices", "worth"),
    [
        ("BTC", "USD", {"BTC_USDT": 50000.0}, 50000.0),
        ("BTC", "USDC", {"BTC_USDT": 50000.0}, 50000.0),
        ("USDT", "USD", {}, 1.0),
        ("FDUSD", "USDT", {}, 1.0),
        ("pyusd", "USD", {}, 1.0),
        # Of several dollars the first in the list, whatever comes first.
        ("BTC", "USD", {"BTC_FDUSD": 49000.0, "BTC_USDC": 49900.0, "BTC_USDT": 50000.0}, 50000.0),
        ("BTC", "USD", {"BTC_XUSD": 49000.0, "BTC_USDC": 49900.0}, 49900.0),
        # The other way round.
        ("TRY", "USD", {"USDT_TRY": 40.0}, 1 / 40),
        # As the exchange quotes it, before the inverse of another pair.
        ("EUR", "USD", {"EUR_USDT": 1.1, "USDT_EUR": 0.5}, 1.1),
        # Over one other token.
        ("XYZ", "USD", {"XYZ_BTC": 0.001, "BTC_USDT": 50000.0}, 50.0),
        ("XYZ", "USD", {"XYZ_ETH": 0.1, "ETH_USDT": 3000.0, "XYZ_BTC": 0.001, "BTC_USDT": 50000.0}, 50.0),
        ("XYZ", "USD", {"XYZ_DOGE": 10.0, "DOGE_USDT": 0.1, "XYZ_ETH": 0.1, "ETH_USDT": 3000.0}, 300.0),
        ("BTC", "EUR", {"BTC_USDT": 50000.0, "EUR_USDT": 1.25}, 40000.0),
        # A direct pair is better than any other way.
        ("XYZ", "USD", {"XYZ_BTC": 0.001, "BTC_USDT": 50000.0, "XYZ_USDC": 49.0}, 49.0),
        # Not over two.
        ("XYZ", "USD", {"XYZ_ABC": 2.0, "ABC_BTC": 0.001, "BTC_USDT": 50000.0}, None),
        ("XYZ", "USD", {"ABC_USDT": 1.0}, None),
        ("XYZ", "USD", {"XYZ_USDT": 0.0}, None),
        ("XYZ", "USD", {"XYZ_USDT": -1.0}, None),
        ("XYZ", "USD", {"XYZ_USDT": math.nan}, None),
        ("XYZ", "USD", {"XYZ_USDT": math.inf}, None),
        ("XYZ", "USD", {"USDT_XYZ": 5e-324}, None),
        ("XYZ", "USD", {"XYZUSDT": 1.0}, None),
        ("btc", "usd", {"BTC_USDT": 50000.0}, 50000.0),
        ("BTC", "BTC", {}, 1.0),
    ],
)  # fmt: skip
def test_table(token: str, quote: str, prices: dict[str, float], worth: float | None) -> None:
    found = token_values([token], quote, quotes(**prices))
    assert found.get(token, Quote(math.nan, 0)).price == pytest.approx(worth) if worth is not None else found == {}


def test_a_price_is_as_old_as_the_older_of_its_two() -> None:
    found = token_values(["XYZ", "BTC", "USDT"], "USD", {"XYZ-BTC": Quote(0.1, 7.0), "BTC-USDT": Quote(10.0, 9.0)})
    assert found == {"XYZ": Quote(1.0, 7.0), "BTC": Quote(10.0, 9.0), "USDT": Quote(1.0, math.inf)}


def test_a_dollar_is_what_says_so() -> None:
    assert all(map(is_dollar, ("USD", "USDT", "USDC", "FDUSD", "usdt", "PYUSD", "USDE")))
    assert not any(map(is_dollar, ("DAI", "EUR", "BTC", "US", "")))


TOKENS = ("BTC", "ETH", "SOL", "USDT", "USDC", "EUR", "XYZ")
PRICES = st.dictionaries(
    st.tuples(st.sampled_from(TOKENS), st.sampled_from(TOKENS)).filter(lambda pair: pair[0] != pair[1]).map("-".join),
    st.builds(Quote, st.floats(1e-9, 1e9), st.floats(0, 2e9)),
    max_size=20,
)


@given(PRICES, st.sampled_from(TOKENS))
def test_whatever_the_prices(prices: dict[str, Quote], quote: str) -> None:
    found = token_values(TOKENS, quote, prices)
    assert found[quote].price == 1.0
    oldest = min((price.timestamp for price in prices.values()), default=math.inf)
    for token, value in found.items():
        assert 0 < value.price < math.inf
        assert value.timestamp >= oldest
        # There and back is where one was, where both ways are over the same pairs.
        back = token_values([quote], token, prices)
        assert quote in back
        if f"{token}-{quote}" in prices and f"{quote}-{token}" not in prices and not is_dollar(token + quote):
            assert value.price * back[quote].price == pytest.approx(1.0)
            assert value == prices[f"{token}-{quote}"]


@given(PRICES, st.sampled_from(TOKENS))
def test_the_order_of_the_prices_makes_no_difference(prices: dict[str, Quote], quote: str) -> None:
    assert token_values(TOKENS, quote, dict(reversed(prices.items()))) == token_values(TOKENS, quote, prices)


@given(PRICES, st.floats(0.001, 1000))
def test_when_the_dollar_halves_everything_doubles(prices: dict[str, Quote], factor: float) -> None:
    def changed(pair: str, quote: Quote) -> Quote:
        base, counter = map(is_dollar, pair.split("-"))
        scale = (factor if counter else 1.0) / (factor if base else 1.0)
        return Quote(quote.price * scale, quote.timestamp)

    before = token_values(TOKENS, "USD", prices)
    after = token_values(TOKENS, "USD", {pair: changed(pair, quote) for pair, quote in prices.items()})
    assert before.keys() == after.keys()
    for token, value in before.items():
        assert after[token].price == pytest.approx(value.price * (1.0 if is_dollar(token) else factor))
