"""Settings from the environment and from `.env`, validated once at start.

A value comes from the first of: what the supervisor hands over, the environment, the `.env` file, the default. In the
file alone the names `USERNAME` and `PASSWORD` are accepted too, as Hummingbot API uses them; in the environment they
would be the login of the operating system's user.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

S = TypeVar("S", bound="Settings")

#: Exit code of a program whose settings are wrong (`EX_CONFIG` of sysexits.h): a restart does not help.
EXIT_CONFIG = 78

#: The login's name when only a password is set.
DEFAULT_USERNAME = "admin"

_FILE_ALIASES = {"USERNAME": "API_USERNAME", "PASSWORD": "API_PASSWORD"}


def env_file() -> Path:
    """Return where the `.env` file is: `HUMMINGBUS_ENV_FILE`, else in the current folder."""
    return Path(os.environ.get("HUMMINGBUS_ENV_FILE", ".env"))


def read_environment(file: Path | None = None) -> dict[str, str]:
    """Return all settings as text by their upper-case names: `file` (default: `env_file()`) under the environment."""
    values = {name: value for name, value in dotenv_values(file or env_file()).items() if value}
    for alias, name in _FILE_ALIASES.items():
        value = values.pop(alias, None)
        if value is not None:
            values.setdefault(name, value)
    values.update({name: value for name, value in os.environ.items() if value and name not in _FILE_ALIASES})
    return values


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(lambda text: str(text).upper())
]


class Settings(BaseModel):
    """Base of every service's settings: where the servers are and who the service is to them.

    A field `nats_url` is set by `NATS_URL`. Secrets are `SecretStr`, so that no repr or error shows them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    namespace: str = Field("hb", alias="HUMMINGBUS_NAMESPACE")
    nats_url: str = Field("nats://127.0.0.1:4222", alias="NATS_URL")
    #: The service's own nkey seed; without one it connects with what `nats_url` holds.
    nats_seed: SecretStr | None = Field(None, alias="NATS_SEED")
    nats_seed_file: Path | None = Field(None, alias="NATS_SEED_FILE")
    log_level: LogLevel = Field("INFO", alias="LOG_LEVEL")

    def seed(self) -> str | None:
        """Return the nkey seed of this service, if it has one."""
        if self.nats_seed is not None:
            return self.nats_seed.get_secret_value()
        if self.nats_seed_file is not None:
            return self.nats_seed_file.read_text().strip()
        return None


class DatabaseSettings(Settings):
    """Settings of a service that keeps a schema in PostgreSQL."""

    database_url: SecretStr = Field(SecretStr("postgresql://localhost/hummingbus"), alias="DATABASE_URL")
    database_connections: int = Field(4, alias="DATABASE_CONNECTIONS", ge=2, le=50)
    #: The most that the stream of the service's events may hold, in bytes; the oldest go first.
    event_stream_max_bytes: int = Field(256 * 1024 * 1024, alias="EVENT_STREAM_MAX_BYTES", ge=1024 * 1024)


def load(kind: type[S], overrides: Mapping[str, str] | None = None) -> S:
    """Return settings of `kind` from the environment, with `overrides` (upper-case names) before everything else.

    Raises:
        pydantic.ValidationError: if a value does not fit; the text names the setting and hides its value.
    """
    return kind.model_validate({**read_environment(), **(overrides or {})})


def faults_of(error: ValidationError) -> str:
    """Return in words which settings are wrong and why, without their values, which could be secrets."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
    )
