"""Keeps one part of the stack running: what ends by itself is started again, with pauses that grow."""

import time
from collections.abc import Callable
from typing import Protocol

from hummingbus.stack.errors import StartError
from shared.backoff import Backoff
from shared.settings import EXIT_CONFIG

#: Seconds a part must have run for the next restart to come at once again.
_STEADY = 30.0


class Part(Protocol):
    """A server or a group of services."""

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> object: ...

    async def wait(self) -> int: ...

    async def stop(self) -> None: ...

    def hasten(self) -> None: ...


class Keeper:
    """Starts `part`, watches it and starts it again.

    Args:
        name: what people call the part.
        say: tells people, in a line.
        changed: called when the part has another process than before.
        first_attempts: how often the very first start is tried.
    """

    def __init__(
        self,
        name: str,
        part: Part,
        say: Callable[[str], None],
        changed: Callable[[], None],
        *,
        first_attempts: int = 1,
    ) -> None:
        self.name = name
        self.part = part
        self._say = say
        self._changed = changed
        self._first_attempts = first_attempts
        self._backoff = Backoff(0.2, 10.0)
        self._since = 0.0

    async def first_start(self) -> None:
        """Start the part.

        Raises:
            StartError: if its settings are wrong, or it has failed several times.
        """
        for attempt in range(1, self._first_attempts + 1):
            try:
                await self._start()
            except StartError as error:
                if error.exit_code == EXIT_CONFIG or attempt == self._first_attempts:
                    raise
                self._say(f"{error}; trying again")
                await self._backoff.wait()
            else:
                return

    async def keep(self) -> None:
        """Start the part again whenever it has ended; for ever, as what it waits for may come back."""
        while True:
            code = await self.part.wait()
            self._changed()
            ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            self._say(f"{self.name} ended ({ended}), starting it again")
            if time.monotonic() - self._since > _STEADY:
                self._backoff.reset()
            await self._start_again()
            self._say(f"{self.name} is back")

    async def _start_again(self) -> None:
        while True:
            await self._backoff.wait()
            try:
                await self._start()
            except StartError as error:
                self._say(f"{error}; trying again")
            else:
                return

    async def _start(self) -> None:
        await self.part.start()
        self._since = time.monotonic()
        self._changed()
