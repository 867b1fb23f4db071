"""The accounts of the exchange's users: who has which key, and how they come and go."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from services.simulator.engine.events import Outcome
from services.simulator.engine.units import to_units

_KEY_BYTES = 32


class Account(msgspec.Struct, frozen=True):
    """An account; `name` is what both engines call it. The secret is in no repr and in no log."""

    name: str
    api_key: str
    api_secret: str
    created: int

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, api_key={self.api_key!r})"


class UnknownAccountError(LookupError):
    """There is no account with this key."""


class AccountHolder(Protocol):
    """An engine, as far as its accounts go."""

    def open_account(self, name: str) -> Outcome: ...
    def set_balances(self, account: str, totals: Mapping[str, int]) -> Outcome: ...
    def close_account(self, name: str) -> Outcome: ...


class Accounts:
    """All accounts, by API key.

    Args:
        engines: spot and futures.
        opened: is told of a new account before the engines are.
        ready: brings the engines' clocks up to the present; raises when nothing can be changed now.
        durable: returns when all changes so far are.
        now: the time in ms.
        assets: the assets that spot and futures accounts can hold.
    """

    def __init__(
        self,
        *,
        engines: tuple[AccountHolder, AccountHolder],
        opened: Callable[[Account], None],
        ready: Callable[[], None],
        durable: "Durable",
        now: Callable[[], int],
        assets: tuple[frozenset[str], frozenset[str]],
    ) -> None:
        self._spot, self._usdm = engines
        self._opened = opened
        self._ready = ready
        self._durable = durable
        self._now = now
        self._spot_assets, self._usdm_assets = assets
        self._by_key: dict[str, Account] = {}
        self._by_name: dict[str, Account] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def restore(self, accounts: Iterable[Account]) -> None:
        """Take over accounts that the engines know already."""
        for account in accounts:
            self._add(account)

    def by_api_key(self, api_key: str) -> Account | None:
        """Return the account with this key, if there is one."""
        return self._by_key.get(api_key)

    def by_name(self, name: str) -> Account | None:
        """Return the account that the engines call `name`, if there is one."""
        return self._by_name.get(name)

    async def make(self, balances: Mapping[str, Decimal], futures_balances: Mapping[str, Decimal]) -> Account:
        """Open an account with these balances; return when it is durable.

        Raises:
            ValueError: if a balance is not one of an asset that is traded, negative or has too many decimals.
        """
        spot, usdm = _units(balances, self._spot_assets), _units(futures_balances, self._usdm_assets)
        self._ready()
        account = Account(
            secrets.token_hex(8), secrets.token_hex(_KEY_BYTES), secrets.token_hex(_KEY_BYTES), self._now()
        )
        self._opened(account)
        self._spot.open_account(account.name)
        self._usdm.open_account(account.name)
        self._spot.set_balances(account.name, spot)
        self._usdm.set_balances(account.name, usdm)
        await self._durable()
        self._add(account)
        return account

    async def set_balances(
        self, api_key: str, balances: Mapping[str, Decimal], futures_balances: Mapping[str, Decimal]
    ) -> None:
        """Deposit or withdraw until the account has these balances; others stay as they are.

        Raises:
            UnknownAccountError: if there is no such account.
            ValueError: as for `make`, or if open orders lock more than what is to be left.
        """
        account = self._existing(api_key)
        spot, usdm = _units(balances, self._spot_assets), _units(futures_balances, self._usdm_assets)
        self._ready()
        self._spot.set_balances(account.name, spot)
        self._usdm.set_balances(account.name, usdm)
        await self._durable()

    async def delete(self, api_key: str) -> None:
        """Cancel all orders of an account and forget it with everything that it has.

        Raises:
            UnknownAccountError: if there is no such account.
        """
        account = self._existing(api_key)
        self._ready()
        del self._by_key[api_key], self._by_name[account.name]
        self._spot.close_account(account.name)
        self._usdm.close_account(account.name)
        await self._durable()

    def _add(self, account: Account) -> None:
        self._by_key[account.api_key] = account
        self._by_name[account.name] = account

    def _existing(self, api_key: str) -> Account:
        account = self._by_key.get(api_key)
        if account is None:
            raise UnknownAccountError("there is no account with this API key")
        return account


class Durable(Protocol):
    async def __call__(self) -> None: ...


def _units(balances: Mapping[str, Decimal], assets: frozenset[str]) -> dict[str, int]:
    units = {}
    for asset, amount in balances.items():
        if asset not in assets:
            raise ValueError(f"expected an asset that is traded, was {asset[:20]!r}")
        units[asset] = to_units(amount)
        if units[asset] < 0:
            raise ValueError(f"expected no negative balance, was {amount} {asset}")
    return units
