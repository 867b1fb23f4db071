"""Starting balances of paper accounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credentials.balances import MAX_ASSETS, BalanceError, parse_balances

GOOD: list[tuple[object, dict[str, str]]] = [
    ("USDT=100000,BTC=1", {"USDT": "100000", "BTC": "1"}),
    (" usdt = 100000 , btc=0.5 ", {"USDT": "100000", "BTC": "0.5"}),
    ({"USDT": "100000", "BTC": 1, "ETH": 2.5}, {"USDT": "100000", "BTC": "1", "ETH": "2.5"}),
    ({"1INCH": 0.00001}, {"1INCH": "0.00001"}),
    ({"BTC": 1e-8}, {"BTC": "0.00000001"}),
]


@pytest.mark.parametrize(("value", "expected"), GOOD)
def test_text_and_objects_give_decimal_text_by_asset(value: object, expected: dict[str, str]) -> None:
    assert parse_balances(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "USDT",
        "USDT=",
        "=1",
        "USDT=1,",
        "USDT=1,USDT=2",
        "usdt=1,USDT=2",
        "USDT=0",
        "USDT=0.000",
        "USDT=-1",
        "USDT=+1",
        "USDT=nan",
        "USDT=inf",
        "USDT=1e9",
        "USDT=1.",
        "USDT=.5",
        "USDT=1 000",
        "USDT=1;BTC=2",
        "USDT=1=2",
        "USDT=" + "9" * 16,
        "US DT=1",
        "US/DT=1",
        "ÜSDT=1",
        "USDT=\N{ARABIC-INDIC DIGIT ONE}",
        "A" * 21 + "=1",
        ",".join(f"A{number}=1" for number in range(MAX_ASSETS + 1)),
        {"USDT": None},
        {"USDT": True},
        {"USDT": ["1"]},
        {"USDT": -1},
        {"USDT": 0},
        {"USDT": 10**40},
        {"USDT": 1e300},
        {"USDT": float("inf")},
        {"USDT": float("nan")},
        {"": 1},
        12,
        ["USDT=1"],
    ],
)
def test_what_is_not_clear_is_refused(value: object) -> None:
    with pytest.raises(BalanceError):
        parse_balances(value)


def test_the_error_names_the_asset_and_no_amount() -> None:
    with pytest.raises(BalanceError) as caught:
        parse_balances({"USDT": "sk-secret"})
    assert caught.value.asset == "USDT"
    assert "secret" not in str(caught.value)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True),
        st.decimals(min_value=Decimal("1e-18"), max_value=Decimal(10**14), places=18).map(lambda d: format(d, "f")),
        min_size=1,
        max_size=20,
    )
)
def test_text_and_object_mean_the_same_and_amounts_stay_exact(balances: dict[str, str]) -> None:
    text = ",".join(f"{asset}={amount}" for asset, amount in balances.items())
    assert parse_balances(text) == parse_balances(balances) == balances
    assert parse_balances(parse_balances(text)) == balances


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.floats() | st.text() | st.none()))
def test_any_input_is_parsed_or_refused(value: object) -> None:
    try:
        balances = parse_balances(value)
    except BalanceError:
        return
    assert all(Decimal(amount) > 0 for amount in balances.values())
