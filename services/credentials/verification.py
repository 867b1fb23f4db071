"""The check of keys that go on being unverified: the exchange was slow or down when they were added.

One replica does it at a time. Were there two for a moment, both would only ask: the first verdict counts.
"""

import asyncio
from collections.abc import Iterable
from uuid import uuid4

import asyncpg

from services.credentials.adding import VERIFIABLE, what_was_said
from services.credentials.changes import Change
from services.credentials.commits import Commits
from services.credentials.encryption import UnreadableSecretError
from services.credentials.key_checks import KeyChecks
from services.credentials.keyring import Keyring
from services.credentials.repository import Repository
from services.credentials.rows import CredentialRevision
from shared.backoff import Backoff
from shared.contracts.credentials import CREDENTIAL_REJECTED, CREDENTIAL_VERIFIED, SERVICE, CredentialVerdict
from shared.contracts.portfolio.keys import KeyChecked, KeyVerdict
from shared.database.pool import Database
from shared.errors import CommandError
from shared.lease_keeper import LeaseKeeper
from shared.leases import Lease
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: Seconds between two looks for credentials that are not verified.
INTERVAL = 2.0
#: Seconds that one check takes at most: nobody waits for it.
CHECK_TIMEOUT = 8.0
#: Seconds until a credential is tried again: at first, and at most.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 600.0
#: Credentials that are tried at a time.
AT_ONCE = 8
LEASE = "verification"

_log = logger(LEASE)


class Attempts:
    """When each credential is to be tried next. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._next: dict[CredentialRevision, tuple[float, Backoff]] = {}

    def due(self, unverified: Iterable[CredentialRevision], now: float) -> list[CredentialRevision]:
        """Return those of `unverified` whose time has come, the longest overdue first; others are forgotten."""
        self._next = {
            credential: self._next.get(credential) or (now, Backoff(FIRST_PAUSE, LONGEST_PAUSE))
            for credential in unverified
        }
        ordered = sorted(self._next.items(), key=lambda entry: entry[1][0])
        return [credential for credential, (when, _) in ordered if when <= now]

    def failed(self, credential: CredentialRevision, now: float) -> None:
        """Let `credential` wait, the longer the more often it has failed."""
        if credential in self._next:
            _, backoff = self._next[credential]
            self._next[credential] = (now + backoff.pause(), backoff)


class Verification:
    """Has unverified credentials tried until the exchange has said something of them."""

    def __init__(self, database: Database, commits: Commits, keyring: Keyring, keys: KeyChecks) -> None:
        self._repository = Repository(database)
        self._commits = commits
        self._keyring = keyring
        self._keys = keys
        self._keeper = LeaseKeeper(database, LEASE, f"{SERVICE}-{uuid4().hex}", self._gained, self._lost)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin as soon as no other replica does it; returns at once."""
        await self._keeper.start()

    async def stop(self) -> None:
        """Stop, and let another replica go on."""
        await self._keeper.stop()

    async def _gained(self, _: Lease) -> None:
        self._task = asyncio.create_task(self._keep_looking(), name=LEASE)

    async def _lost(self, _: Lease) -> None:
        await end_task(self._task)
        self._task = None

    async def _keep_looking(self) -> None:
        attempts = Attempts()
        while True:
            more = False
            try:
                more = await self._look(attempts)
            except (CommandError, asyncpg.PostgresError) as error:
                _log.info("unverified credentials can't be read", error=type(error).__name__)
            if not more:
                await asyncio.sleep(INTERVAL)

    async def _look(self, attempts: Attempts) -> bool:
        """Try those that are due, a few of them; return whether more are."""
        clock = asyncio.get_running_loop().time
        due = attempts.due(await self._repository.unverified(VERIFIABLE), clock())
        now, later = due[:AT_ONCE], due[AT_ONCE:]
        verdicts = await asyncio.gather(*(self._try(credential) for credential in now))
        for credential, has_verdict in zip(now, verdicts, strict=True):
            if not has_verdict:
                attempts.failed(credential, clock())
        return bool(later)

    async def _try(self, credential: CredentialRevision) -> bool:
        """Have a credential tried; return whether there is a verdict, or no need of one any more."""
        account_name, connector_name = credential.account_name, credential.connector_name
        try:
            cipher = await self._keyring.cipher(self._repository)
            row = await self._repository.credential_as_of(credential)
            if row is None:
                return True
            values = cipher.decrypt(account_name, connector_name, row.secret)
            checked = await self._keys.verdict(account_name, connector_name, values, CHECK_TIMEOUT)
            if checked.verdict is KeyVerdict.UNKNOWN:
                return False
            await self._commits.change(lambda change: write_verdict(change, credential, checked))
        except (CommandError, UnreadableSecretError) as error:
            _log.warning("credential not tried", account=account_name, connector=connector_name, error=str(error))
            return False
        except Exception:  # nobody begins again what a defect has ended
            _log.exception("credential not tried", account=account_name, connector=connector_name)
            return False
        _log.info("credential tried", account=account_name, connector=connector_name, verdict=checked.verdict.value)
        return True


async def write_verdict(change: Change, judged: CredentialRevision, checked: KeyChecked) -> None:
    """Store that the keys of a credential are GOOD or WRONG, unless it was written anew meanwhile; tell of it."""
    account = await change.repository.lock_account(judged.account_name)
    good = checked.verdict is KeyVerdict.GOOD
    if account is None or not await change.repository.write_verdict(judged, verified=good):
        return
    said = what_was_said(checked)
    message = f"Credential for '{judged.connector_name}' of account '{judged.account_name}': {said}"
    event = CREDENTIAL_VERIFIED if good else CREDENTIAL_REJECTED
    change.tell(event, CredentialVerdict(judged.account_name, judged.connector_name, message))
