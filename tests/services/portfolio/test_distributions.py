"""How a portfolio is spread: what the parts show adds up to what the whole shows."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.distributions import account_filter, over_accounts, over_tokens, percentage
from services.portfolio.valuation import value_of
from shared.contracts.portfolio.balances import Balance, PortfolioState

UNITS = st.decimals(min_value=0, max_value=Decimal("1e12"), allow_nan=False, places=8)


@st.composite
def states(draw: st.DrawFn) -> PortfolioState:
    """Draw a state: a token has one price on a connector, or none."""
    balances = st.dictionaries(st.sampled_from(["BTC", "ETH", "SOL", "USDT", "ODD"]), UNITS, max_size=5)
    connectors = st.dictionaries(st.sampled_from(["binance", "paper", "okx"]), balances, max_size=3)
    held = draw(st.dictionaries(st.sampled_from(["a", "b", "c"]), connectors, max_size=3))
    prices = {
        token: draw(st.decimals(min_value=0, max_value=100_000, allow_nan=False, places=6))
        for token in ("BTC", "ETH", "SOL", "USDT", "ODD")
    }
    return {
        account: {
            connector: tuple(
                Balance(token, units, units, prices[token], value_of(units, prices[token]), bool(prices[token]))
                for token, units in sorted(tokens.items())
            )
            for connector, tokens in of_account.items()
        }
        for account, of_account in held.items()
    }


def total_of(state: PortfolioState) -> Decimal:
    values = (one.value for connectors in state.values() for balances in connectors.values() for one in balances)
    return sum(values, Decimal(0))


@given(states())
def test_over_tokens_all_sums_are_exact(state: PortfolioState) -> None:
    spread = over_tokens(state, None)
    assert spread.total_portfolio_value == total_of(state)
    assert spread.total_portfolio_value == sum((share.total_value for share in spread.distribution), Decimal(0))
    assert spread.token_count == len(spread.distribution) == len({share.token for share in spread.distribution})
    for share in spread.distribution:
        accounts = share.accounts.values()
        assert share.total_value == sum((account.value for account in accounts), Decimal(0))
        assert share.total_units == sum((account.units for account in accounts), Decimal(0))
        for account in accounts:
            assert account.value == sum((one.value for one in account.connectors.values()), Decimal(0))
            assert account.units == sum((one.units for one in account.connectors.values()), Decimal(0))


@given(states())
def test_over_accounts_all_sums_are_exact(state: PortfolioState) -> None:
    spread = over_accounts(state)
    assert spread.total_portfolio_value == total_of(state)
    assert spread.account_count == len(spread.distribution) == len(state)
    assert spread.total_portfolio_value == sum((share.total_value for share in spread.distribution), Decimal(0))
    for share in spread.distribution:
        assert share.total_value == sum((one.value for one in share.connectors.values()), Decimal(0))
        assert share.connectors.keys() == state[share.account].keys()


@given(states())
def test_percentages_are_of_a_hundred_and_the_most_valuable_comes_first(state: PortfolioState) -> None:
    tokens, accounts = over_tokens(state, None), over_accounts(state)
    for shares in (
        [(share.total_value, share.percentage) for share in tokens.distribution],
        [(share.total_value, share.percentage) for share in accounts.distribution],
    ):
        values = [value for value, _ in shares]
        assert values == sorted(values, reverse=True)
        assert all(0 <= percent <= 100 for _, percent in shares)
        whole = sum((percent for _, percent in shares), Decimal(0))
        if any(values):
            # Each is off by half of the last place at most.
            assert abs(whole - 100) <= Decimal("0.00005") * len(shares)
        else:
            assert whole == 0


def test_a_portfolio_in_full() -> None:
    def one(token: str, units: str, value: str) -> Balance:
        return Balance(token, Decimal(units), Decimal(units), Decimal(1), Decimal(value))

    state: PortfolioState = {
        "a": {"paper": (one("BTC", "1", "30"), one("USDT", "10", "10"))},
        "b": {"okx": (one("BTC", "2", "60"),)},
        "empty": {},
    }
    spread = over_tokens(state, None)
    assert [share.token for share in spread.distribution] == ["BTC", "USDT"]
    btc = spread.distribution[0]
    assert (btc.total_value, btc.total_units, btc.percentage) == (Decimal(90), Decimal(3), Decimal(90))
    assert btc.accounts["a"].percentage == Decimal("33.3333")
    assert btc.accounts["b"].connectors["okx"].units == Decimal(2)
    by_account = over_accounts(state)
    assert [(share.account, share.percentage) for share in by_account.distribution] == [
        ("b", Decimal(60)), ("a", Decimal(40)), ("empty", Decimal(0)),
    ]  # fmt: skip
    assert by_account.distribution[1].connectors["paper"].percentage == Decimal(40)


def test_an_empty_portfolio_is_spread_over_nothing() -> None:
    assert over_tokens({}, None).distribution == ()
    assert over_accounts({"a": {}}).distribution[0].percentage == 0
    assert percentage(Decimal(0), Decimal(0)) == 0


@pytest.mark.parametrize(
    ("names", "word"),
    [(None, "all_accounts"), (("main",), "main"), (("main", "other"), "filtered"), ((), "filtered")],
)
def test_the_word_for_the_accounts_that_were_asked_for(names: tuple[str, ...] | None, word: str) -> None:
    assert account_filter(names) == word
