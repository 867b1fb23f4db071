"""`run.json` in the data folder: what runs, for the command line to find and for the next start to clean up."""

import contextlib
from pathlib import Path

import msgspec
import psutil

from hummingbus.stack.private_file import write_private
from hummingbus.stack.processes import gone, runs

#: Seconds that children of a killed stack have to end by themselves before they are killed.
_GRACE = 5.0


class RunningProcess(msgspec.Struct, frozen=True):
    """A process by its id and the time it began (Unix seconds), which together are never used again."""

    pid: int
    began: float

    @classmethod
    def of(cls, pid: int) -> "RunningProcess | None":
        """Return the process `pid`, None if it has ended."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.began) < 1 and runs(process) else None
        except psutil.NoSuchProcess:
            return None


class Run(msgspec.Struct, frozen=True):
    """A stack that runs. No secret stands in it: `outside_seed` is where one is."""

    nats_url: str
    api_url: str | None
    namespace: str
    outside_seed: str | None
    pids: dict[str, RunningProcess]


def write_run(file: Path, run: Run) -> None:
    """Record `run`."""
    write_private(file, msgspec.json.format(msgspec.json.encode(run), indent=2).decode() + "\n")


def read_run(file: Path) -> Run | None:
    """Return what `file` says, None if there is no file or it is not one of this version."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Run)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


async def end_leftovers(file: Path, spare: frozenset[str], grace: float = _GRACE) -> tuple[str, ...]:
    """End the services that a stack killed with SIGKILL left behind; return the names of those that were found.

    They end by themselves within moments. To be called with the data folder locked: nothing of `file` is in use then.
    `spare` names servers, which know better how to end one of their own that was left; `grace` is in seconds.
    """
    run = read_run(file)
    if run is None:
        return ()
    entries = {name: entry for name, entry in run.pids.items() if name not in spare}
    found = {name: process for name, entry in entries.items() if (process := entry.find()) is not None}
    if not await gone(list(found.values()), grace):
        for process in found.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await gone(list(found.values()), _GRACE)
    return tuple(found)
