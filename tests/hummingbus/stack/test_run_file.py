"""What runs is recorded, and what a killed stack left behind is ended, but never somebody else's process."""

import subprocess
import sys
from pathlib import Path

from hummingbus.stack.run_file import Run, RunningProcess, end_leftovers, read_run, write_run


def _run(**processes: RunningProcess | None) -> Run:
    pids = {name: process for name, process in processes.items() if process is not None}
    return Run("nats://127.0.0.1:4222", None, "hb", None, pids)


def _sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = _run(edge=RunningProcess(1, 2.5))
    write_run(tmp_path / "run.json", run)
    assert read_run(tmp_path / "run.json") == run


async def test_no_file_and_a_damaged_file_are_no_run(tmp_path: Path) -> None:
    assert read_run(tmp_path / "run.json") is None
    (tmp_path / "run.json").write_text('{"nats_url": 1')
    assert read_run(tmp_path / "run.json") is None
    assert await end_leftovers(tmp_path / "run.json", frozenset()) == ()


async def test_leftovers_are_ended_except_those_to_spare(tmp_path: Path) -> None:
    left, spared, other = _sleeper(), _sleeper(), _sleeper()
    try:
        began = RunningProcess.of(other.pid)
        assert began is not None
        reused = RunningProcess(other.pid, began.began - 100)  # the id of a process that ended long ago
        run = _run(edge=RunningProcess.of(left.pid), nats=RunningProcess.of(spared.pid), control=reused)
        write_run(tmp_path / "run.json", run)
        assert await end_leftovers(tmp_path / "run.json", frozenset({"nats"}), grace=0.1) == ("edge",)
        assert left.wait(30) == -9
        assert RunningProcess.of(left.pid) is None
        assert spared.poll() is None
        assert other.poll() is None
    finally:
        for process in (left, spared, other):
            process.kill()
            process.wait()
