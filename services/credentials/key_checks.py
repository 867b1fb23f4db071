"""What an exchange says of keys: `portfolio` tries them there, and gets them sealed as it gets stored ones."""

import time
from collections.abc import Mapping
from typing import Any

from services.credentials.commits import Commits
from services.credentials.release import check_request, forbidden, release_values
from shared.bus.client import Bus
from shared.contracts import portfolio
from shared.contracts.credentials import SERVICE, CredentialRef
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY, KeyCheck, KeyChecked, KeyVerdict
from shared.errors import CommandError, ErrorCode
from shared.telemetry.logs import logger

_log = logger("key_checks")

#: Shorter values are no secrets, and stand in any sentence by chance: `0`, `true`, `www`.
_SHORTEST_SECRET = 6
#: Seconds below which it is no use to ask.
_LEAST_TIME = 0.1
#: Characters of an exchange's reason that are handed on.
_MAX_REASON = 300


class KeyChecks:
    """Has keys tried, whether they are stored or not."""

    def __init__(self, bus: Bus, commits: Commits, service_keys: Mapping[str, str]) -> None:
        """`service_keys` holds the public nkeys of services; that of portfolio has to be among them."""
        self._bus = bus
        self._commits = commits
        self._service_keys = service_keys

    async def verdict(
        self, account_name: str, connector_name: str, values: Mapping[str, Any], seconds: float
    ) -> KeyChecked:
        """Return what the exchange says of `values` within `seconds`; UNKNOWN with the reason if it says nothing.

        No reason holds one of the values, whatever the exchange has said.
        """
        try:
            checked = await self._checked(CredentialRef(account_name, connector_name), values, seconds)
        except CommandError as error:
            tell = _log.error if error.code is ErrorCode.FORBIDDEN else _log.info
            tell("keys not checked", account=account_name, connector=connector_name, error=error.detail)
            return KeyChecked(KeyVerdict.UNKNOWN, error.detail)
        return KeyChecked(checked.verdict, without_values(checked.reason, values), checked.can_withdraw)

    async def _checked(self, wanted: CredentialRef, values: Mapping[str, Any], seconds: float) -> KeyChecked:
        until = time.monotonic() + seconds
        if seconds < _LEAST_TIME:
            raise CommandError(ErrorCode.EXPIRED, "There was no time left to ask the exchange")
        patience = round(min(ASK_KEY.timeout, seconds), 1)
        asked = await self._bus.request(ASK_KEY, wanted, actor=SERVICE, timeout=patience)
        request = asked.request
        if (request.account_name, request.connector_name) != (wanted.account_name, wanted.connector_name):
            raise forbidden("it names another credential than the one to be checked")
        check_request(request, portfolio.SERVICE, self._service_keys)
        sealed = await self._commits.change(lambda change: release_values(change, values, request))
        left = round(until - time.monotonic(), 1)
        if left <= 0:
            raise CommandError(ErrorCode.UNAVAILABLE, f"There was no answer within {seconds:.1f} s")
        check = KeyCheck(asked.checker, wanted.account_name, wanted.connector_name, request.nonce, sealed.sealed)
        return await self._bus.request(CHECK_KEY, check, actor=SERVICE, timeout=left)


def without_values(reason: str, values: Mapping[str, Any]) -> str:
    """Return `reason` in one line, bounded, with each of `values` that it repeats left out."""
    text = " ".join(reason.split())
    for secret in sorted(_texts(values), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text[:_MAX_REASON]


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value] if len(value) >= _SHORTEST_SECRET else []
        case Mapping():
            return [text for item in value.values() for text in _texts(item)]
        case list() | tuple():
            return [text for item in value for text in _texts(item)]
        case bool():
            return []
        case _:
            return _texts(str(value))
