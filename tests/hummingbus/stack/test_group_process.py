"""Why a group ended, as its log says it."""

import json
from pathlib import Path

import pytest

from hummingbus.stack.group_process import last_error

_EARLIER = json.dumps({"event": "an earlier error", "level": "error"})
_INFO = json.dumps({"event": "service stopped", "level": "info"})
_ERROR = json.dumps({"event": "the password is wrong", "level": "critical"})
_DETAILED = json.dumps(
    {
        "event": "a setting is wrong",
        "faults": "API_PORT: expected a number",
        "level": "error",
        "logger": "service",
        "exception": "Traceback …\nValueError: no",
    }
)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([_ERROR, _INFO], "the password is wrong"),
        (["Traceback …", "ValueError: expected a port", ""], "ValueError: expected a port"),
        ([_DETAILED], "a setting is wrong (faults: API_PORT: expected a number; ValueError: no)"),
        ([_INFO], None),
        (["[1, 2]", "7"], None),
        ([], None),
    ],
)
def test_the_last_error_since_the_start_is_the_reason(tmp_path: Path, lines: list[str], reason: str | None) -> None:
    log = tmp_path / "edge.log"
    log.write_text(f"{_EARLIER}\n")
    position = log.stat().st_size
    with log.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    assert last_error(log, position) == reason


def test_a_log_that_was_rotated_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "edge.log"
    log.write_text(f"{_ERROR}\n")
    assert last_error(log, 10_000) == "the password is wrong"


def test_no_log_is_no_reason(tmp_path: Path) -> None:
    assert last_error(tmp_path / "edge.log", 0) is None
