"""Real servers for tests, in short private folders that are removed afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg

from hummingbus.stack.identities import nats_users, new_identities
from hummingbus.stack.nats_server import NatsServer, NatsUser
from hummingbus.stack.nkey import Nkey
from hummingbus.stack.postgres_server import PostgresServer
from shared.bus.subjects import Subjects


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets and open enough for PostgreSQL's user when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="hb-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


async def create_database(server: PostgresServer) -> str:
    """Make an empty database on `server` and return its name."""
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return name


async def copied_database(server: PostgresServer, template: str) -> str:
    """Make a database that is a copy of `template`, to which nobody may be connected; return its name."""
    name = f"{template}_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    return name


async def drop_database(server: PostgresServer, name: str) -> None:
    """Delete the database `name`, cutting off whoever is connected."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()


#: A user of the strict server that may do everything, so that a test can look at what others do.
TEST_USER = "test"


def strict_nats(folder: Path, namespace: str) -> tuple[NatsServer, dict[str, str]]:
    """Return a server (not started) that holds every user to its permissions in `namespace`, and the users' seeds."""
    identities = new_identities()
    test = Nkey.new()
    users = nats_users(identities, Subjects(namespace)) | {TEST_USER: NatsUser(test.public_key)}
    return NatsServer(folder, users), {user: key.seed for user, key in identities.items()} | {TEST_USER: test.seed}
