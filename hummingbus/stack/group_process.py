"""A group of services as a process of its own, forked from one that has imported everything."""

import asyncio
import contextlib
import json
import multiprocessing
import signal
from collections.abc import Iterable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from hummingbus.stack.errors import StartError
from hummingbus.stack.group_spec import GroupSpec
from shared.settings import EXIT_CONFIG

#: Seconds that a group has to drain before it is killed.
_DRAIN = 15.0
#: Fields that every event of a log has, or that are told otherwise.
_EVERY_EVENT = frozenset({"event", "level", "logger", "timestamp", "trace_id", "exception"})


def prepare_forks(modules: Iterable[str]) -> None:
    """Start the process that groups are forked from; it imports `modules` while we go on.

    To be called from the main thread, once, before anything else is started.
    """
    context = multiprocessing.get_context("forkserver")
    begin, end = "hummingbus.stack.preload_begin", "hummingbus.stack.preload_end"
    context.set_forkserver_preload([begin, "hummingbus.stack.group_child", *modules, end])
    # A Ctrl-C before `preload_begin` has run would end it with a traceback.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _enter(spec: GroupSpec, started: Connection) -> None:
    """Run the group; in its own process, so that the supervisor need not import what only groups use."""
    from hummingbus.stack.group_child import run_group

    run_group(spec, started)


class GroupEnded(StartError):
    """A group has ended before it served. `exit_code` is the group's."""


class GroupProcess:
    """The process of one group, which can be started again when it has ended."""

    def __init__(self, spec: GroupSpec) -> None:
        self.spec = spec
        self._process: ForkServerProcess | None = None
        self._log_position = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running group."""
        return self._process.pid if self._process is not None and self._process.exitcode is None else None

    async def start(self) -> None:
        """Fork the process and wait until all its services serve, which may take as long as a server is away.

        Raises:
            GroupEnded: if it ends before; the text holds the last error that it logged.
        """
        context = multiprocessing.get_context("forkserver")
        self._log_position = self.spec.log.stat().st_size if self.spec.log.exists() else 0
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=_enter, args=(self.spec, writer), name=f"hummingbus-{self.spec.name}")
        with reader:
            with writer:
                # Waits for the imports when it is the first; never left alone half done, as `stop` must find it.
                forking = asyncio.ensure_future(asyncio.to_thread(process.start))
                try:
                    await asyncio.shield(forking)
                except asyncio.CancelledError:
                    with contextlib.suppress(EOFError, OSError):
                        await forking
                        self._process = process
                    raise
                except (EOFError, OSError) as error:
                    raise GroupEnded(f"{self.spec.name} could not be forked ({type(error).__name__})") from error
            self._process = process
            await _readable(reader.fileno())
            if reader.poll():
                with contextlib.suppress(EOFError):
                    reader.recv_bytes()
                    return
        code = await self.wait()
        raise GroupEnded(f"{self.spec.name} ended at its start, {self.describe(code)}", code)

    async def wait(self) -> int:
        """Wait until the process ends by itself; return its exit code, negative for a signal."""
        assert self._process is not None, "expected a group that was started"
        await _readable(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    async def stop(self) -> None:
        """Have the services drain, then end the process; it is killed when that takes too long."""
        if self.pid is None:
            return
        assert self._process is not None
        self._process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await self.wait()
                return
        self._process.kill()
        await self.wait()

    def hasten(self) -> None:
        """End the process at once. For a `stop` that takes too long."""
        if self._process is not None and self.pid is not None:
            self._process.kill()

    def describe(self, code: int) -> str:
        """Return in words how the process ended, with the last error it logged."""
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        reason = last_error(self.spec.log, self._log_position)
        if code == EXIT_CONFIG:
            return reason or "its settings are wrong"
        return f"exit code {code}: {reason}" if reason else f"exit code {code}"


def last_error(log: Path, position: int) -> str | None:
    """Return what the last error says that was logged after `position`, or the last line of text that is no event."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(position if stream.tell() >= position else 0)  # smaller: it was rotated
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.strip():
                return line.strip()  # the end of a traceback
            continue
        if isinstance(entry, dict) and entry.get("level") in {"error", "critical"}:
            return _in_words(entry)
    return None


def _in_words(entry: dict[str, object]) -> str:
    """Return an event of a log as one line: what it says, its own fields, and the last line of a traceback."""
    fields = [f"{name}: {value}" for name, value in entry.items() if name not in _EVERY_EVENT]
    if traceback := str(entry.get("exception", "")).strip():
        fields.append(traceback.splitlines()[-1])
    return f"{entry.get('event')} ({'; '.join(fields)})" if fields else str(entry.get("event"))


async def _readable(descriptor: int) -> None:
    """Wait until `descriptor` can be read, or its other end is closed."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_reader(descriptor, tell)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)
