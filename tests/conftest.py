"""What all tests share: one real PostgreSQL and one real NATS a session, a database and a namespace a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, overload
from uuid import uuid4

import hypothesis
import pytest

from hummingbus.stack.nats_server import NatsServer
from hummingbus.stack.postgres_server import PostgresServer
from shared.settings import DatabaseSettings
from tests.servers import create_database, drop_database, short_folder

D = TypeVar("D", bound=DatabaseSettings)

#: What a test waits for is the database, not the disk.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

#: What a stream may take. JetStream sets it aside, of three quarters of the free disk, and the session's NATS keeps the
#: streams of all tests: with the product's 256 MB it refuses the two-hundredth where 70 GB are free.
STREAM_BYTES = 8 * 1024 * 1024

# A run is like the one before it: the same examples, however long a busy machine takes for one of them.
hypothesis.settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")


class SettingsFor(Protocol):
    """Makes the settings of a service for one test; `more` are further values by their upper-case names."""

    @overload
    def __call__(self, user: str, **more: Any) -> DatabaseSettings: ...

    @overload
    def __call__(self, user: str, kind: type[D], **more: Any) -> D: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=3, help="how many seeds each randomised fault test runs with")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `seed` once for each of the first `--seeds` numbers."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits the longest, whole stacks and containers: it is not to be left to one worker at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/deploy", "tests/system", "tests/hummingbus")))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's `.env` out of the tests."""
    monkeypatch.setenv("HUMMINGBUS_ENV_FILE", str(tmp_path / "no.env"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, open to PostgreSQL's user, removed afterwards."""
    with short_folder() as path:
        yield path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL. Tests that kill one start their own, which are durable as the product's is."""
    with short_folder() as path:
        server = PostgresServer(path / "postgres", configuration=NOT_DURABLE)
        asyncio.run(server.start())
        yield server
        asyncio.run(server.stop())


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """The session's NATS, without authentication. Tests of permissions and faults start their own."""
    with short_folder() as path:
        server = NatsServer(path / "nats")
        asyncio.run(server.start())
        yield server
        asyncio.run(server.stop())


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
async def database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The URL of an empty database, deleted afterwards."""
    name = await create_database(postgres_server)
    yield postgres_server.database_url(name)
    await drop_database(postgres_server, name)


@pytest.fixture
def settings_for(nats_server: NatsServer, database_url: str, namespace: str) -> SettingsFor:
    """A function that makes settings: `settings_for("credentials", CredentialsSettings, CONFIG_PASSWORD=…)`.

    The session's NATS asks for no proof of who one is, so `user` makes no difference to it.
    """

    def make(user: str, kind: type[DatabaseSettings] = DatabaseSettings, **more: Any) -> DatabaseSettings:
        assert user, "expected the name of a NATS user"
        return kind.model_validate(
            {
                "HUMMINGBUS_NAMESPACE": namespace,
                "NATS_URL": nats_server.url,
                "DATABASE_URL": database_url,
                "EVENT_STREAM_MAX_BYTES": STREAM_BYTES,
                **more,
            }
        )

    return cast("SettingsFor", make)
