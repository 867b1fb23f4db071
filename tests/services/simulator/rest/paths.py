"""The paths of the REST API, who may ask them and with which parameters, written after Binance's documentation."""

import json
from pathlib import Path
from typing import Literal

import msgspec

FIXTURES = Path(__file__).parent / "fixtures"
Security = Literal["public", "key", "signed"]


class Asked(msgspec.Struct, frozen=True):
    """A method on a path, whether a key or a signature is needed, and the names of its parameters."""

    method: str
    path: str
    security: Security
    parameters: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _read() -> tuple[Asked, ...]:
    documented: dict[Security, dict[str, list[str]]] = json.loads((FIXTURES / "paths.json").read_text())
    found = []
    for security, paths in documented.items():
        for name, parameters in paths.items():
            method, path = name.split(" ")
            found.append(Asked(method, path, security, tuple(parameters)))
    return tuple(found)


PATHS = _read()
BY_NAME = {one.name: one for one in PATHS}


def of(security: Security) -> tuple[Asked, ...]:
    """Return those that need just that."""
    return tuple(one for one in PATHS if one.security == security)
