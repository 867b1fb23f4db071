"""What root opens for PostgreSQL's user: passing through, nothing else."""

import os
import stat
from pathlib import Path

import pytest

from hummingbus.stack.postgres_account import AccountError, let_through, make_private, postgres_account


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_what_stood_in_the_way_is_opened_and_only_for_passing(folder: Path) -> None:
    inner = folder / "home" / "app"
    inner.mkdir(parents=True)
    (folder / "home").chmod(0o700)
    inner.chmod(0o750)
    file = inner / "postgres"
    file.touch(0o600)
    assert set(let_through(file)) == {folder / "home", inner}
    assert [_mode(path) for path in (folder / "home", inner, file)] == [0o701, 0o751, 0o600]
    assert let_through(file) == ()


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    make_private(tmp_path / "new", None)
    assert _mode(tmp_path / "new") == 0o700
    (tmp_path / "new").chmod(0o777)
    make_private(tmp_path / "new", None)
    assert _mode(tmp_path / "new") == 0o700


def test_a_link_and_a_file_are_not_taken_for_a_folder_of_our_own(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(AccountError, match="belongs to somebody else"):
            make_private(tmp_path / name, None)
    assert _mode(tmp_path / "target") == 0o755


def test_an_ordinary_user_is_its_own_account_and_root_is_not(tmp_path: Path) -> None:
    account = postgres_account(tmp_path / "none")
    assert (account is None) == (os.geteuid() != 0)
    assert account is None or account.uid != 0
