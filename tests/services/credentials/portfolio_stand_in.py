"""A portfolio that is asked to try keys, and says of them what a test tells it."""

import asyncio
import time
from typing import Any

from hummingbus.stack.nkey import Nkey
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.credentials import CredentialRef, SealedSecret, SecretRequest
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY, KeyAsk, KeyCheck, KeyChecked, KeyVerdict
from shared.errors import CommandError, ErrorCode
from shared.secrets.sealing import SecretAsker
from shared.service import Health
from shared.settings import Settings

GOOD = KeyChecked(KeyVerdict.GOOD)
KEY = Nkey.new()
CHECKER = "replica-1"


class PortfolioStandIn:
    """Opens what it is given, as the real one does, and gives `verdict`.

    Attributes:
        tried: the values that came, by account and connector, in their order.
        request: the signed request to answer instead of a new one, with who can open what is sealed to it.
        rubbish: what to answer instead of a verdict.
        hears: cleared, it takes checks and gives no answer until it is set.
    """

    def __init__(self, settings: Settings) -> None:
        self.verdict = GOOD
        self.tried: list[tuple[str, str, dict[str, Any]]] = []
        self.asked = 0
        self.request: tuple[SecretAsker, SecretRequest] | None = None
        self.rubbish: bytes | None = None
        self.hears = asyncio.Event()
        self.hears.set()
        self.checking = asyncio.Event()
        self._requests: dict[bytes, tuple[SecretAsker, SecretRequest]] = {}
        self._dispatcher = Dispatcher(settings, "portfolio")
        self._dispatcher.on(ASK_KEY, self._ask)
        self._dispatcher.on(CHECK_KEY, self._check)

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))
        await self._dispatcher.own([CHECK_KEY], (CHECKER,))

    async def stop(self) -> None:
        self.hears.set()
        await self._dispatcher.drain()

    async def lose_checker(self) -> None:
        """Let nobody be there who checks, as after the death of the replica that has asked."""
        await self._dispatcher.release((CHECKER,))

    def _ask(self, wanted: CredentialRef, call: Call) -> KeyAsk:
        assert call.actor == "credentials"
        self.asked += 1
        asker = SecretAsker("portfolio", KEY.seed)
        asked = self.request or (asker, asker.request(wanted.account_name, wanted.connector_name, 5.0))
        self._requests[asked[1].nonce] = asked
        return KeyAsk(CHECKER, asked[1])

    async def _check(self, check: KeyCheck, call: Call) -> KeyChecked | Reply:
        assert call.deadline <= time.time() + 8
        found = self._requests.pop(check.nonce, None)
        if found is None:
            raise CommandError(ErrorCode.NOT_FOUND, "no such request")
        asker, request = found
        values = asker.open(SealedSecret(check.sealed), request)
        self.tried.append((check.account_name, check.connector_name, values))
        self.checking.set()
        await self.hears.wait()
        return self.verdict if self.rubbish is None else Reply(self.rubbish)
