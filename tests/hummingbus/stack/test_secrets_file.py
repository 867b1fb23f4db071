"""The first start's secrets: random, private, and never in place of what stands in the file."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hummingbus.stack.errors import StartError
from hummingbus.stack.secrets_file import ensure_secrets, readable_by_others
from shared.settings import read_environment


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("API_USERNAME", "API_PASSWORD", "CONFIG_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / ".env"


def test_a_first_start_writes_random_secrets_for_its_owner_alone(file: Path, tmp_path: Path) -> None:
    assert ensure_secrets(file, may_make_config_password=True) == ("API_PASSWORD", "CONFIG_PASSWORD")
    first = read_environment(file)
    assert first["API_USERNAME"] == "admin"
    assert first["API_PASSWORD"] != first["CONFIG_PASSWORD"]
    assert min(len(first["API_PASSWORD"]), len(first["CONFIG_PASSWORD"])) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    file.unlink()
    ensure_secrets(file, may_make_config_password=True)
    assert read_environment(file)["API_PASSWORD"] != first["API_PASSWORD"]


def test_a_second_start_changes_nothing(file: Path) -> None:
    ensure_secrets(file, may_make_config_password=True)
    text = file.read_text()
    assert ensure_secrets(file, may_make_config_password=True) == ()
    assert file.read_text() == text


@pytest.mark.parametrize("before", ["# mine\nAPI_PORT=8001\n", "API_PORT=8001", "\n\nAPI_PORT = 8001  # no newline"])
def test_what_stands_in_the_file_is_kept(file: Path, before: str) -> None:
    file.write_text(before)
    ensure_secrets(file, may_make_config_password=True)
    assert file.read_text().startswith(before)
    assert read_environment(file)["API_PORT"] == "8001"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("before", "written"),
    [
        ("USERNAME=me\nPASSWORD=mine\n", ("CONFIG_PASSWORD",)),
        ("API_PASSWORD=mine\n", ("CONFIG_PASSWORD",)),
        ("CONFIG_PASSWORD=mine\n", ("API_PASSWORD",)),
        ("CONFIG_PASSWORD=\nAPI_PASSWORD=\n", ("API_PASSWORD", "CONFIG_PASSWORD")),
        ("USERNAME=me\nPASSWORD=mine\nCONFIG_PASSWORD=mine\n", ()),
    ],
)
def test_only_what_is_missing_is_made(file: Path, before: str, written: tuple[str, ...]) -> None:
    file.write_text(before)
    assert ensure_secrets(file, may_make_config_password=True) == written
    values = read_environment(file)
    assert all(values[name] == "mine" or name in written for name in ("API_PASSWORD", "CONFIG_PASSWORD"))
    assert values["API_USERNAME"] == ("me" if "USERNAME=me" in before else "admin")


def test_secrets_in_the_environment_need_no_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PASSWORD", "a")
    monkeypatch.setenv("CONFIG_PASSWORD", "b")
    assert ensure_secrets(file, may_make_config_password=True) == ()
    assert not file.exists()


def test_a_lost_config_password_is_asked_for_and_not_replaced(file: Path) -> None:
    file.write_text("API_PASSWORD=mine\n")
    with pytest.raises(StartError, match="CONFIG_PASSWORD is not set"):
        ensure_secrets(file, may_make_config_password=False)
    assert file.read_text() == "API_PASSWORD=mine\n"


def test_starts_at_the_same_time_agree_on_one_set(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda _: ensure_secrets(file, may_make_config_password=True), range(8)))
    assert sorted(map(len, written)) == [0] * 7 + [2]
    assert file.read_text().count("CONFIG_PASSWORD=") == 1


def test_a_file_behind_a_link_is_written_through(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "env"
    target.parent.mkdir()
    file.symlink_to(target)
    ensure_secrets(file, may_make_config_password=True)
    assert file.is_symlink()
    assert "CONFIG_PASSWORD" in target.read_text()


def test_a_folder_that_is_missing_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="can't be written"):
        ensure_secrets(tmp_path / "none" / ".env", may_make_config_password=True)


def test_a_file_that_others_can_read_is_noticed(file: Path) -> None:
    assert not readable_by_others(file)
    file.touch(0o600)
    assert not readable_by_others(file)
    file.chmod(0o644)
    assert readable_by_others(file)
