"""The service as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hummingbus.stack.nats_server import NatsServer
from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import CredentialPut, Nothing
from shared.errors import CommandError, ErrorCode
from shared.settings import EXIT_CONFIG
from tests.children import ends_with_us
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker, Start
from tests.services.credentials.simulator_stand_in import SimulatorStandIn

ROOT = Path(__file__).parents[3]
Environment = Mapping[str, str]


@pytest.fixture
def environment(nats_server: NatsServer, database_url: str, namespace: str, tmp_path: Path) -> Environment:
    return {
        "PATH": os.environ["PATH"],
        "HUMMINGBUS_ENV_FILE": str(tmp_path / "no.env"),
        "HUMMINGBUS_NAMESPACE": namespace,
        "NATS_URL": nats_server.url,
        "DATABASE_URL": database_url,
    }


async def run(environment: Environment, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.credentials",
        cwd=ROOT, env={**environment, **more}, stderr=asyncio.subprocess.PIPE,
        preexec_fn=ends_with_us(),
    )  # fmt: skip


async def serving(environment: Environment, ask: Asker) -> asyncio.subprocess.Process:
    """Return a process of the service that answers."""
    process = await run(environment, CONFIG_PASSWORD=CONFIG_PASSWORD)

    async def serves() -> bool:
        try:
            names = await ask(contract.LIST_ACCOUNTS, Nothing())
        except CommandError as error:
            if error.code is not ErrorCode.UNAVAILABLE:
                raise
            return False
        else:
            return names == ["master_account"]

    await eventually(serves)
    return process


async def test_it_serves_until_it_is_told_to_stop(environment: Environment, ask: Asker) -> None:
    process = await serving(environment, ask)
    process.send_signal(signal.SIGTERM)
    _, logs = await process.communicate()
    assert process.returncode == 0, logs.decode()
    assert b"service stopped" in logs


async def test_a_setting_that_is_missing_or_wrong_ends_it_with_its_name(environment: Environment) -> None:
    for more, named in (
        ({}, b"CONFIG_PASSWORD"),
        ({"CONFIG_PASSWORD": "x", "API_USERNAME": "portfolio", "API_PASSWORD": "s3cret"}, b"API_USERNAME"),
    ):
        process = await run(environment, **more)
        _, logs = await process.communicate()
        assert process.returncode == EXIT_CONFIG
        assert named in logs
        assert b"s3cret" not in logs


async def test_a_wrong_config_password_ends_it_with_a_clear_word(environment: Environment, start: Start) -> None:
    await start()
    process = await run(environment, CONFIG_PASSWORD="s3cret-but-wrong")
    _, logs = await process.communicate()
    assert process.returncode == EXIT_CONFIG
    assert b"refused to start" in logs
    assert b"s3cret" not in logs


async def test_discovery_tells_its_state(bus: Bus, start: Start) -> None:
    await start()
    answers: list[dict[str, Any]] = []

    async def told() -> bool:  # who is busy may come too late for the first question
        answers[:] = await bus.discover("INFO")
        return bool(answers)

    await eventually(told)
    (answer,) = answers
    assert answer["name"] == "credentials"
    assert answer["metadata"]["state"] == "ready"
    assert {"outbox_lag", "view_lag", "clock_offset_ms", "keyring_generation"} <= set(answer["metadata"])
    assert {endpoint["name"] for endpoint in answer["endpoints"]} == {
        command.key.replace(".", "-") for command in contract.COMMANDS
    }


async def test_killed_while_it_adds_a_paper_credential_it_can_be_asked_again(
    environment: Environment, ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    put = CredentialPut("master_account", "paper", {})
    process = await serving(environment, ask)
    simulator.hears.clear()
    putting = asyncio.ensure_future(ask(contract.PUT_CREDENTIAL, put, key="k"))
    await eventually(lambda: simulator.opened == 1)  # and its keys are on their way
    process.kill()
    await process.communicate()
    putting.cancel()
    simulator.hears.set()

    process = await serving(environment, ask)
    assert await stored.secrets(database_url, CONFIG_PASSWORD) == {}
    first = await ask(contract.PUT_CREDENTIAL, put, key="k")
    assert await ask(contract.PUT_CREDENTIAL, put, key="k") == first
    ((_, values),) = (await stored.secrets(database_url, CONFIG_PASSWORD)).items()
    assert values["paper_api_key"] == "api-key-2"
    assert simulator.opened == 2
    process.kill()
    await process.communicate()
