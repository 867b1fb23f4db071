"""What balances are worth in USD: units times price, to six places. Pure."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from services.portfolio.sessions.desired import SessionKey
from shared.contracts.portfolio.balances import Balance, BalanceAmount, PortfolioState

#: Tokens that the state leaves out: delisted or without a market, as upstream leaves them out (`BANNED_TOKENS`).
LEFT_OUT = frozenset({"NAV", "ARS", "ETHW", "ETHF"})

_PLACES = Decimal("0.000001")
#: Room for every amount that has a value: nothing is rounded before the end.
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
#: Digits before the point that an amount may have, and a price: more is an exchange's mistake, and not worth anything.
_DIGITS = 100
_ZERO = Decimal(0)
_ONE = Decimal(1)

#: The price of a token in USD by a connector's market, None where none is known.
PriceOf = Callable[[str, str], Decimal | None]


def is_dollar(token: str) -> bool:
    """Return whether a token is priced 1: those whose symbol contains USD, as upstream has it."""
    return "USD" in token


def needs_price(token: str) -> bool:
    """Return whether a market has to say what the token is worth."""
    return not is_dollar(token) and token not in LEFT_OUT


def value_of(units: Decimal, price: Decimal) -> Decimal:
    """Return `units` times `price`, rounded half to even to 6 places."""
    return _EXACT.quantize(_EXACT.multiply(units, price), _PLACES)


def valued(amount: BalanceAmount, price: Decimal | None, stale_since: datetime | None) -> Balance:
    """Return a balance with its value at `price`; without one it is worth nothing and not `priced`."""
    if is_dollar(amount.token):
        price = _ONE
    if price is None or amount.units.adjusted() >= _DIGITS or price.adjusted() >= _DIGITS:
        return Balance(amount.token, amount.units, amount.available_units, _ZERO, _ZERO, False, stale_since)
    return Balance(
        amount.token, amount.units, amount.available_units, price, value_of(amount.units, price), True, stale_since
    )


def selected(
    accounts: Mapping[str, Collection[str]],
    account_names: Collection[str] | None,
    connector_names: Collection[str] | None,
) -> dict[str, tuple[SessionKey, ...]]:
    """Return the sessions of the accounts and connectors that were asked for; None asks for all.

    An account that was asked for and has no such connector is there, without sessions. Names that nothing has are
    left out.
    """
    return {
        account: tuple(
            SessionKey(account, connector)
            for connector in connectors
            if connector_names is None or connector in connector_names
        )
        for account, connectors in accounts.items()
        if account_names is None or account in account_names
    }


def portfolio_state(
    sessions: Mapping[str, Collection[SessionKey]],
    balances: Callable[[SessionKey], tuple[tuple[BalanceAmount, ...], datetime | None]],
    price_of: PriceOf,
) -> PortfolioState:
    """Return the state of these sessions, by account.

    `balances` gives what a session holds, and since when that may be out of date.
    """
    state: PortfolioState = {}
    for account, keys in sessions.items():
        state[account] = {}
        for key in keys:
            amounts, stale_since = balances(key)
            state[account][key.connector_name] = tuple(
                valued(amount, price_of(key.connector_name, amount.token), stale_since)
                for amount in amounts
                if amount.token not in LEFT_OUT
            )
    return state
