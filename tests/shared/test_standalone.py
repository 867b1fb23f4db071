"""A service that cannot start alone says why in a sentence, whichever it is."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def started_alone(service: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m services.<service>` until it ends by itself."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HUMMINGBUS_ENV_FILE": os.devnull, **settings}
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}"], env=environment, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "setting"),
    [("gateway_api", "API_PORT"), ("simulator", "SIMULATOR_PORT"), ("simulator", "SIMULATOR_ADMIN_PORT")],
)
def test_a_taken_port(service: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = started_alone(service, **{"SIMULATOR_PORT": "0", "SIMULATOR_ADMIN_PORT": "0", setting: port})
    assert ended.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use by another program; set {setting}" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("service", "setting", "value"),
    [
        ("gateway_api", "API_PORT", "many"),
        ("credentials", "DATABASE_CONNECTIONS", "mostly"),
        ("marketdata", "CONNECTOR_ENDPOINTS", '{"nowhere": "http://127.0.0.1:9"}'),
        ("portfolio", "PORTFOLIO_LEASE_SECONDS", "-77.5"),
        ("simulator", "SIMULATOR_PAIRS", "several"),
    ],
)
def test_a_setting_that_does_not_fit(service: str, setting: str, value: str) -> None:
    ended = started_alone(service, **{setting: value})
    assert ended.returncode == 78
    assert setting in ended.stderr
    assert value not in ended.stderr
    assert "Traceback" not in ended.stderr
