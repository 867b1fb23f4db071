"""The README's tour, pasted as it is: over HTTP with the official client, over NATS without HTTP, and the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_stack import RunningStack
from tests.system.conftest import CONFIG_PASSWORD, PASSWORD, SIMULATOR
from tests.system.readme import tour

pytestmark = pytest.mark.timeout(400)

#: What the tour installs is in the tests' environment already; nothing in a test needs the internet.
_INSTALLS = re.compile(r"^(python3 -m venv tour|tour/bin/pip install --quiet \S+)$", re.MULTILINE)


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
        ["/bin/bash", "-c", script], cwd=system.folder, env=environment, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_client_trades_on_paper(output: str) -> None:
    assert output.count("the exchange has confirmed the keys") == 4
    assert re.search(r"^tour has 5(\.0)? BTC worth [1-9][\d.]+ USD$", output, re.MULTILINE)
    assert "'min_notional_size': 5.0" in output
    placed = re.findall(r"^placed (\S+) at", output, re.MULTILINE)[0]
    assert re.search(rf"^(active {placed} (OPEN|PARTIALLY_FILLED)|order {placed} FILLED)$", output, re.MULTILINE)
    assert re.search(r"^filled [\d.e-]+ at [\d.]+ for [\d.e-]+ BTC$", output, re.MULTILINE)
    assert f"order {placed} FILLED" in output
    assert re.search(r"^tour has 5\.00999\d* BTC$", output, re.MULTILINE)
    assert re.search(r"^Cancel\w+ of order \S+ ", output, re.MULTILINE)


def test_the_same_with_perpetuals(output: str) -> None:
    rows = re.findall(r"^paper_perpetual (\w+) (\w+) (\S+)$", output, re.MULTILINE)
    assert [row[:2] for row in rows] == [("SELL", "FILLED"), ("BUY", "FILLED"), ("BUY", "CANCELLED")]


def test_market_data(output: str) -> None:
    assert int(re.findall(r"^(\d+) candles, the last", output, re.MULTILINE)[0]) in range(71, 75)
    assert re.search(r"^one BTC costs [\d.]+ and moves", output, re.MULTILINE)
    assert re.search(r"^rates \{'ETH-BTC': 0\.0\d+\}", output, re.MULTILINE)
    assert "'funding_rate'" in output
    assert re.search(r"^book \{'bids': \[\[", output, re.MULTILINE)


def test_each_of_it_arrives_as_an_event(output: str) -> None:
    frames = [json.loads(line.removeprefix("data: ")) for line in output.splitlines() if line.startswith("data: {")]
    kinds = [frame["kind"] for frame in frames if frame.get("account") == "tour"]
    # The values were handed to the service that asks the exchange whether the keys are right.
    assert kinds[:3] == [
        "credentials.account.created",
        "credentials.secret.released",
        "credentials.credential.stored",
    ]
    assert "portfolio.trade.recorded" in [frame["kind"] for frame in frames]


def test_the_same_without_http(output: str) -> None:
    events = re.findall(r"^event   (\S+)$", output, re.MULTILINE)
    assert "hb.evt.credentials.account.created.bus-tour" in events
    assert "hb.evt.credentials.credential.stored.bus-tour.paper" in events
    assert "hb.evt.portfolio.trade.recorded.bus-tour.paper" in events
    assert "hb.evt.credentials.account.deleted.bus-tour" in events
    said = dict(re.findall(r"^command (\S+) -> (.*)$", output, re.MULTILINE))
    assert re.search(r'"order_id":"bus-\d+-1"', said["portfolio.trade.search"])
    assert re.search(r'"client_order_id":"bus-\d+-2"', said["portfolio.order.active"])


def test_no_secret_is_shown(output: str) -> None:
    assert PASSWORD not in output
    assert CONFIG_PASSWORD not in output


def test_the_command_line_looks_after_it(output: str) -> None:
    assert re.search(r"^ *gateway_api .* ready ", output, re.MULTILINE)
    for service in ("credentials", "marketdata", "portfolio", "simulator"):
        assert re.search(rf"^ *{service} .* ready ", output, re.MULTILINE)
    assert re.search(r"^hbk_\S+$", output, re.MULTILINE)
    assert re.search(r"^ *\S+ +laptop ", output, re.MULTILINE)


def test_there_is_an_exchange_to_try_things_on(output: str) -> None:
    assert re.search(r'^.*"api_key": *"[^"]+", *"api_secret": *"[^"]+"', output, re.MULTILINE)
    assert len(json.loads(output[output.rindex("[[") :])) == 2
