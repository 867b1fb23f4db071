"""What the stack as a whole is told: where it serves, where its data is, which servers it need not start itself."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from hummingbus.stack.ports import Listener
from shared.contracts.declaration import SIMULATOR
from shared.names import is_name
from shared.settings import LogLevel, read_environment

#: The service that listens on the API port.
EDGE_SERVICE = "gateway_api"
#: One process a group, so that nothing heavy stalls the edge.
DEFAULT_GROUPS = "edge=gateway_api;control=credentials;trading=simulator,portfolio,marketdata"


class ServiceRef(BaseModel):
    """A service by its name and the module whose `create` makes it."""

    model_config = ConfigDict(frozen=True)

    name: str
    module: str

    @classmethod
    def parse(cls, text: str) -> "ServiceRef":
        """Return the service that `text` names: one of ours, or a module of somebody else's by its dotted path."""
        name = text.rpartition(".")[2]
        return cls(name=name, module=text if "." in text else f"services.{name}.app")


Groups = tuple[tuple[str, tuple[ServiceRef, ...]], ...]


def parse_groups(text: object) -> object:
    """Return the groups of `edge=gateway_api;control=credentials,orchestrator`, in their order.

    Raises:
        ValueError: if a group has no name or no services, or two have the same name.
    """
    if not isinstance(text, str):
        return text
    groups: dict[str, tuple[ServiceRef, ...]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, members = part.partition("=")
        services = tuple(ServiceRef.parse(member.strip()) for member in members.split(",") if member.strip())
        if not is_name(name) or not services or name in groups:
            raise ValueError("expected groups such as 'edge=gateway_api;control=credentials', each name once")
        groups[name] = services
    if not groups:
        raise ValueError("expected at least one group of services")
    return tuple(groups.items())


def of_postgresql(url: SecretStr) -> SecretStr:
    """Return `url`.

    Raises:
        ValueError: if it is of another kind of database.
    """
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("expected postgresql://user:password@host/database")
    return url


class StackSettings(BaseModel):
    """Settings of `hummingbus up`, by their upper-case names in the environment or in `.env`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    api_host: str = Field("127.0.0.1", alias="API_HOST")
    api_port: int = Field(8000, alias="API_PORT", ge=1, le=65535)
    data: Path = Field(Path("data"), alias="HUMMINGBUS_DATA")
    namespace: str = Field("hb", alias="HUMMINGBUS_NAMESPACE")
    #: Set: the embedded server is not started.
    nats_url: str | None = Field(None, alias="NATS_URL")
    #: A folder with `<user>.nk` files: who the services are to the server of `nats_url`.
    nats_seeds: Path | None = Field(None, alias="NATS_SEEDS")
    #: The embedded server's port; 0: the one of the last start, else 4222, else a free one.
    nats_port: int = Field(0, alias="NATS_PORT", ge=0, le=65535)
    #: Set: the embedded server is not started.
    database_url: Annotated[SecretStr, AfterValidator(of_postgresql)] | None = Field(None, alias="DATABASE_URL")
    all_groups: Annotated[Groups, BeforeValidator(parse_groups)] = Field(
        DEFAULT_GROUPS, alias="HUMMINGBUS_GROUPS", validate_default=True
    )
    #: `off` leaves the simulator out of all groups.
    simulator: Annotated[Literal["on", "off"], BeforeValidator(lambda text: str(text).lower())] = Field(
        "on", alias="SIMULATOR"
    )
    simulator_host: str = Field("127.0.0.1", alias="SIMULATOR_HOST")
    simulator_port: int = Field(8010, alias="SIMULATOR_PORT", ge=1, le=65535)
    simulator_admin_port: int = Field(8011, alias="SIMULATOR_ADMIN_PORT", ge=0, le=65535)
    #: Unset: a random one, in a file of the data folder.
    simulator_admin_token: SecretStr | None = Field(None, alias="SIMULATOR_ADMIN_TOKEN")
    log_level: LogLevel = Field("INFO", alias="LOG_LEVEL")

    @property
    def groups(self) -> Groups:
        """The groups that are started, with their services."""
        if self.simulator == "on":
            return self.all_groups
        left = ((name, tuple(s for s in services if s.name != SIMULATOR)) for name, services in self.all_groups)
        return tuple((name, services) for name, services in left if services)

    @property
    def has_simulator(self) -> bool:
        """Whether a group has the simulator."""
        return any(service.name == SIMULATOR for _, services in self.groups for service in services)

    @property
    def simulator_url(self) -> str:
        """Where a program on this machine reaches the simulator."""
        return _url(self.simulator_host, self.simulator_port)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What is to listen on ports of this machine that people choose."""
        api = Listener("the API", self.api_host, "API_HOST", self.api_port, "API_PORT")
        ports = ((self.simulator_port, "SIMULATOR_PORT"), (self.simulator_admin_port, "SIMULATOR_ADMIN_PORT"))
        simulators = tuple(
            Listener("the simulator", self.simulator_host, "SIMULATOR_HOST", port, setting, ", or SIMULATOR=off")
            for port, setting in ports
        )
        return (api,) * self.has_edge + simulators * self.has_simulator

    @property
    def has_edge(self) -> bool:
        """Whether a group serves the API."""
        return any(service.name == EDGE_SERVICE for _, services in self.groups for service in services)

    @property
    def api_url(self) -> str:
        """Where a program on this machine reaches the API."""
        return _url(self.api_host, self.api_port)


def _url(host: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def load_stack_settings() -> StackSettings:
    """Return the settings from the environment and `.env`.

    Raises:
        pydantic.ValidationError: if a value does not fit; the text names the setting and hides its value.
    """
    return StackSettings.model_validate(read_environment())
