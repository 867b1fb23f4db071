"""The credentials service as the edge sees it, in memory: the same commands, answers and errors, with real events."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts import credentials as contract
from shared.errors import CommandError, ErrorCode, FieldError, invalid, not_found
from shared.service import Health
from shared.settings import Settings

USERNAME = "admin"
PASSWORD = "a pass: with ünicode"
API_KEY = "hbk_0123456789"
#: What the exchange refuses.
WRONG_KEY = "wrong-exchange-key"


class CredentialsStandIn:
    """Answers the edge's commands. `password`, `keys` and `accounts` may be changed by a test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.password = PASSWORD
        self.keys = {API_KEY: "key-1"}
        self.accounts: dict[str, dict[str, Any]] = {contract.MASTER_ACCOUNT: {}}
        self.verifications = 0
        self.calls: list[Call] = []
        self.health = Health(True)
        #: Awaited before each verification, if set.
        self.before_verification: Callable[[], Awaitable[None]] | None = None
        self.hangs = False
        self._stopping = asyncio.Event()
        self._event_ids = 0
        self._outcomes: dict[tuple[str, str, str], tuple[bytes, Reply]] = {}
        self._dispatcher = self._new_dispatcher()

    def _new_dispatcher(self) -> Dispatcher:
        dispatcher = Dispatcher(self.settings, contract.SERVICE)
        dispatcher.on(contract.LIST_ACCOUNTS, self._list_accounts)
        dispatcher.on(contract.CREATE_ACCOUNT, self._create)
        dispatcher.on(contract.DELETE_ACCOUNT, self._delete)
        dispatcher.on(contract.LIST_CREDENTIALS, self._list_credentials)
        dispatcher.on(contract.PUT_CREDENTIAL, self._put)
        dispatcher.on(contract.DELETE_CREDENTIAL, self._delete_credential)
        dispatcher.on(contract.LIST_CONNECTORS, lambda request, call: ["binance", "paper"])
        dispatcher.on(contract.CONFIG_MAP, self._config_map)
        dispatcher.on(contract.VERIFY_PASSWORD, self._verify_password)
        dispatcher.on(contract.VERIFY_KEY, self._verify_key)
        return dispatcher

    async def start(self) -> None:
        await self._dispatcher.start(lambda: self.health)

    async def stop(self) -> None:
        self._stopping.set()
        await self._dispatcher.drain()

    async def restart(self) -> None:
        self._dispatcher = self._new_dispatcher()
        await self.start()

    def _list_accounts(self, request: contract.Nothing, call: Call) -> Awaitable[list[str]] | list[str]:
        self.calls.append(call)
        if self.hangs:
            return self._hang()
        return list(self.accounts)

    async def _hang(self) -> Any:
        await self._stopping.wait()

    def _change(self, call: Call, response: object) -> Reply:
        """Keep the outcome under the caller's key, as a service does in its database."""
        self._event_ids += 1
        reply = Reply(msgspec.json.encode(response), (self._event_ids,))
        if call.key is not None:
            self._outcomes[call.actor, call.command, call.key] = (call.body, reply)
        return reply

    def _earlier(self, call: Call) -> Reply | None:
        body, reply = self._outcomes.get((call.actor, call.command, call.key or ""), (b"", None))
        if reply is not None and body != call.body:
            raise CommandError(ErrorCode.CONFLICT, "the key was used with another content before")
        return reply

    def _create(self, request: contract.AccountRef, call: Call) -> Awaitable[Reply] | Reply:
        self.calls.append(call)
        if self.hangs:
            return self._hang()
        if (earlier := self._earlier(call)) is not None:
            return earlier
        if request.account_name in self.accounts:
            raise CommandError(ErrorCode.EXISTS, f"Account '{request.account_name}' already exists")
        self.accounts[request.account_name] = {}
        return self._change(call, contract.AccountChanged(request.account_name, 1))

    def _account(self, name: str) -> dict[str, Any]:
        if name not in self.accounts:
            raise not_found(f"Account '{name}' does not exist")
        return self.accounts[name]

    def _delete(self, request: contract.AccountRef, call: Call) -> Reply:
        self.calls.append(call)
        self._account(request.account_name)
        if request.account_name == contract.MASTER_ACCOUNT:
            raise CommandError(ErrorCode.REFUSED, "master_account cannot be deleted")
        del self.accounts[request.account_name]
        return self._change(call, contract.AccountChanged(request.account_name, 2))

    def _list_credentials(self, request: contract.AccountRef, call: Call) -> list[str]:
        self.calls.append(call)
        return list(self._account(request.account_name))

    def _put(self, request: contract.CredentialPut, call: Call) -> Reply:
        self.calls.append(call)
        account = self._account(request.account_name)
        if request.connector_name != "binance":
            raise not_found(f"Connector '{request.connector_name}' does not exist")
        if "binance_api_key" not in request.values:
            raise invalid("does not fit", FieldError(("values", "binance_api_key"), "Field required", "missing"))
        if request.values["binance_api_key"] == WRONG_KEY:
            raise CommandError(ErrorCode.REFUSED, "binance refuses the keys: Invalid API-key, IP, or permissions")
        account["binance"] = request.values
        return self._change(
            call, contract.CredentialStored(request.account_name, "binance", False, "Stored, unverified")
        )

    def _delete_credential(self, request: contract.CredentialRef, call: Call) -> Reply:
        self.calls.append(call)
        if self._account(request.account_name).pop(request.connector_name, None) is None:
            raise not_found(f"Account '{request.account_name}' has no credential for {request.connector_name}")
        changed = contract.CredentialChanged(request.account_name, request.connector_name, (), 1)
        return self._change(call, changed)

    def _config_map(self, request: contract.ConnectorRef, call: Call) -> dict[str, contract.ConfigField]:
        if request.connector_name != "binance":
            raise not_found(f"Connector '{request.connector_name}' does not exist")
        return {"binance_api_key": contract.ConfigField("SecretStr", True, "Enter your Binance API key", True, True)}

    async def _verify_password(self, request: contract.PasswordCheck, call: Call) -> contract.Identity:
        self.verifications += 1
        if self.before_verification is not None:
            await self.before_verification()
        if (request.username, request.password) != (USERNAME, self.password):
            raise CommandError(ErrorCode.UNAUTHENTICATED, "wrong")
        return contract.Identity(USERNAME, USERNAME)

    async def _verify_key(self, request: contract.KeyCheck, call: Call) -> contract.Identity:
        self.verifications += 1
        key_id = self.keys.get(request.api_key)
        if key_id is None:
            raise CommandError(ErrorCode.UNAUTHENTICATED, "wrong")
        return contract.Identity(USERNAME, USERNAME, key_id, datetime(2100, 1, 1, tzinfo=UTC))
