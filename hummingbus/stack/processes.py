"""Child processes: started so that they end with us, awaited without polling, stopped in bounded steps."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1
#: Seconds in which the kernel takes away what was killed, also on a busy machine.
_KILLED_WITHIN = 5.0
#: Bytes from which on a log is put aside at the next start, for one generation.
_LOG_LIMIT = 5_000_000
_prctl: Callable[..., int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that a child runs as."""

    uid: int
    gid: int


def end_with_parent(number: int, parent: int) -> None:
    """Have the kernel send this process signal `number` when `parent` ends; Linux only, elsewhere nothing.

    To be called in the child. `parent` is compared afterwards, as it may have ended before the kernel knew.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def launch(
    arguments: Sequence[str],
    log: Path,
    *,
    death_signal: signal.Signals,
    folder: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a server in a session of its own, so that a terminal's Ctrl-C reaches only us; its output goes to `log`.

    `death_signal` is what it gets when this process ends without stopping it. To be called from a thread that lives
    as long as the child may, the main one: for the kernel the parent is the thread.
    """
    parent = os.getpid()
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))
    with open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            # Runs after the change of user, which would clear it; touches nothing that another thread may hold.
            preexec_fn=lambda: end_with_parent(death_signal, parent),  # noqa: PLW1509
        )


def log_end(log: Path) -> str:
    """Return the last five lines of a server's log in one, for the error that says why it is not there."""
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-5:])
    except FileNotFoundError:
        return "no log"


def bare_environment() -> dict[str, str]:
    """Return the environment of a server: nothing of ours, as a secret in it could be read by the server's user."""
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}


async def exited(process: "subprocess.Popen[bytes]") -> int:
    """Wait until `process` ends; return its exit code, negative for a signal."""
    if (code := process.poll()) is not None:
        return code
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()

    def tell(code: int) -> None:
        if not future.done():
            future.set_result(code)

    def wait() -> None:
        code = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(tell, code)

    threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()
    return await future


async def stop(process: "subprocess.Popen[bytes]", steps: Iterable[tuple[signal.Signals, float]]) -> int:
    """Send each signal of `steps` and wait up to its seconds, until `process` ends; SIGKILL is the last resort."""
    for number, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await exited(process)
    process.kill()
    return await exited(process)


def kill_tree(process: "subprocess.Popen[Any]") -> None:
    """End `process` and all that it started, at once, as a loss of power would; return when all of it is gone."""
    tree: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        found = [root]
        # Stopped first, until nothing new is found: nothing of it starts another process, or cleans up, meanwhile.
        while found:
            tree += found
            _signal_all(found, psutil.Process.suspend)
            found = [child for child in root.children(recursive=True) if child not in tree]
        _signal_all(tree, psutil.Process.kill)
    process.wait()
    until = time.monotonic() + _KILLED_WITHIN
    while any(map(runs, tree)) and time.monotonic() < until:
        time.sleep(0.002)


def _signal_all(processes: Iterable[psutil.Process], signalled: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            signalled(process)


async def end_orphan(process: psutil.Process, steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Stop a process that is not our child, as `stop` does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for number, seconds in steps:
            process.send_signal(number)
            if await gone([process], seconds):
                return
        process.kill()
        await gone([process], 5.0)


async def gone(processes: Sequence[psutil.Process], seconds: float) -> bool:
    """Wait up to `seconds` for processes that are not our children to end; return whether all did.

    There is nothing to be woken by. One that has ended stays in the table where nobody collects it, as in a container
    without an init; for that reason `psutil.wait_procs` would wait in vain.
    """
    until = time.monotonic() + seconds
    while any(runs(process) for process in processes):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True


def runs(process: psutil.Process) -> bool:
    """Return whether `process` has not ended, collected or not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
