"""How a credential is added: checked here, tried on its exchange, then stored.

Others are asked before the transaction, never in it; what they were asked about is looked at again inside.
"""

from typing import Any

from services.credentials.accounts import NewCredential, known_connector, put_credential, unknown_account
from services.credentials.changes import Change
from services.credentials.commits import Commits
from services.credentials.config_fields import checked_values
from services.credentials.key_checks import KeyChecks
from services.credentials.keyring import Keyring
from services.credentials.paper_accounts import PaperAccounts
from services.credentials.repository import Repository
from shared.bus.messages import Call, Reply
from shared.connectors.catalogue import CONNECTORS, Connector, ConnectorKind
from shared.contracts.credentials import PUT_CREDENTIAL, CredentialPut, CredentialStored
from shared.contracts.portfolio.keys import KeyChecked, KeyVerdict
from shared.errors import CommandError, ErrorCode

#: Seconds that the check of the keys takes at most.
CHECK_TIMEOUT = 5.0
#: Seconds before the caller's deadline that are left to the transaction.
_FOR_THE_COMMIT = 1.0

#: The connectors whose keys can be tried.
VERIFIABLE = tuple(connector.name for connector in CONNECTORS.values() if connector.trades and connector.ccxt_id)


class Adding:
    """Adds credentials."""

    def __init__(
        self, repository: Repository, commits: Commits, keyring: Keyring, keys: KeyChecks, paper: PaperAccounts
    ) -> None:
        self._repository = repository
        self._commits = commits
        self._keyring = keyring
        self._keys = keys
        self._paper = paper

    async def put(self, request: CredentialPut, call: Call) -> Reply:
        """Store a credential, in place of an earlier one for the same connector.

        A repetition with the same idempotency key gives the first reply. One that comes while the first is under way
        asks the others too, and what it got of them is given back.

        Raises:
            CommandError: NOT_FOUND for an unknown connector or account; REFUSED for a connector that takes no
                credential, and if the exchange says that the keys are wrong; INVALID with every field that does not
                fit; UNAVAILABLE if the key of the secrets is not at hand, or if the simulator opens no account.
        """
        earlier = await self._commits.outcome(PUT_CREDENTIAL, call)
        if earlier is not None:
            return earlier
        connector = await self._connector(request)
        values = checked_values(connector, request.values)
        if not connector.simulated:
            return await self._put(request.account_name, connector, values, call)
        values = await self._paper.open(request.account_name, connector, values, _time_left(call))
        try:
            return await self._put(request.account_name, connector, values, call)
        except CommandError as error:
            if error.code is not ErrorCode.OUTCOME_UNKNOWN:
                self._paper.close(values)
            raise

    async def _put(self, account_name: str, connector: Connector, values: dict[str, Any], call: Call) -> Reply:
        new = await self._tried(account_name, connector, values, call)
        stored: list[NewCredential] = []

        async def store(change: Change) -> CredentialStored:
            stored.append(new)
            return await put_credential(change, self._keyring, new)

        reply = await self._commits.run(PUT_CREDENTIAL, call, store)
        if connector.simulated and not stored:
            # The same call, sent twice, was quicker: its account is the one that is used.
            self._paper.close(values)
        return reply

    async def _connector(self, request: CredentialPut) -> Connector:
        """Return the connector of a credential that could be stored, as far as names and keys of our own go."""
        connector = known_connector(request.connector_name)
        await self._keyring.cipher(self._repository)
        if not await self._repository.account_exists(request.account_name):
            raise unknown_account(request.account_name)
        _refuse_without_credential(connector)
        return connector

    async def _tried(
        self, account_name: str, connector: Connector, values: dict[str, Any], call: Call
    ) -> NewCredential:
        verified, said = False, NOT_VERIFIABLE
        if connector.name in VERIFIABLE:
            checked = await self._keys.verdict(
                account_name, connector.name, values, min(CHECK_TIMEOUT, _time_left(call))
            )
            if checked.verdict is KeyVerdict.WRONG:
                why = f"The exchange refuses the keys for '{connector.name}': {checked.reason}. Nothing was stored"
                raise CommandError(ErrorCode.REFUSED, why)
            verified, said = checked.verdict is KeyVerdict.GOOD, what_was_said(checked)
        message = f"Credential for '{connector.name}' stored in account '{account_name}'; {said}"
        return NewCredential(account_name, connector.name, values, verified, message)


NOT_VERIFIABLE = "its keys are not verified, as only bots can use this connector"


def what_was_said(checked: KeyChecked) -> str:
    """Return what an exchange has said of keys that are stored, in words."""
    if checked.verdict is KeyVerdict.GOOD:
        but = f", but {checked.reason}" if checked.reason else ""
        said = f"the exchange has confirmed the keys{but}"
    elif checked.verdict is KeyVerdict.WRONG:
        said = f"the exchange refuses the keys: {checked.reason}"
    else:
        why = f" ({checked.reason})" if checked.reason else ""
        said = f"the keys are not verified yet{why}; this goes on in the background, and an event will tell"
    if checked.can_withdraw:
        said += ". Warning: these keys can withdraw; keys for trading should not be able to"
    return said


def _time_left(call: Call) -> float:
    return call.seconds_left() - _FOR_THE_COMMIT


def _refuse_without_credential(connector: Connector) -> None:
    if connector.kind is ConnectorKind.GATEWAY:
        why = "its wallets are kept by Hummingbot Gateway"
    elif connector.kind is ConnectorKind.PAPER_SPOT:
        why = "it trades on paper inside a bot; use 'paper' for an account of that kind"
    else:
        return
    raise CommandError(ErrorCode.REFUSED, f"Connector '{connector.name}' takes no credential: {why}")
