"""The accounts on the simulated exchange that stand behind credentials of `paper` and `paper_perpetual`.

Whoever adds such a credential says what to begin with; the keys are those of an account that is opened for it. An
account whose credential was replaced, deleted or not stored after all is closed. That is a courtesy: one that stays
open does no harm, as nobody has its keys.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, cast

import msgspec

from services.credentials.balances import parse_balances
from services.credentials.encryption import UnreadableSecretError
from services.credentials.keyring import Keyring
from services.credentials.repository import Repository
from services.credentials.rows import CredentialRow
from shared.backoff import Backoff
from shared.bus.client import Bus
from shared.connectors.catalogue import CONNECTORS, Connector, ConnectorKind
from shared.contracts.credentials import SERVICE
from shared.contracts.declaration import SIMULATOR
from shared.contracts.simulator import (
    CLOSE_ACCOUNT,
    OPEN_ACCOUNT,
    SimulatorAccountClose,
    SimulatorAccountOpen,
    SimulatorAccountOpened,
)
from shared.errors import CommandError, ErrorCode, FieldError, invalid
from shared.tasks import end_task
from shared.telemetry.logs import logger

#: The names of the values of such a credential: what it began with, and the keys.
STARTING_BALANCES = "starting_balances"
API_KEY = "paper_api_key"
API_SECRET = "paper_api_secret"  # noqa: S105 - a name

#: Seconds that the simulator has for opening an account.
OPEN_TIMEOUT = 3.0
_CLOSE_ATTEMPTS = 3
_CLOSE_TIMEOUT = 3.0
#: Seconds that a stop waits for the closing of accounts.
_DRAIN_TIMEOUT = 2.0

_log = logger("paper_accounts")


class PaperAccounts:
    """Opens and closes accounts on the simulated exchange. Closing is tried a few times, and its failure is logged."""

    def __init__(self, bus: Bus, repository: Repository, keyring: Keyring) -> None:
        self._bus = bus
        self._repository = repository
        self._keyring = keyring
        self._closing: set[asyncio.Task[None]] = set()

    async def open(
        self, account_name: str, connector: Connector, values: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Open an account for the checked `values` and return the values to store: with its balances and its keys.

        Args:
            seconds: how long the simulator may take at most.

        Raises:
            CommandError: INVALID if the simulator refuses the balances; UNAVAILABLE if it does not open an account for
                any other reason. It may have opened one then whose keys nobody knows.
        """
        balances = values.get(STARTING_BALANCES) or _default_balances(connector)
        side = "balances" if connector.kind is ConnectorKind.SPOT else "futures_balances"
        wish = msgspec.convert(
            {"account_name": account_name, "connector_name": connector.name, side: balances}, SimulatorAccountOpen
        )
        opened = await self._opened(wish, min(OPEN_TIMEOUT, seconds))
        return {STARTING_BALANCES: balances, API_KEY: opened.api_key, API_SECRET: opened.api_secret}

    def close(self, values: Mapping[str, Any]) -> None:
        """Close, soon, the account behind `values` that `open` has returned and that were not stored."""
        self._soon(self._close(values[API_KEY]))

    def removed(self, rows: Sequence[CredentialRow]) -> None:
        """Close, soon, the accounts behind credentials that are not stored any more; others are left alone."""
        simulated = [row for row in rows if CONNECTORS[row.connector_name].simulated]
        if simulated:
            self._soon(self._close_all(simulated))

    async def stop(self) -> None:
        """Give the closing of accounts a moment to end."""
        if self._closing:
            await asyncio.wait(set(self._closing), timeout=_DRAIN_TIMEOUT)
        for task in set(self._closing):
            await end_task(task)

    async def _opened(self, wish: SimulatorAccountOpen, seconds: float) -> SimulatorAccountOpened:
        try:
            opened = await self._bus.request(OPEN_ACCOUNT, wish, actor=SERVICE, timeout=seconds)
        except CommandError as error:
            if error.code is ErrorCode.REFUSED:
                fault = FieldError(("body", STARTING_BALANCES), error.detail, "value_error")
                raise invalid("The simulated exchange refuses the starting balances", fault) from None
            # Whatever came of it there, nothing is stored here: asking again is safe.
            _log.warning("no paper account opened", account=wish.account_name, error=error.detail)
            why = f"The {SIMULATOR} opened no account for '{wish.connector_name}': {error.detail}; nothing was stored"
            raise CommandError(ErrorCode.UNAVAILABLE, why) from error
        if not (opened.api_key and opened.api_secret):
            raise CommandError(ErrorCode.UNAVAILABLE, f"The {SIMULATOR} gave no keys; nothing was stored")
        return opened

    async def _close_all(self, rows: Sequence[CredentialRow]) -> None:
        try:
            cipher = await self._keyring.cipher(self._repository)
        except CommandError as error:
            _log.warning("paper accounts left open", accounts=len(rows), error=error.detail)
            return
        for row in rows:
            try:
                values = cipher.decrypt(row.account_name, row.connector_name, row.secret)
            except UnreadableSecretError:
                # The keyring was rotated in this very moment, or the row was damaged.
                _log.warning("paper account left open", account=row.account_name, connector=row.connector_name)
            else:
                await self._close(values.get(API_KEY))

    async def _close(self, api_key: str | None) -> None:
        if api_key is None:
            return  # stored before such credentials had accounts
        backoff = Backoff(0.5, 2.0)
        for attempt in range(1, _CLOSE_ATTEMPTS + 1):
            try:
                closed = await self._bus.request(
                    CLOSE_ACCOUNT, SimulatorAccountClose(api_key), actor=SERVICE, timeout=_CLOSE_TIMEOUT
                )
            except CommandError as error:
                _log.warning("paper account not closed", attempt=attempt, error=error.detail)
            else:
                _log.info("paper account closed", existed=closed.existed)
                return
            if attempt < _CLOSE_ATTEMPTS:
                await backoff.wait()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="close paper accounts")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _default_balances(connector: Connector) -> dict[str, str]:
    (field,) = (field for field in connector.fields if field.name == STARTING_BALANCES)
    return parse_balances(cast("str", field.default))
