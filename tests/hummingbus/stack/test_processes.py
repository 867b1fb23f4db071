"""What is said of a server that did not start."""

from pathlib import Path

import pytest

from hummingbus.stack.processes import log_end


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
