"""What is said of a server that did not start, and how one is ended with all that it started."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hummingbus.stack.processes import kill_tree, log_end, runs


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (b"", ""),
        (b"one\ntwo\n", "one | two"),
        (b"1\n2\n3\n4\n5\n6\n7", "3 | 4 | 5 | 6 | 7"),
        (b"caf\xe9\n", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_end_of_a_log_is_its_last_lines_in_one(content: bytes, end: str, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(content)
    assert log_end(log) == end


def test_a_server_that_has_written_nothing_has_no_log(tmp_path: Path) -> None:
    assert log_end(tmp_path / "server.log") == "no log"


_BREEDER = """
import subprocess, sys
print("begun", flush=True)
children = []
while len(children) < 300:
    children.append(subprocess.Popen(["sleep", "300"]))
"""


@pytest.mark.parametrize("_", range(3))
def test_what_is_started_while_a_tree_is_killed_is_killed_too(_: int) -> None:
    before = set(psutil.pids())
    process = subprocess.Popen([sys.executable, "-c", _BREEDER], stdout=subprocess.PIPE, process_group=0)
    assert process.stdout is not None
    process.stdout.readline()
    kill_tree(process)
    process.stdout.close()
    left = []
    for pid in set(psutil.pids()) - before:
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(pid) == process.pid and runs(psutil.Process(pid)):
                left.append(pid)
    assert left == []
