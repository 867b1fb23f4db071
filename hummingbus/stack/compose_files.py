"""The files that `docker-compose.yml` reads: an environment for each service with no more than it needs, and who is
who for NATS. Random secrets, made once; a second run keeps them and brings the permissions up to date.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from dotenv import dotenv_values

from hummingbus.stack.errors import StartError
from hummingbus.stack.identities import nats_users, new_identities
from hummingbus.stack.nats_server import DEAD_CLIENTS, authorization
from hummingbus.stack.nkey import Nkey
from hummingbus.stack.private_file import write_private
from shared.bus.subjects import Subjects
from shared.contracts.catalogue import SERVICES
from shared.contracts.credentials import RELEASE_SECRET
from shared.contracts.declaration import EDGE, OUTSIDE, SIMULATOR
from shared.settings import DEFAULT_USERNAME

_RANDOM_BYTES = 24
_DATABASE = "hummingbus"


@dataclass(frozen=True, slots=True)
class ComposeSecrets:
    """Everything secret of one installation."""

    identities: Mapping[str, Nkey] = field(repr=False)
    database_password: str = field(repr=False)
    config_password: str = field(repr=False)
    api_username: str
    api_password: str = field(repr=False)
    simulator_token: str = field(repr=False)


def write_compose_files(folder: Path) -> bool:
    """Write the files into `folder`, mode 600; return whether the secrets are new.

    Raises:
        StartError: if a part of an earlier run is missing, as making it anew would lock out what was stored with it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {file.stem: dotenv_values(file) for file in folder.glob("*.env")}
    made = _read(found, folder) if found else _new()
    for name, values in _environments(made).items():
        write_private(folder / f"{name}.env", "".join(f"{key}={value}\n" for key, value in values.items()))
    write_private(folder / f"{OUTSIDE}.nk", made.identities[OUTSIDE].seed + "\n")
    # Public keys alone; the server's container reads it as whoever it runs as.
    configuration = folder / "nats.conf"
    configuration.write_text(_nats_configuration(made.identities))
    configuration.chmod(0o644)
    return not found


def _new() -> ComposeSecrets:
    return ComposeSecrets(
        identities=new_identities(),
        database_password=secrets.token_urlsafe(_RANDOM_BYTES),
        config_password=secrets.token_urlsafe(_RANDOM_BYTES),
        api_username=DEFAULT_USERNAME,
        api_password=secrets.token_urlsafe(_RANDOM_BYTES),
        simulator_token=secrets.token_urlsafe(_RANDOM_BYTES),
    )


def _read(found: Mapping[str, Mapping[str, str | None]], folder: Path) -> ComposeSecrets:
    def value(file: str, name: str) -> str:
        text = found.get(file, {}).get(name)
        if not text:
            raise StartError(f"{folder / file}.env holds no {name}; restore it, or delete all files to begin anew.")
        return text

    # A service that an older version did not know gets a new identity.
    kept = {name: Nkey.from_seed(value(name, "NATS_SEED")) for name in SERVICES if name in found}
    outside = folder / f"{OUTSIDE}.nk"
    if outside.exists():
        kept[OUTSIDE] = Nkey.from_seed(outside.read_text().strip())
    return ComposeSecrets(
        identities=new_identities(kept),
        database_password=value("postgres", "POSTGRES_PASSWORD"),
        config_password=value("credentials", "CONFIG_PASSWORD"),
        api_username=value("credentials", "API_USERNAME"),
        api_password=value("credentials", "API_PASSWORD"),
        simulator_token=value(SIMULATOR, "SIMULATOR_ADMIN_TOKEN"),
    )


def _environments(made: ComposeSecrets) -> dict[str, dict[str, str]]:
    database = f"postgresql://{_DATABASE}:{made.database_password}@postgres:5432/{_DATABASE}"
    environments = {service: {"NATS_SEED": made.identities[service].seed} for service in SERVICES}
    for service, values in environments.items():
        if service != EDGE:
            values["DATABASE_URL"] = database
    # By their signatures `credentials` knows the services that ask for secrets.
    asking = {user: made.identities[user].public_key for user in sorted(RELEASE_SECRET.callers & set(SERVICES))}
    environments["credentials"] |= {
        "API_USERNAME": made.api_username,
        "API_PASSWORD": made.api_password,
        "CONFIG_PASSWORD": made.config_password,
        "SERVICE_KEYS": msgspec.json.encode(asking).decode(),
    }
    environments[SIMULATOR]["SIMULATOR_ADMIN_TOKEN"] = made.simulator_token
    environments["postgres"] = {
        "POSTGRES_USER": _DATABASE,
        "POSTGRES_DB": _DATABASE,
        "POSTGRES_PASSWORD": made.database_password,
    }
    return environments


def _nats_configuration(identities: Mapping[str, Nkey]) -> str:
    configuration = {
        "host": "0.0.0.0",  # noqa: S104 - inside its container
        "port": 4222,
        "server_name": "hummingbus",
        **DEAD_CLIENTS,
        "jetstream": {"store_dir": "/data", "max_memory_store": 64 * 1024 * 1024},
        "authorization": authorization(nats_users(identities, Subjects())),
    }
    return msgspec.json.format(msgspec.json.encode(configuration)).decode() + "\n"
