"""The command line's way onto the bus: as an outside program, found through the running stack or the environment."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from nats.errors import Error as NatsError
from pydantic import ValidationError
from rich.console import Console

from hummingbus.stack.addresses import without_login
from hummingbus.stack.reachable import accepts
from hummingbus.stack.run_file import read_run
from shared.bus.client import Bus
from shared.contracts.declaration import OUTSIDE
from shared.errors import CommandError
from shared.settings import Settings, load, read_environment
from shared.telemetry.logs import configure_logs

T = TypeVar("T")

#: Seconds until the command line gives up on a bus that does not answer.
CONNECT_TIMEOUT = 5.0
#: Exit code when something that should be there is not.
FAILED = 1

errors = Console(stderr=True)


def bus_settings() -> Settings:
    """Return how to reach the bus: what `NATS_URL` says, else the stack that runs on the data folder.

    Raises:
        typer.Exit: if neither is there, after saying so.
    """
    environment = read_environment()
    overrides: dict[str, str] = {}
    folder = Path(environment.get("HUMMINGBUS_DATA", "data"))
    run = read_run(folder / "run.json")
    if run is not None and "NATS_URL" not in environment:
        overrides = {"NATS_URL": run.nats_url, "HUMMINGBUS_NAMESPACE": run.namespace}
        if run.outside_seed is not None:
            overrides["NATS_SEED_FILE"] = run.outside_seed
    elif "NATS_URL" not in environment:
        fail(f"No stack runs on the data folder {folder}. Start one with ./run.sh, or set HUMMINGBUS_DATA or NATS_URL.")
    elif "NATS_SEEDS" in environment and "NATS_SEED_FILE" not in environment:
        overrides["NATS_SEED_FILE"] = str(Path(environment["NATS_SEEDS"]) / f"{OUTSIDE}.nk")
    try:
        return load(Settings, {"LOG_LEVEL": "ERROR", **overrides})
    except ValidationError as error:
        fail(str(error))


@asynccontextmanager
async def open_bus() -> AsyncIterator[Bus]:
    """Give a connected bus.

    Raises:
        typer.Exit: if it can't be reached in time, after saying so.
    """
    settings = bus_settings()
    configure_logs(settings.log_level)  # to standard error: what a command prints may be read by a program
    bus = Bus(settings, OUTSIDE)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await bus.start()
    except TimeoutError:
        fail(await _why_not(settings))
    except NatsError as error:
        fail(f"NATS_URL can't be used ({error}).")
    except OSError as error:
        fail(f"The seed {settings.nats_seed_file} can't be read ({error.strerror}).")
    try:
        yield bus
    finally:
        await bus.stop()


async def _why_not(settings: Settings) -> str:
    """Return in words why there is no connection to the bus."""
    where = f"The message bus at {without_login(settings.nats_url)}"
    try:
        why = await accepts(settings.nats_url.split(",")[0])
    except ValueError as error:
        why = str(error)
    if why is not None:
        return f"{where} can't be reached ({why}). Is the stack running?"
    proof = "NATS_SEED_FILE is to name the seed of a user that it knows, such as outside.nk of its stack"
    return f"{where} does not let us in: {proof}."


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's work; end with a sentence, not a traceback, where a service refuses."""
    try:
        return run_or_raise(work)
    except CommandError as error:
        fail(error.detail)


def run_or_raise(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's work; Ctrl-C ends it quietly.

    Raises:
        CommandError: what a service refused it for.
    """
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def let_go_of_output() -> None:
    """Write no more to standard output, whose reader has gone: what Python flushes at its end would fail."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def fail(text: str) -> NoReturn:
    """Say `text` on standard error and end with exit code 1."""
    errors.print(text, style="red", markup=False, highlight=False)
    raise typer.Exit(FAILED)
