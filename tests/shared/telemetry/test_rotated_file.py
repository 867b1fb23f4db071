"""A service's log file: private, small, and it holds what the interpreter itself says."""

import json
import stat
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os, sys
from pathlib import Path
from shared.telemetry import rotated_file
from shared.telemetry.logs import configure_logs, logger
rotated_file._BYTES = 2_000
configure_logs("INFO", Path(sys.argv[1]))
for number in range(100):
    logger("test").info("an event", number=number)
os.write(2, b"raw words\\n")
raise ValueError("the end")
"""


def test_the_log_is_private_and_rotated_and_takes_the_last_words(tmp_path: Path) -> None:
    file = tmp_path / "edge.log"
    outcome = subprocess.run([sys.executable, "-c", _PROGRAM, str(file)], capture_output=True, check=False)
    assert outcome.returncode == 1
    assert outcome.stdout + outcome.stderr == b""
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["edge.log", "edge.log.1", "edge.log.2", "edge.log.3"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert all(path.stat().st_size < 2_500 for path in files)
    lines = file.read_text().splitlines()
    assert lines[-1] == "ValueError: the end"
    assert "raw words" in lines
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert events[-1]["number"] == 99
