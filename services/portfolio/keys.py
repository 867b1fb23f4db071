"""Tries keys on their exchange before they are stored, for `credentials`, which seals them to this replica alone."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from shared.bus.messages import Call
from shared.contracts.credentials import CredentialRef, SealedSecret, SecretRequest
from shared.contracts.portfolio.keys import KeyAsk, KeyCheck, KeyChecked, KeyVerdict
from shared.errors import CommandError, ErrorCode, not_found
from shared.exchanges.errors import ExchangeError, KeysRefused
from shared.exchanges.interface import TradingAccount
from shared.exchanges.registry import Exchanges
from shared.secrets.sealing import SealingError, SecretAsker
from shared.telemetry.logs import logger

#: Seconds that a question for a secret is good for.
_VALIDITY = 10.0
#: Questions that wait for their secret; the oldest are forgotten.
_QUESTIONS = 256
#: Seconds kept back for the answer's way, and the most that an exchange is waited for.
_WAY_BACK = 0.3
_PATIENCE = 4.5
#: Seconds that closing the connections may take.
_CLOSING = 2.0

_log = logger("keys")


class KeyTrials:
    """The trials of this replica, which is `checker` to those who send it secrets."""

    def __init__(self, checker: str, exchanges: Exchanges, new_asker: Callable[[], SecretAsker]) -> None:
        self.checker = checker
        self._exchanges = exchanges
        self._new_asker = new_asker
        self._asked: OrderedDict[bytes, tuple[SecretAsker, SecretRequest]] = OrderedDict()

    def ask(self, wanted: CredentialRef, _: Call) -> KeyAsk:
        """Answer with a signed request for the values to try.

        Raises:
            CommandError: UNAVAILABLE if this service has no nkey.
        """
        asker = self._new_asker()
        request = asker.request(wanted.account_name, wanted.connector_name, _VALIDITY)
        self._asked[request.nonce] = (asker, request)
        while len(self._asked) > _QUESTIONS:
            self._asked.popitem(last=False)
        return KeyAsk(self.checker, request)

    async def check(self, given: KeyCheck, call: Call) -> KeyChecked:
        """Try the values that were sent for a question; each question is good for one answer.

        Raises:
            CommandError: NOT_FOUND if nothing was asked, or too long ago; FORBIDDEN if the values are not for it.
        """
        asker, request = self._asked.pop(given.nonce, (None, None))
        if asker is None or request is None or request.deadline < time.time():
            raise not_found("Nothing was asked with this nonce, or its time has passed")
        if (given.account_name, given.connector_name) != (request.account_name, request.connector_name):
            raise CommandError(ErrorCode.FORBIDDEN, "The values are for another credential than was asked for")
        try:
            values = asker.open(SealedSecret(given.sealed), request)
        except SealingError as error:
            raise CommandError(ErrorCode.FORBIDDEN, f"The values cannot be opened: {error}") from error
        return await self._tried(given.connector_name, values, min(_PATIENCE, call.seconds_left() - _WAY_BACK))

    async def _tried(self, connector: str, values: dict[str, Any], seconds: float) -> KeyChecked:
        account = None
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                account = self._exchanges.account(connector, values)
                rights = await account.check()
        except KeysRefused as error:
            return KeyChecked(KeyVerdict.WRONG, str(error))
        except ExchangeError as error:
            return KeyChecked(KeyVerdict.UNKNOWN, str(error))
        except TimeoutError:
            return KeyChecked(KeyVerdict.UNKNOWN, f"{connector} has not answered in time")
        finally:
            await _close(account)
        if rights.can_trade is False:
            return KeyChecked(KeyVerdict.GOOD, "the keys may not trade", rights.can_withdraw)
        return KeyChecked(KeyVerdict.GOOD, can_withdraw=rights.can_withdraw)


async def _close(account: TradingAccount | None) -> None:
    if account is None:
        return
    try:
        async with asyncio.timeout(_CLOSING):
            await account.close()
    except (ExchangeError, TimeoutError) as error:
        _log.info("connections of a trial not closed", error=type(error).__name__)
