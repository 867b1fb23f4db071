"""What can be done to accounts and their credentials. Each function is one change, inside its transaction.

Each locks the account first, and each event carries the next version of that account: whoever applies events by their
version ends with the last state, in whatever order they come.
"""

from typing import Any

import msgspec

from services.credentials.changes import Change
from services.credentials.keyring import Keyring
from services.credentials.rows import AccountRow, CredentialRow
from shared.connectors.catalogue import CONNECTORS, Connector
from shared.contracts.credentials import (
    ACCOUNT_CREATED,
    ACCOUNT_DELETED,
    CREDENTIAL_DELETED,
    CREDENTIAL_STORED,
    MASTER_ACCOUNT,
    AccountChanged,
    CredentialChanged,
    CredentialStored,
)
from shared.errors import CommandError, ErrorCode, not_found

#: What stands in paths where the name of an account may stand too: `/accounts/add-credential/…`.
TAKEN_NAMES = frozenset({"add-account", "delete-account", "add-credential", "delete-credential"})


class NewCredential(msgspec.Struct, frozen=True):
    """A credential to be stored: checked values, whether the exchange has confirmed them, and what to say of it."""

    account_name: str
    connector_name: str
    values: dict[str, Any]
    verified: bool
    message: str

    def __repr__(self) -> str:
        return f"NewCredential({self.account_name!r}, {self.connector_name!r}, values=<hidden>)"


def known_connector(name: str) -> Connector:
    """Return the connector `name`.

    Raises:
        CommandError: NOT_FOUND if there is none.
    """
    connector = CONNECTORS.get(name)
    if connector is None:
        raise not_found(f"Connector '{name}' not found")
    return connector


def unknown_account(name: str) -> CommandError:
    """Return the error for an account that does not exist."""
    return not_found(f"Account '{name}' not found")


async def create_account(change: Change, name: str) -> AccountChanged:
    """Create the account `name`.

    Raises:
        CommandError: EXISTS if there is one; REFUSED for a name that is a part of the HTTP API's paths.
    """
    if name in TAKEN_NAMES:
        raise CommandError(
            ErrorCode.REFUSED, f"An account can't be called '{name}': the HTTP API has a path of that name"
        )
    account = await change.repository.claim_account(name)
    if account.present:
        raise CommandError(ErrorCode.EXISTS, f"Account '{name}' already exists")
    created = AccountChanged(name, account.version + 1)
    await change.repository.write_account(name, created.version, present=True)
    change.tell(ACCOUNT_CREATED, created)
    return created


async def ensure_master_account(change: Change) -> None:
    """Create the account that always exists, unless it is there."""
    account = await change.repository.claim_account(MASTER_ACCOUNT)
    if not account.present:
        await create_account(change, MASTER_ACCOUNT)


async def delete_account(change: Change, name: str) -> AccountChanged:
    """Delete the account `name` and its credentials, with an event for each of these too.

    Raises:
        CommandError: REFUSED for the master account, NOT_FOUND if there is no such account.
    """
    if name == MASTER_ACCOUNT:
        raise CommandError(ErrorCode.REFUSED, f"The account '{MASTER_ACCOUNT}' always exists and may not be deleted")
    account = await _locked(change, name)
    change.removed += await change.repository.delete_credentials(name, account.connectors)
    for position, connector_name in enumerate(account.connectors):
        rest = account.connectors[position + 1 :]
        version = account.version + 1 + position
        change.tell(CREDENTIAL_DELETED, CredentialChanged(name, connector_name, rest, version))
    deleted = AccountChanged(name, account.version + 1 + len(account.connectors))
    await change.repository.write_account(name, deleted.version, present=False)
    change.tell(ACCOUNT_DELETED, deleted)
    return deleted


async def put_credential(change: Change, keyring: Keyring, new: NewCredential) -> CredentialStored:
    """Store a credential that `adding` has made ready, in place of an earlier one for the same connector.

    Raises:
        CommandError: NOT_FOUND for an unknown account; UNAVAILABLE if the key of the secrets is not at hand.
    """
    cipher = await keyring.cipher(change.repository)
    account = await _locked(change, new.account_name)
    earlier = await change.repository.credential(account.name, new.connector_name)
    if earlier is not None:
        change.removed.append(earlier)
    secret = cipher.encrypt(account.name, new.connector_name, new.values)
    row = CredentialRow(account.name, new.connector_name, secret)
    await change.repository.write_credential(row, verified=new.verified)
    connectors = tuple(sorted({*account.connectors, new.connector_name}))
    stored = CredentialChanged(account.name, new.connector_name, connectors, account.version + 1, new.verified)
    await change.repository.write_account(account.name, stored.version, present=True)
    change.tell(CREDENTIAL_STORED, stored)
    return CredentialStored(account.name, new.connector_name, new.verified, new.message)


async def delete_credential(change: Change, account_name: str, connector_name: str) -> CredentialChanged:
    """Delete the credential of an account for a connector.

    Raises:
        CommandError: NOT_FOUND for an unknown connector or account, or if there is no such credential.
    """
    known_connector(connector_name)
    account = await _locked(change, account_name)
    if connector_name not in account.connectors:
        raise no_credential(account_name, connector_name)
    change.removed += await change.repository.delete_credentials(account_name, [connector_name])
    rest = tuple(name for name in account.connectors if name != connector_name)
    deleted = CredentialChanged(account_name, connector_name, rest, account.version + 1)
    await change.repository.write_account(account_name, deleted.version, present=True)
    change.tell(CREDENTIAL_DELETED, deleted)
    return deleted


def no_credential(account_name: str, connector_name: str) -> CommandError:
    """Return the error for a credential that does not exist."""
    return not_found(f"Account '{account_name}' has no credential for '{connector_name}'")


async def _locked(change: Change, name: str) -> AccountRow:
    account = await change.repository.lock_account(name)
    if account is None:
        raise unknown_account(name)
    return account
