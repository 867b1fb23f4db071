"""The command line against a running stack: what it prints, what it refuses, how it ends."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.running_stack import RunningStack
from tests.system.conftest import Login

PROGRAM = Path(sys.executable).parent / "hummingbus"


def hummingbus(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`."""
    return subprocess.run(
        [PROGRAM, *arguments], cwd=folder, env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **environment},
        capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_status_as_json(system: RunningStack) -> None:
    done = hummingbus(system.folder, "status", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert status["ready"] is True
    assert status["missing"] == []
    services = [replica["service"] for replica in status["replicas"]]
    assert services == ["credentials", "gateway_api", "marketdata", "portfolio", "simulator"]
    credentials = next(replica for replica in status["replicas"] if replica["service"] == "credentials")
    assert credentials["figures"]["outbox_lag"] >= 0


def test_status_fits_into_a_small_terminal(system: RunningStack) -> None:
    lines = hummingbus(system.folder, "status", COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[3] for line in lines if line.startswith(("credentials", "simulator"))] == ["ready"] * 2


@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_events_end_when_nobody_reads_them_any_more(
    system: RunningStack, login: Login, more: tuple[str, ...]
) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "events", "--from-start", *more, cwd=system.folder, stdout=PIPE, stderr=PIPE, stdin=DEVNULL
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]  # as `head -1` does
    end = asyncio.create_task(process.communicate())
    async with httpx.AsyncClient(base_url=system.url, auth=(login.username, login.password), timeout=30) as client:
        while not end.done():  # it notices at the next event; the test's own time limit bounds it
            for path in ("add-account", "delete-account"):
                (await client.post(f"/accounts/{path}", params={"account_name": "unread"})).raise_for_status()
    assert (await end)[1] == b""
    assert process.returncode == 0


def test_the_version(folder: Path) -> None:
    assert hummingbus(folder, "--version").stdout == f"Hummingbus {version('hummingbus')}\n"


@pytest.mark.parametrize("command", [("status",), ("events",), ("keys", "list")])
def test_without_a_stack_it_says_so(folder: Path, command: tuple[str, ...]) -> None:
    done = hummingbus(folder, *command, API_PASSWORD="x")
    assert done.returncode == 1
    assert "No stack runs" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_key_works_until_it_is_revoked(system: RunningStack) -> None:
    added = hummingbus(system.folder, "keys", "add", "commands", "--days", "1", "--json")
    made = json.loads(added.stdout)
    async with httpx.AsyncClient(base_url=system.url, headers={"X-API-KEY": made["api_key"]}, timeout=30) as client:
        assert (await client.get("/accounts/")).status_code == 200
        assert made["key_id"] in hummingbus(system.folder, "keys", "list").stdout
        assert "revoked" in hummingbus(system.folder, "keys", "revoke", made["key_id"]).stdout
        while (answer := await client.get("/accounts/")).status_code == 200:
            pass  # until the event has reached the edge; the test's own time limit bounds it
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("keys", "add", "a.b"), "name"), (("keys", "revoke", "0000000000000000"), "0000000000000000")],
)
def test_a_refusal_is_a_sentence(system: RunningStack, arguments: tuple[str, ...], reason: str) -> None:
    done = hummingbus(system.folder, *arguments)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wrong_password_is_refused(system: RunningStack) -> None:
    done = hummingbus(system.folder, "keys", "list", API_PASSWORD="wrong")
    assert done.returncode == 1
    assert "wrong" not in done.stdout


def test_a_wrong_config_password_changes_nothing(system: RunningStack) -> None:
    before = (system.folder / ".env").read_text()
    done = hummingbus(system.folder, "rotate-config-password", CONFIG_PASSWORD="not-the-one")
    assert done.returncode == 1
    assert (system.folder / ".env").read_text() == before


def test_events_from_the_start_with_a_filter(system: RunningStack, login: Login) -> None:
    with httpx.Client(base_url=system.url, auth=(login.username, login.password), timeout=30) as client:
        for path in ("add-account", "delete-account"):
            client.post(f"/accounts/{path}", params={"account_name": "followed"}).raise_for_status()
    arguments = ("events", "--from-start", "--account", "followed", "--count", "2", "--json")
    events = [json.loads(line) for line in hummingbus(system.folder, *arguments).stdout.splitlines()]
    assert [event["kind"] for event in events] == ["credentials.account.created", "credentials.account.deleted"]
    lines = hummingbus(system.folder, *arguments[:-1]).stdout.splitlines()
    assert "credentials.account.created" in lines[0]
