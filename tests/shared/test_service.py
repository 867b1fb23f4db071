"""Services that share a process: started side by side, drained the last one first, whatever one of them does."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from shared.service import Health, run


class Recorded:
    """A service that says what is done with it."""

    def __init__(self, name: str, log: list[str], start: Callable[[], "asyncio.Future[None]"]) -> None:
        self.name = name
        self._log = log
        self._start = start

    async def start(self) -> None:
        self._log.append(f"start {self.name}")
        await self._start()
        self._log.append(f"started {self.name}")

    async def drain(self) -> None:
        self._log.append(f"drain {self.name}")

    def health(self) -> Health:
        return Health(True)


def at_once() -> "asyncio.Future[None]":
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


def never() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_one_that_waits_for_a_server_holds_up_no_other(log: list[str]) -> None:
    gate = asyncio.get_running_loop().create_future()

    def open_gate() -> "asyncio.Future[None]":
        gate.set_result(None)
        return at_once()

    await run([Recorded("a", log, lambda: gate), Recorded("b", log, open_gate)], started=terminate)
    assert log.index("start b") < log.index("started a")
    assert log[-2:] == ["drain b", "drain a"]


async def test_a_signal_during_the_start_ends_it(log: list[str]) -> None:
    def signalled() -> "asyncio.Future[None]":
        terminate()
        return at_once()

    started: list[str] = []
    services = [Recorded("a", log, never), Recorded("b", log, signalled)]
    await run(services, started=lambda: started.append("all"))
    assert not started
    assert "started a" not in log
    assert log[-2:] == ["drain b", "drain a"]


async def test_one_that_cannot_start_ends_all(log: list[str]) -> None:
    def refused() -> "asyncio.Future[None]":
        raise OSError("no such port")

    with pytest.raises(OSError, match="no such port"):
        await run([Recorded("a", log, never), Recorded("b", log, refused)])
    assert log[-2:] == ["drain b", "drain a"]


@pytest.fixture
def log() -> list[str]:
    return []
