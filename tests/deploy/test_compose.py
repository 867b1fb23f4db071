"""docker-compose.yml on a real engine, from the image's build on: each service a container, and the README's tour."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.ports import reserved_port
from tests.running_stack import ROOT
from tests.system.readme import programs

pytestmark = pytest.mark.timeout(600)

_BASE_IMAGES = ("python:3.11-slim-bookworm", "nats:2-alpine", "postgres:16")
_SERVICES = ("gateway_api", "credentials", "portfolio", "marketdata", "simulator")
#: Seconds until every container answers; the engine starts seven of them on a machine that is busy.
_READY = 120.0


def run(*arguments: str, folder: Path = ROOT, **environment: str) -> str:
    result = subprocess.run(
        arguments, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert result.returncode == 0, f"{' '.join(arguments)}: {result.stdout[-2000:]}{result.stderr[-2000:]}"
    return result.stdout


def succeeds(*arguments: str) -> bool:
    try:
        return subprocess.run(arguments, capture_output=True, timeout=60, check=False).returncode == 0
    except FileNotFoundError:
        return False


def compose_command() -> tuple[str, ...] | None:
    """The plugin, or the program of its own that came before it."""
    return next((c for c in (("docker", "compose"), ("docker-compose",)) if succeeds(*c, "version")), None)


@dataclass(frozen=True)
class Composed:
    """The running containers."""

    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str]
    port: int

    def compose(self, *arguments: str) -> str:
        return run(*self.command, *arguments, folder=self.folder, **self.environment)

    def login(self) -> tuple[str, str]:
        values = dotenv_values(self.folder / "compose" / "credentials.env")
        return str(values["API_USERNAME"]), str(values["API_PASSWORD"])

    def get(self, path: str) -> object:
        token = base64.b64encode(":".join(self.login()).encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Basic {token}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def is_ready(self) -> bool:
        try:
            self.get("/ready")
        except OSError:  # nobody listens yet, or the answer is 503
            return False
        return True

    def wait_until_ready(self) -> None:
        until = time.monotonic() + _READY
        while not self.is_ready():
            assert time.monotonic() < until, self.compose("logs", "--tail", "20")
            time.sleep(0.2)

    def container(self, service: str) -> str:
        return self.compose("ps", "-q", service).strip()

    def runs(self, service: str, program: str) -> bool:
        """Return whether the Python `program` succeeds in the container of `service`."""
        return succeeds("docker", "exec", self.container(service), "python", "-c", program)


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if not succeeds("docker", "info"):
        pytest.skip("no Docker engine is reachable")
    command = compose_command()
    if command is None:
        pytest.skip("neither the plugin 'docker compose' nor 'docker-compose' is installed")
    for image in _BASE_IMAGES:
        if not succeeds("docker", "image", "inspect", image) and not succeeds("docker", "pull", "-q", image):
            pytest.skip(f"the base image {image} is neither here nor to be had")
    folder = tmp_path_factory.mktemp("composed")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    image, project, port = f"hummingbus-test:{folder.parent.name}", f"hb{os.getpid()}", reserved_port()
    run("docker", "build", "-q", "--network", "host", "-t", image, ".")
    mine = f"{os.getuid()}:{os.getgid()}"
    prepare = ("hummingbus", "prepare", "/compose")
    run("docker", "run", "--rm", "--user", mine, "-v", f"{folder}/compose:/compose", image, *prepare, folder=folder)
    environment = {
        "HUMMINGBUS_IMAGE": image,
        "COMPOSE_PROJECT_NAME": project,
        "API_BIND": f"127.0.0.1:{port}",
        "NATS_BIND": f"127.0.0.1:{reserved_port()}",
    }
    system = Composed(folder, command, environment, port)
    try:
        system.compose("up", "-d")
        system.wait_until_ready()
        yield system
    finally:
        system.compose("down", "-v", "--timeout", "2")
        run("docker", "image", "rm", "-f", image)


@pytest.fixture(scope="module")
def traded(composed: Composed) -> str:
    """What the README's programs print against the containers."""
    user, password = composed.login()
    said = ""
    for name in ("trade.py", "perpetual.py"):
        file = composed.folder / name
        file.write_text(programs()[name].replace("http://127.0.0.1:8000", f"http://127.0.0.1:{composed.port}"))
        said += run(sys.executable, str(file), API_USERNAME=user, API_PASSWORD=password)
    return said


def test_the_tour_runs_against_containers(traded: str) -> None:
    assert "filled 0.01 at" in traded
    assert "FILLED" in traded
    assert "paper_perpetual BUY CANCELLED" in traded


def test_the_bus_is_reached_from_outside(composed: Composed, traded: str) -> None:
    file = composed.folder / "ask.py"
    file.write_text(
        "import asyncio, json, sys, nats\n"
        "async def main():\n"
        "    bus = await nats.connect(sys.argv[1], nkeys_seed=sys.argv[2], inbox_prefix='_INBOX.hb.outside')\n"
        "    reply = await bus.request('hb.cmd.outside.credentials.account.list', b'{}', timeout=5)\n"
        "    print(reply.data.decode())\n"
        "asyncio.run(main())\n"
    )
    url = f"nats://{composed.environment['NATS_BIND']}"
    assert "tour" in run(sys.executable, str(file), url, str(composed.folder / "compose" / "outside.nk"))


@pytest.mark.parametrize("service", _SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(composed: Composed, service: str) -> None:
    assert composed.runs(service, "import os; assert os.getuid() == 10001")
    assert not composed.runs(service, "open('/app/written', 'w')")
    reaches_the_database = composed.runs(service, "import socket; socket.create_connection(('postgres', 5432), 2)")
    assert reaches_the_database == (service != "gateway_api")


def test_what_was_made_outlives_the_containers(composed: Composed, traded: str) -> None:
    composed.compose("down", "--timeout", "5")
    composed.compose("up", "-d")
    composed.wait_until_ready()
    accounts = composed.get("/accounts/")
    assert isinstance(accounts, list)
    assert {"tour", "other"} <= set(accounts)
