"""Asks `credentials` which accounts there are, for who follows them and for who knows of a change before its event."""

import asyncio
from collections.abc import Callable, Collection

from services.portfolio.sessions.desired import Desired
from shared.bus.client import Bus
from shared.bus.messages import Call
from shared.contracts import credentials
from shared.contracts.credentials import SNAPSHOT_ACCOUNTS, Nothing
from shared.contracts.portfolio import SERVICE
from shared.errors import CommandError
from shared.events.applied import AppliedEvents
from shared.telemetry.logs import logger

#: Seconds that a reader waits for `credentials`; then what was said last counts.
PATIENCE = 1.0

_log = logger("known_accounts")


def account_changes(call: Call) -> tuple[int, ...]:
    """Return the events of `credentials` that the answer to a command must reflect."""
    return call.after_others.get(credentials.SERVICE, ())


class KnownAccounts:
    """Brings `desired` up to date: one question at a time, so that no answer replaces a later one."""

    def __init__(self, bus: Bus, desired: Desired) -> None:
        self._bus = bus
        self._desired = desired
        self._watchers: list[Callable[[], None]] = []
        self._asking = asyncio.Lock()
        self._applied = AppliedEvents()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each answer."""
        self._watchers.append(changed)

    def holds(self, event_ids: Collection[int]) -> bool:
        """Return whether `desired` reflects these events of `credentials`."""
        return not event_ids or self._applied.holds(event_ids)

    async def holds_soon(self, call: Call, seconds: float | None = None) -> bool:
        """Return whether `desired` reflects what the caller has changed of accounts; ask `credentials` where not.

        `credentials` has `seconds` for it, `PATIENCE` without, but never more than half of what the caller has left.
        """
        changes = account_changes(call)
        if not self.holds(changes):
            await self.catch_up(changes, min(PATIENCE if seconds is None else seconds, call.seconds_left() / 2))
        return self.holds(changes)

    async def look(self, event_ids: Collection[int] = ()) -> None:
        """Ask for all accounts, after these events of `credentials` were seen.

        Raises:
            CommandError: if `credentials` does not say.
        """
        async with self._asking:
            await self._ask(event_ids)

    async def catch_up(self, event_ids: Collection[int], seconds: float = PATIENCE) -> None:
        """Return when `desired` reflects these events; after `seconds` or without `credentials`, as it is."""
        try:
            async with asyncio.timeout(max(0.0, seconds)), self._asking:
                if event_ids and self.holds(event_ids):
                    return  # who asked before has brought them
                await self._ask(event_ids)
        except TimeoutError:
            _log.info("accounts may be out of date", reason="credentials is slow")
        except CommandError as error:
            _log.info("accounts may be out of date", reason=error.code.value)

    async def _ask(self, event_ids: Collection[int]) -> None:
        snapshot = await self._bus.request(SNAPSHOT_ACCOUNTS, Nothing(), actor=SERVICE)
        self._desired.load(snapshot.accounts)
        # `credentials` answers from its database, so all that anybody knew of before is in it.
        for event_id in event_ids:
            self._applied.mark(event_id)
        for changed in self._watchers:
            changed()
