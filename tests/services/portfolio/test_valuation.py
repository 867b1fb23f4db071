"""What balances are worth."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.sessions.desired import SessionKey
from services.portfolio.valuation import is_dollar, needs_price, portfolio_state, selected, value_of, valued
from shared.contracts.portfolio.balances import Balance, BalanceAmount
from tests.services.portfolio.recorded import NOON

AMOUNTS = st.decimals(min_value=0, max_value=Decimal("1e30"), allow_nan=False, places=18)
PRICES = st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e9"), allow_nan=False, places=12)


@given(AMOUNTS, PRICES)
def test_a_value_is_units_times_price_to_six_places(units: Decimal, price: Decimal) -> None:
    value = value_of(units, price)
    assert value.as_tuple().exponent == -6
    assert abs(Fraction(value) - Fraction(units) * Fraction(price)) <= Fraction(1, 2_000_000)


@pytest.mark.parametrize(
    ("units", "price", "value"),
    [("0.0000005", "1", "0.000000"), ("0.0000015", "1", "0.000002"), ("3", "0.333333333", "1.000000"), ("0", "5", "0")],
)
def test_a_value_is_rounded_half_to_even(units: str, price: str, value: str) -> None:
    assert value_of(Decimal(units), Decimal(price)) == Decimal(value)


@pytest.mark.parametrize("token", ["USD", "USDT", "USDC", "FDUSD", "TUSD"])
def test_dollars_are_worth_one_and_need_no_market(token: str) -> None:
    assert is_dollar(token)
    assert not needs_price(token)
    balance = valued(BalanceAmount(token, Decimal("2.5"), Decimal("1")), None, None)
    assert balance == Balance(token, Decimal("2.5"), Decimal("1"), Decimal(1), Decimal("2.500000"))


def test_a_token_without_a_price_is_worth_nothing_and_says_so() -> None:
    balance = valued(BalanceAmount("ODD", Decimal("2.5"), Decimal("1")), None, NOON)
    assert balance == Balance("ODD", Decimal("2.5"), Decimal("1"), Decimal(0), Decimal(0), False, NOON)


@pytest.mark.parametrize(("units", "price"), [("1e400", "1"), ("1", "1e400"), ("1e100", "1e-400")])
def test_amounts_beyond_all_measure_are_not_priced(units: str, price: str) -> None:
    balance = valued(BalanceAmount("ODD", Decimal(units), Decimal(0)), Decimal(price), None)
    assert (balance.value, balance.priced) == (Decimal(0), False)


def test_what_is_selected() -> None:
    accounts = {"a": ("binance", "paper"), "b": ("paper",), "c": ()}

    def names(accounts_wanted: tuple[str, ...] | None, connectors: tuple[str, ...] | None) -> dict[str, list[str]]:
        found = selected(accounts, accounts_wanted, connectors)
        assert all(key.account_name == account for account, keys in found.items() for key in keys)
        return {account: [key.connector_name for key in keys] for account, keys in found.items()}

    assert names(None, None) == {"a": ["binance", "paper"], "b": ["paper"], "c": []}
    assert names(("a", "nobody"), None) == {"a": ["binance", "paper"]}
    assert names(None, ("binance", "nothing")) == {"a": ["binance"], "b": [], "c": []}
    assert names((), None) == {}


def test_the_state_leaves_out_tokens_that_have_no_market() -> None:
    key = SessionKey("a", "paper")
    amounts = tuple(BalanceAmount(token, Decimal(2), Decimal(1)) for token in ("ARS", "BTC", "NAV"))
    prices = {("paper", "BTC"): Decimal("50000.5"), ("paper", "NAV"): Decimal(1)}
    state = portfolio_state(
        {"a": (key,), "empty": ()}, lambda _: (amounts, NOON), lambda connector, token: prices.get((connector, token))
    )
    btc = Balance("BTC", Decimal(2), Decimal(1), Decimal("50000.5"), Decimal("100001.000000"), True, NOON)
    assert state == {"a": {"paper": (btc,)}, "empty": {}}
