"""How a portfolio is spread over tokens and over accounts. Pure.

All sums are exact, over values that are rounded already: what the parts show adds up to what the whole shows.
Percentages are 0 to 100, rounded half to even to 4 places.
"""

from collections.abc import Collection, Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from shared.contracts.portfolio.balances import Balance, PortfolioState
from shared.contracts.portfolio.distributions import (
    AccountsDistribution,
    AccountShare,
    ConnectorShare,
    Distribution,
    TokenInAccount,
    TokenOnConnector,
    TokenShare,
)

_PLACES = Decimal("0.0001")
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)

_Held = dict[str, dict[str, Balance]]


def percentage(part: Decimal, whole: Decimal) -> Decimal:
    """Return `part` of `whole` as a percentage; 0 where the whole is nothing."""
    if not whole:
        return _ZERO
    return _EXACT.quantize(_EXACT.divide(_EXACT.multiply(part, _HUNDRED), whole), _PLACES)


def account_filter(account_names: Collection[str] | None) -> str:
    """Return in a word which accounts were asked for: the name of the only one, `all_accounts`, or `filtered`."""
    if account_names is None:
        return "all_accounts"
    return next(iter(account_names)) if len(account_names) == 1 else "filtered"


def over_tokens(state: PortfolioState, account_names: Collection[str] | None) -> Distribution:
    """Return how the portfolio `state` is spread over tokens, the most valuable first, then by name.

    `account_names` are those that were asked for.
    """
    by_token: dict[str, _Held] = {}
    for account, connectors in state.items():
        for connector, balances in connectors.items():
            for balance in balances:
                by_token.setdefault(balance.token, {}).setdefault(account, {})[connector] = balance
    values = {token: _sum(_value(held) for held in accounts.values()) for token, accounts in by_token.items()}
    total = _sum(values.values())
    shares = tuple(
        _token_share(token, by_token[token], total)
        for token in sorted(by_token, key=lambda token: (-values[token], token))
    )
    return Distribution(total, len(shares), shares, account_filter(account_names))


def over_accounts(state: PortfolioState) -> AccountsDistribution:
    """Return how the portfolio `state` is spread over accounts, the most valuable first, then by name."""
    by_account = {
        account: {connector: _sum(one.value for one in balances) for connector, balances in connectors.items()}
        for account, connectors in state.items()
    }
    values = {account: _sum(connectors.values()) for account, connectors in by_account.items()}
    total = _sum(values.values())
    shares = tuple(
        AccountShare(
            account,
            values[account],
            percentage(values[account], total),
            {name: ConnectorShare(value, percentage(value, total)) for name, value in by_account[account].items()},
        )
        for account in sorted(by_account, key=lambda account: (-values[account], account))
    )
    return AccountsDistribution(total, len(shares), shares)


def _token_share(token: str, accounts: _Held, total: Decimal) -> TokenShare:
    value = _sum(_value(held) for held in accounts.values())
    units = _sum(_units(held) for held in accounts.values())
    return TokenShare(
        token,
        value,
        units,
        percentage(value, total),
        {account: _in_account(held, value) for account, held in accounts.items()},
    )


def _in_account(held: dict[str, Balance], total: Decimal) -> TokenInAccount:
    value = _value(held)
    connectors = {connector: TokenOnConnector(one.value, one.units) for connector, one in held.items()}
    return TokenInAccount(value, _units(held), percentage(value, total), connectors)


def _value(held: dict[str, Balance]) -> Decimal:
    return _sum(balance.value for balance in held.values())


def _units(held: dict[str, Balance]) -> Decimal:
    return _sum(balance.units for balance in held.values())


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total
