"""A simulator that opens and closes accounts on the bus, and does what a test tells it."""

import asyncio

from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.simulator import (
    CLOSE_ACCOUNT,
    OPEN_ACCOUNT,
    SimulatorAccountClose,
    SimulatorAccountClosed,
    SimulatorAccountOpen,
    SimulatorAccountOpened,
)
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from shared.settings import Settings


class SimulatorStandIn:
    """Opens every account, unless told otherwise.

    Attributes:
        accounts: what is open, by API key.
        refuses: the reason to refuse balances for.
        rubbish: what to answer instead of keys.
        close_failures: how often closing fails before it is done.
        hears: cleared, it takes commands and gives no answer until it is set.
    """

    def __init__(self, settings: Settings) -> None:
        self.accounts: dict[str, SimulatorAccountOpen] = {}
        self.opened = 0
        self.refuses: str | None = None
        self.rubbish: bytes | None = None
        self.hears = asyncio.Event()
        self.hears.set()
        self.close_failures = 0
        self._dispatcher = Dispatcher(settings, "simulator")
        self._dispatcher.on(OPEN_ACCOUNT, self._open)
        self._dispatcher.on(CLOSE_ACCOUNT, self._close)

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        self.hears.set()
        await self._dispatcher.drain()

    async def _open(self, request: SimulatorAccountOpen, _: Call) -> SimulatorAccountOpened | Reply:
        if self.refuses is not None:
            raise CommandError(ErrorCode.REFUSED, self.refuses)
        if self.rubbish is not None:
            return Reply(self.rubbish)
        self.opened += 1
        api_key = f"api-key-{self.opened}"
        self.accounts[api_key] = request
        await self.hears.wait()
        return SimulatorAccountOpened(api_key, f"api-secret-{self.opened}")

    async def _close(self, request: SimulatorAccountClose, _: Call) -> SimulatorAccountClosed:
        await self.hears.wait()
        if self.close_failures:
            self.close_failures -= 1
            raise CommandError(ErrorCode.UNAVAILABLE, "the simulator's database can't be written to")
        return SimulatorAccountClosed(self.accounts.pop(request.api_key, None) is not None)
