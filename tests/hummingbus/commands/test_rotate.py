"""The `.env` file during a rotation: at every moment it holds a password that a start can use."""

from pathlib import Path

import pytest

from hummingbus.commands.rotate import PasswordFile

BEFORE = "# mine\nAPI_PASSWORD=login\nCONFIG_PASSWORD=old\nAPI_PORT=9000\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    path.write_text(BEFORE)
    return path


def values(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if "=" in line]
    return {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}


def test_it_holds_both_while_the_rotation_runs(file: Path) -> None:
    PasswordFile(file).both("new", "old")
    assert values(file) == {
        "API_PASSWORD": "login",
        "CONFIG_PASSWORD": "new",
        "CONFIG_PASSWORD_PREVIOUS": "old",
        "API_PORT": "9000",
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("# mine\n")


@pytest.mark.parametrize("password", ["new", "old", "with space # and 'quote'"])
def test_it_holds_one_afterwards(file: Path, password: str) -> None:
    from dotenv import dotenv_values

    held = PasswordFile(file)
    held.both("new", "old")
    held.only(password)
    assert dotenv_values(file) == {"API_PASSWORD": "login", "CONFIG_PASSWORD": password, "API_PORT": "9000"}
    assert file.stat().st_mode & 0o777 == 0o600
