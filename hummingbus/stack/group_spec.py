"""What the process of a group is told, through the pipe that it is forked with: its environment never holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service: the module whose `create` makes it, and settings that go before environment and `.env`."""

    name: str
    module: str
    overrides: Mapping[str, str] = field(repr=False)  # holds its nkey seed


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """What a group's process is told."""

    name: str
    services: tuple[ServiceSpec, ...]
    log: Path
    log_level: str
