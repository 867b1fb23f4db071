"""The portfolio as the HTTP API shows it: the names of the Hummingbot API and of its guides beside each other."""

from decimal import Context, Decimal

import msgspec

from services.gateway_api.shapes.json import encode, iso
from shared.bus.client import decode_response
from shared.contracts.portfolio.balances import PORTFOLIO_STATE, Balance
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION, AccountShare, TokenShare

#: Wide enough for any token; the default context would round after 28 digits.
_EXACT = Context(prec=100)


class BalanceRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an account has of a token on a connector. Value and price in USD.

    `total` is `units`, `available` is `available_units`, `usd_value` is `value`; `locked` is what lies in orders.
    `priced` is there, and false, when no price is known. `stale_since` is there when the exchange is silent since then.
    """

    token: str
    units: Decimal
    price: Decimal
    value: Decimal
    available_units: Decimal
    total: Decimal
    available: Decimal
    locked: Decimal
    usd_value: Decimal
    priced: bool = True
    stale_since: str | None = None


class TokenValue(msgspec.Struct, frozen=True):
    """A token's share of the portfolio, in short."""

    value: Decimal
    percentage: Decimal
    amount: Decimal
    usd_value: Decimal


class DistributionView(msgspec.Struct, frozen=True):
    """How the portfolio is spread over tokens, the most valuable first; `tokens` is the same by their names."""

    total_portfolio_value: Decimal
    token_count: int
    distribution: tuple[TokenShare, ...]
    account_filter: str
    tokens: dict[str, TokenValue]


class AccountValue(msgspec.Struct, frozen=True):
    """An account's share of the portfolio, in short."""

    usd_value: Decimal
    percentage: Decimal


class AccountsDistributionView(msgspec.Struct, frozen=True):
    """How the portfolio is spread over accounts, the most valuable first."""

    total_portfolio_value: Decimal
    account_count: int
    distribution: tuple[AccountShare, ...]


def state(reply: bytes) -> bytes:
    """Return the state as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    accounts = decode_response(PORTFOLIO_STATE, reply)
    return encode(
        {
            account: {connector: [_row(balance) for balance in balances] for connector, balances in connectors.items()}
            for account, connectors in accounts.items()
        }
    )


def distribution(reply: bytes) -> bytes:
    """Return the spread over tokens as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    spread = decode_response(DISTRIBUTION, reply)
    tokens = {
        share.token: TokenValue(share.total_value, share.percentage, share.total_units, share.total_value)
        for share in spread.distribution
    }
    return encode(
        DistributionView(
            spread.total_portfolio_value, spread.token_count, spread.distribution, spread.account_filter, tokens
        )
    )


def accounts_distribution(reply: bytes) -> bytes:
    """Return the spread over accounts as the HTTP API shows it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    return encode(_accounts(reply))


def accounts_distribution_by_name(reply: bytes) -> bytes:
    """Return the same with each account's share under its name on top, as the guides show it.

    Raises:
        CommandError: INTERNAL if the reply cannot be read.
    """
    view = _accounts(reply)
    by_name = {share.account: AccountValue(share.total_value, share.percentage) for share in view.distribution}
    return encode(by_name | msgspec.structs.asdict(view))  # an account with the name of a field loses


def _accounts(reply: bytes) -> AccountsDistributionView:
    spread = decode_response(ACCOUNTS_DISTRIBUTION, reply)
    return AccountsDistributionView(spread.total_portfolio_value, spread.account_count, spread.distribution)


def _row(balance: Balance) -> BalanceRow:
    return BalanceRow(
        balance.token,
        balance.units,
        balance.price,
        balance.value,
        balance.available_units,
        balance.units,
        balance.available_units,
        _EXACT.subtract(balance.units, balance.available_units),
        balance.value,
        balance.priced,
        None if balance.stale_since is None else iso(balance.stale_since),
    )
