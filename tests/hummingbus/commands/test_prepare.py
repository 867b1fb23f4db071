"""What Docker Compose reads: least privilege for each container, and secrets that a second run keeps."""

import json
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from hummingbus.cli import app
from shared.contracts.catalogue import SERVICES


def prepare(folder: Path) -> str:
    result = CliRunner().invoke(app, ["prepare", str(folder)])
    assert result.exit_code == 0, result.output
    return result.output


def environments(folder: Path) -> dict[str, dict[str, str | None]]:
    return {file.stem: dotenv_values(file) for file in folder.glob("*.env")}


def test_each_container_gets_no_more_than_it_needs(tmp_path: Path) -> None:
    prepare(tmp_path / "compose")
    found = environments(tmp_path / "compose")
    assert set(found) == {*SERVICES, "postgres"}
    assert set(found["gateway_api"]) == {"NATS_SEED"}
    assert set(found["portfolio"]) == {"NATS_SEED", "DATABASE_URL"}
    assert [name for name, values in found.items() if "CONFIG_PASSWORD" in values] == ["credentials"]
    seeds = [values["NATS_SEED"] for name, values in found.items() if name != "postgres"]
    assert len(set(seeds)) == len(SERVICES)
    for file in (tmp_path / "compose").iterdir():
        assert file.stat().st_mode & 0o777 == (0o644 if file.name == "nats.conf" else 0o600)


def test_the_servers_file_has_public_keys_and_permissions_and_no_secret(tmp_path: Path) -> None:
    prepare(tmp_path)
    text = (tmp_path / "nats.conf").read_text()
    users = json.loads(text)["authorization"]["users"]
    assert len(users) == len(SERVICES) + 2  # outside programs, and the orchestrator to come
    assert all(user["nkey"].startswith("U") and user["permissions"] for user in users)
    for values in environments(tmp_path).values():
        assert not [value for value in values.values() if value and len(value) > 16 and value in text]


def test_a_second_run_keeps_every_secret_and_its_output_shows_none(tmp_path: Path) -> None:
    said = prepare(tmp_path)
    before, conf = environments(tmp_path), (tmp_path / "nats.conf").read_text()
    users = {user["nkey"] for user in json.loads(conf)["authorization"]["users"]}
    said += prepare(tmp_path)
    assert environments(tmp_path) == before
    again = {user["nkey"] for user in json.loads((tmp_path / "nats.conf").read_text())["authorization"]["users"]}
    assert len(users & again) >= len(SERVICES) + 1
    password = before["credentials"]["API_PASSWORD"]
    assert password
    assert password not in said


@pytest.mark.parametrize("lost", ["credentials.env", "postgres.env"])
def test_what_would_lock_out_stored_data_is_refused(tmp_path: Path, lost: str) -> None:
    prepare(tmp_path)
    (tmp_path / lost).unlink()
    before = environments(tmp_path)
    result = CliRunner().invoke(app, ["prepare", str(tmp_path)])
    assert result.exit_code == 1
    assert environments(tmp_path) == before


def test_a_service_that_an_older_version_did_not_know_gets_an_identity(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "marketdata.env").unlink()
    before = environments(tmp_path)
    prepare(tmp_path)
    after = environments(tmp_path)
    assert after.pop("marketdata")["NATS_SEED"]
    assert after == before
