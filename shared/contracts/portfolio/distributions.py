"""How the portfolio is spread over tokens and accounts."""

from decimal import Decimal

import msgspec

from shared.contracts.declaration import Command
from shared.contracts.portfolio.fields import SERVICE, PortfolioFilter


class TokenOnConnector(msgspec.Struct, frozen=True):
    """What of a token lies on one connector."""

    value: Decimal
    units: Decimal


class TokenInAccount(msgspec.Struct, frozen=True):
    """What of a token lies in one account; `percentage` of the token's total value."""

    value: Decimal
    units: Decimal
    percentage: Decimal
    connectors: dict[str, TokenOnConnector]


class TokenShare(msgspec.Struct, frozen=True):
    """A token's share of the portfolio; `percentage` of the portfolio's value, 0 to 100, 4 places."""

    token: str
    total_value: Decimal
    total_units: Decimal
    percentage: Decimal
    accounts: dict[str, TokenInAccount]


class Distribution(msgspec.Struct, frozen=True):
    """How the portfolio is spread over tokens, the most valuable first."""

    total_portfolio_value: Decimal
    token_count: int
    distribution: tuple[TokenShare, ...]
    account_filter: str


class ConnectorShare(msgspec.Struct, frozen=True):
    """A connector's share of the portfolio."""

    value: Decimal
    percentage: Decimal


class AccountShare(msgspec.Struct, frozen=True):
    """An account's share of the portfolio."""

    account: str
    total_value: Decimal
    percentage: Decimal
    connectors: dict[str, ConnectorShare]


class AccountsDistribution(msgspec.Struct, frozen=True):
    """How the portfolio is spread over accounts, the most valuable first."""

    total_portfolio_value: Decimal
    account_count: int
    distribution: tuple[AccountShare, ...]


DISTRIBUTION = Command(
    SERVICE, "balance", "distribution", PortfolioFilter, Distribution, "Spread the portfolio over tokens.",
)  # fmt: skip
ACCOUNTS_DISTRIBUTION = Command(
    SERVICE, "balance", "accounts_distribution", PortfolioFilter, AccountsDistribution,
    "Spread the portfolio over accounts.",
)  # fmt: skip

COMMANDS = (DISTRIBUTION, ACCOUNTS_DISTRIBUTION)
