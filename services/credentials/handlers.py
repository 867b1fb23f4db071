"""The commands of the service: message in, domain call, message out."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from services.credentials import accounts, api_keys, connectors
from services.credentials.adding import Adding
from services.credentials.changes import Change
from services.credentials.commits import Commits
from services.credentials.encryption import Cipher, WrongPasswordError
from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.identities import Identities
from services.credentials.keyring import Keyring
from services.credentials.proof_backoff import ProofBackoff
from services.credentials.release import check_request, release_secret
from services.credentials.repository import Repository
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts import credentials as contract
from shared.errors import CommandError, ErrorCode

#: What the back-off counts failures of CONFIG_PASSWORD under; no user has an empty name.
_KEYRING_PROOF = ""


class Handlers:
    """Handlers of every command, over the parts that do the work.

    What is read often is answered at once, from memory. Only where a caller knows of events that this memory does not
    hold yet does it take a task that waits for them.
    """

    def __init__(
        self,
        repository: Repository,
        commits: Commits,
        keyring: Keyring,
        *,
        adding: Adding,
        identities: Identities,
        backoff: ProofBackoff,
        followed: FollowedAccounts,
        service_keys: Mapping[str, str],
    ) -> None:
        """`service_keys` holds the public nkeys of the services that may ask for secrets."""
        self._service_keys = service_keys
        self._repository = repository
        self._commits = commits
        self._adding = adding
        self._keyring = keyring
        self._identities = identities
        self._backoff = backoff
        self._followed = followed

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(contract.LIST_ACCOUNTS, self.list_accounts)
        dispatcher.on(contract.CREATE_ACCOUNT, self.create_account)
        dispatcher.on(contract.DELETE_ACCOUNT, self.delete_account)
        dispatcher.on(contract.SNAPSHOT_ACCOUNTS, self.snapshot_accounts)
        dispatcher.on(contract.LIST_CREDENTIALS, self.list_credentials)
        dispatcher.on(contract.PUT_CREDENTIAL, self.put_credential)
        dispatcher.on(contract.DELETE_CREDENTIAL, self.delete_credential)
        dispatcher.on(contract.LIST_CONNECTORS, self.list_connectors)
        dispatcher.on(contract.CONFIG_MAP, self.config_map)
        dispatcher.on(contract.VERIFY_PASSWORD, self.verify_password)
        dispatcher.on(contract.VERIFY_KEY, self.verify_key)
        dispatcher.on(contract.CREATE_API_KEY, self.create_api_key)
        dispatcher.on(contract.LIST_API_KEYS, self.list_api_keys)
        dispatcher.on(contract.REVOKE_API_KEY, self.revoke_api_key)
        dispatcher.on(contract.ROTATE_KEYRING, self.rotate_keyring)
        dispatcher.on(contract.RELEASE_SECRET, self.release_secret)

    # Reads, from memory

    def list_accounts(self, _: contract.Nothing, call: Call) -> Reply | Coroutine[Any, Any, Reply]:
        return self._from_memory(call, self._followed.accounts.names)

    def list_credentials(self, request: contract.AccountRef, call: Call) -> Reply | Coroutine[Any, Any, Reply]:
        return self._from_memory(call, lambda: self._followed.accounts.credentials(request.account_name))

    def list_connectors(self, _: contract.Nothing, __: Call) -> Reply:
        return connectors.list_connectors()

    def config_map(self, request: contract.ConnectorRef, _: Call) -> Reply:
        return connectors.connector_config_map(request.connector_name)

    # Accounts and credentials

    async def create_account(self, request: contract.AccountRef, call: Call) -> Reply:
        return await self._commits.run(
            contract.CREATE_ACCOUNT, call, lambda change: accounts.create_account(change, request.account_name)
        )

    async def delete_account(self, request: contract.AccountRef, call: Call) -> Reply:
        return await self._commits.run(
            contract.DELETE_ACCOUNT, call, lambda change: accounts.delete_account(change, request.account_name)
        )

    async def snapshot_accounts(self, _: contract.Nothing, __: Call) -> contract.AccountsSnapshot:
        return await self._repository.snapshot()

    async def put_credential(self, request: contract.CredentialPut, call: Call) -> Reply:
        return await self._adding.put(request, call)

    async def delete_credential(self, request: contract.CredentialRef, call: Call) -> Reply:
        return await self._commits.run(
            contract.DELETE_CREDENTIAL,
            call,
            lambda change: accounts.delete_credential(change, request.account_name, request.connector_name),
        )

    # Identities

    async def verify_password(self, request: contract.PasswordCheck, _: Call) -> contract.Identity:
        return await self._identities.by_password(request)

    async def verify_key(self, request: contract.KeyCheck, _: Call) -> contract.Identity:
        return await self._identities.by_key(request)

    async def create_api_key(self, request: contract.ApiKeyCreate, call: Call) -> Reply:
        await self._identities.prove(call.actor, request.username, request.password)
        return await self._commits.run(
            contract.CREATE_API_KEY, call, lambda change: api_keys.create_api_key(change, request)
        )

    async def list_api_keys(self, request: contract.PasswordCheck, call: Call) -> list[contract.ApiKey]:
        await self._identities.prove(call.actor, request.username, request.password)
        return await self._repository.api_keys(request.username)

    async def revoke_api_key(self, request: contract.ApiKeyRevoke, call: Call) -> Reply:
        await self._identities.prove(call.actor, request.username, request.password)
        return await self._commits.run(
            contract.REVOKE_API_KEY, call, lambda change: api_keys.revoke_api_key(change, request)
        )

    # Secrets

    async def rotate_keyring(self, request: contract.KeyringRotate, call: Call) -> Reply:
        self._backoff.check(call.actor, _KEYRING_PROOF)
        made: list[Cipher] = []

        async def rotate(change: Change) -> contract.KeyringRotated:
            rotated, cipher = await self._keyring.rotate(
                change.repository, request.current_password, request.new_password
            )
            made[:] = [cipher]
            change.tell(contract.KEYRING_ROTATED, rotated)
            return rotated

        try:
            reply = await self._commits.run(contract.ROTATE_KEYRING, call, rotate)
        except WrongPasswordError:
            self._backoff.failed(call.actor, _KEYRING_PROOF)
            raise CommandError(ErrorCode.UNAUTHENTICATED, "The current CONFIG_PASSWORD is wrong") from None
        self._backoff.succeeded(call.actor, _KEYRING_PROOF)
        for cipher in made:
            self._keyring.adopt(cipher)
        return reply

    async def release_secret(self, request: contract.SecretRequest, call: Call) -> Reply:
        check_request(request, call.actor, self._service_keys)
        return await self._commits.run(
            contract.RELEASE_SECRET, call, lambda change: release_secret(change, self._keyring, request)
        )

    def _from_memory(self, call: Call, read: Callable[[], Reply]) -> Reply | Coroutine[Any, Any, Reply]:
        if call.after and not self._followed.holds(call.after):
            return self._later(call, read)
        return read()

    async def _later(self, call: Call, read: Callable[[], Reply]) -> Reply:
        await self._followed.catch_up(call)
        return read()
