"""The data folder: one stack at a time, private files, an outside seed that stays."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hummingbus.stack.data_folder import DataFolder
from hummingbus.stack.errors import StartError

_HOLD = """
import sys
from pathlib import Path
from hummingbus.stack.data_folder import DataFolder
DataFolder(Path(sys.argv[1])).open()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_used_by_one_stack_at_a_time_and_free_when_that_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "data")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StartError, match=rf"in use by another Hummingbus \(process {holder.pid}\)"):
        DataFolder(tmp_path / "data").open()
    holder.kill()
    holder.communicate()
    DataFolder(tmp_path / "data").open()


def test_a_new_folder_is_private_and_says_that_nothing_was_in_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "some" / "data")
    assert not folder.open()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.outside_key()
    assert stat.S_IMODE(folder.outside_seed.stat().st_mode) == 0o600


def test_a_folder_of_an_earlier_start_says_so_and_keeps_the_outside_seed(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    key = first.outside_key()
    assert key.seed not in repr(key)
    second = DataFolder(tmp_path)
    assert second.open()
    assert second.outside_key() == key


def test_a_damaged_seed_is_an_error_that_does_not_show_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.outside_seed.write_text("SUAGARBAGE")
    with pytest.raises(StartError, match="holds no nkey seed") as caught:
        folder.outside_key()
    assert "SUAGARBAGE" not in str(caught.value)


def test_a_folder_that_can_not_be_made_is_an_error_that_says_how_to_choose_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="HUMMINGBUS_DATA="):
        DataFolder(tmp_path / "file" / "data").open()
