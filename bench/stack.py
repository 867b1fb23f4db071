"""The embedded stack as a user runs it, in a folder of its own, for benchmarks."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from hummingbus.stack.ports import free_port
from hummingbus.stack.run_file import Run, read_run

PASSWORD = "bench-password"  # noqa: S105 - of a stack that lives for this run alone
START_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that is ready: where it is, what runs, and how long its start took in seconds."""

    folder: Path
    host: str
    port: int
    run: Run
    pid: int
    start_seconds: float

    @property
    def authorization(self) -> dict[str, str]:
        """The header that a client sends."""
        return {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}

    def cpu_seconds(self, *names: str) -> float:
        """Return the processor time that the processes `names` of `run.json` have used."""
        times = [psutil.Process(self.run.pids[name].pid).cpu_times() for name in names]
        return sum(t.user + t.system for t in times)

    def processes(self) -> list[psutil.Process]:
        """Return every process of the stack, servers included."""
        supervisor = psutil.Process(self.pid)
        return [supervisor, *supervisor.children(recursive=True)]


@contextmanager
def stack(folder: Path | None = None, **environment: str) -> Iterator[RunningStack]:
    """Start a stack and give it when `/ready` answers 200; stop it afterwards.

    Args:
        folder: its data folder, kept; None makes one that is deleted.
        environment: further settings by their upper-case names.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="hb-bench-"))
    place.mkdir(exist_ok=True)
    place.chmod(0o711)
    port = free_port()
    settings = {
        "API_PORT": str(port), "HUMMINGBUS_DATA": str(place / "data"), "HUMMINGBUS_ENV_FILE": str(place / ".env"),
        "API_USERNAME": "admin", "API_PASSWORD": PASSWORD, "CONFIG_PASSWORD": PASSWORD,
        "SIMULATOR_PORT": str(free_port()), "SIMULATOR_ADMIN_PORT": "0", **environment,
    }  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "hummingbus", "up"], env=os.environ | settings, stdout=subprocess.DEVNULL
    )
    try:
        seconds = _wait_until_ready(process, port, began)
        run = read_run(place / "data" / "run.json")
        if run is None:
            raise RuntimeError("expected run.json of a stack that is ready, was missing")
        yield RunningStack(place, "127.0.0.1", port, run, process.pid, seconds)
    finally:
        process.terminate()
        process.wait(30)
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, began: float) -> float:
    while time.perf_counter() - began < START_TIMEOUT:
        if process.poll() is not None:
            raise RuntimeError(f"the stack ended at its start with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
                if answer.status == 200:
                    return time.perf_counter() - began
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.02)
    raise RuntimeError(f"the stack was not ready within {START_TIMEOUT:g} s")
