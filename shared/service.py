"""The life of a service: what each one offers to whoever runs it, alone or in a group."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version as package_version
from typing import Any, Protocol

from shared.telemetry.logs import logger

VERSION = package_version("hummingbus")
#: A service whose clock is further than this from PostgreSQL's is not ready, in seconds.
CLOCK_TOLERANCE = 1.0


class ServiceStartError(Exception):
    """A service cannot start for a reason that whoever runs it can change; the text says which and how."""


def clock_reasons(offset: float) -> tuple[str, ...]:
    """Return why a service whose clock is `offset` seconds ahead of the database's cannot do its work, if so."""
    if abs(offset) <= CLOCK_TOLERANCE:
        return ()
    return (f"the clock is {offset:+.1f} s off that of the database",)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a service can do its work, and if not, why. `figures` are for people: lags, counts, sizes."""

    ready: bool
    reasons: tuple[str, ...] = ()
    figures: tuple[tuple[str, float], ...] = ()


class Service(Protocol):
    """One service. `start` returns when it serves; it waits for servers that are not there yet."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def drain(self) -> None:
        """Take no new work, finish what is under way, let go of everything."""
        ...

    def health(self) -> Health: ...


async def run(services: Sequence[Service], started: Callable[[], None] = lambda: None) -> None:
    """Start `services` side by side, call `started`, and drain them on SIGTERM or SIGINT, the last one first.

    Raises:
        ServiceStartError: if one cannot start; the others are drained.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        starting = []
        for service in services:
            stack.push_async_callback(_drain, service)
            starting.append(asyncio.ensure_future(_start(service)))
        if not await _all_started(starting, stop):
            return
        started()
        await stop.wait()


async def _start(service: Service) -> None:
    await service.start()
    logger("service").info("service started", service=service.name, version=VERSION)


async def _all_started(starting: Sequence["asyncio.Future[None]"], stop: asyncio.Event) -> bool:
    """Return True when all have started, False when they are to stop before that; raise what the first one raises."""
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    missing: set[asyncio.Future[Any]] = set(starting)
    try:
        while missing:
            done, _ = await asyncio.wait({*missing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                return False
            for task in done:
                task.result()
            missing -= done
        return True
    finally:
        for task in (stopping, *missing):
            task.cancel()
        await asyncio.wait({stopping, *missing})


async def _drain(service: Service) -> None:
    log = logger("service")
    try:
        await service.drain()
    except Exception:
        log.exception("service did not drain", service=service.name)
    else:
        log.info("service stopped", service=service.name)
