"""One whole stack for these tests, as a user starts it; what breaks things has its own. It ends with the last test."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.ports import reserved_port
from tests.running_stack import NOWHERE, RunningStack, running_stack
from tests.servers import short_folder

#: Connectors that are reached at the simulated exchange, beside the paper ones.
ON_SIMULATOR = ("binance", "binance_perpetual")

USERNAME = "admin"
PASSWORD = "pass-Wf83kd02mxq"
CONFIG_PASSWORD = "config-Zp29fj4kq7"
SIMULATOR = {"SIMULATOR": "on", "SIMULATOR_PORT": str(reserved_port()), "SIMULATOR_ADMIN_PORT": str(reserved_port())}
#: Binance is the simulated exchange too, as a testnet would be: by its base URL alone.
ENDPOINTS = json.dumps(
    {**json.loads(NOWHERE), **dict.fromkeys(ON_SIMULATOR, f"http://127.0.0.1:{SIMULATOR['SIMULATOR_PORT']}")}
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who the tests are to the API."""

    username: str = USERNAME
    password: str = PASSWORD


@pytest.fixture(scope="package")
def system() -> Iterator[RunningStack]:
    """A stack that is ready. Its accounts are everybody's: use names of your own and leave none behind."""
    with short_folder() as folder:
        secrets = f"API_USERNAME={USERNAME}\nAPI_PASSWORD={PASSWORD}\nCONFIG_PASSWORD={CONFIG_PASSWORD}\n"
        (folder / ".env").write_text(secrets)
        with running_stack(folder, {**SIMULATOR, "CONNECTOR_ENDPOINTS": ENDPOINTS}) as stack:
            asyncio.run(stack.says("Ready"))
            yield stack
            asyncio.run(stack.stop())


@pytest.fixture(scope="session")
def login() -> Login:
    """The user name and password of `system`."""
    return Login()
