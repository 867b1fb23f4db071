"""The README's tour, pasted as it is: over HTTP with the official client, over NATS without HTTP, and the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_stack import ROOT, RunningStack
from tests.system.conftest import SIMULATOR

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the tour installs is in the tests' environment already; nothing in a test needs the internet.
_INSTALLS = re.compile(r"^(python3 -m venv tour|tour/bin/pip install --quiet \S+)$", re.MULTILINE)


def tour() -> list[str]:
    """Return the blocks of commands of the README's tour, in their order."""
    text = (ROOT / "README.md").read_text()
    chapter = text[text.index("## A tour of five minutes") : text.index("## Settings")]
    return _BLOCK.findall(chapter)


def prepared(block: str, stack: RunningStack) -> str:
    """Return `block` for this machine: the tests' Python and the stack's port, otherwise as it is."""
    block = _INSTALLS.sub("mkdir -p tour", block)
    for written, here in (
        ("tour/bin/python", sys.executable),
        (".venv/bin/hummingbus", str(Path(sys.executable).parent / "hummingbus")),
        ("http://127.0.0.1:8000", stack.url),
        ("http://127.0.0.1:8010", f"http://127.0.0.1:{SIMULATOR['SIMULATOR_PORT']}"),
        ("http://127.0.0.1:8011", f"http://127.0.0.1:{SIMULATOR['SIMULATOR_ADMIN_PORT']}"),
    ):
        block = block.replace(written, here)
    assert "pip install" not in block
    return block


@pytest.fixture(scope="module")
def output(system: RunningStack) -> str:
    """What the whole tour prints, pasted into one shell in the folder of the stack."""
    script = "set -e\n" + "\n".join(prepared(block, system) for block in tour())
    environment = {"PATH": os.environ["PATH"], "HOME": str(system.folder), "COLUMNS": "200"}
    result = subprocess.run(
        ["/bin/bash", "-c", script], cwd=system.folder, env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_client_manages_accounts_and_keys(output: str) -> None:
    assert "['master_account', 'tour']" in output
    assert "'binance_api_key'" in output
    assert "['binance']" in output
    assert int(re.findall(r"^(\d+) connectors$", output, re.MULTILINE)[0]) > 60


def test_each_of_it_arrives_as_an_event(output: str) -> None:
    frames = [json.loads(line.removeprefix("data: ")) for line in output.splitlines() if line.startswith("data: {")]
    kinds = [frame["kind"] for frame in frames if frame.get("account") == "tour"]
    assert kinds == [
        "credentials.account.created",
        "credentials.credential.stored",
        "credentials.credential.deleted",
        "credentials.account.deleted",
    ]


def test_the_same_without_http(output: str) -> None:
    events = re.findall(r"^event   (\S+)$", output, re.MULTILINE)
    assert "hb.evt.credentials.account.created.bus-tour" in events
    assert "hb.evt.credentials.credential.stored.bus-tour.binance" in events
    assert "hb.evt.credentials.account.deleted.bus-tour" in events
    assert 'command credential.list -> ["binance"]' in output


def test_no_secret_is_shown(output: str) -> None:
    assert "my-secret" not in output
    assert "my-key" not in output


def test_the_command_line_looks_after_it(output: str) -> None:
    assert re.search(r"^ *gateway_api .* ready ", output, re.MULTILINE)
    assert re.search(r"^ *credentials .* ready ", output, re.MULTILINE)
    assert re.search(r"^hbk_\S+$", output, re.MULTILINE)
    assert re.search(r"^ *\S+ +laptop ", output, re.MULTILINE)


def test_there_is_an_exchange_to_try_things_on(output: str) -> None:
    assert re.search(r'^.*"api_key": *"[^"]+", *"api_secret": *"[^"]+"', output, re.MULTILINE)
    assert len(json.loads(output[output.rindex("[[") :])) == 2
