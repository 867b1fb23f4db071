"""Where connectors are reached when it is not at their usual address: testnets, proxies, the simulator."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.connectors.catalogue import CONNECTORS


class Endpoint(msgspec.Struct, frozen=True):
    """Base URLs of a connector, without a slash at the end.

    Scheme, host and port are put in the place of the exchange's own; its paths stay. `websocket` follows from `rest`
    where it is not given: `ws` for `http`, `wss` for `https`.
    """

    rest: str
    websocket: str


def endpoint_of(value: object) -> Endpoint:
    """Return the endpoint that a setting's value means: a base URL, or `{"rest": …, "websocket": …}`.

    Raises:
        ValueError: if it is none. The text has no part of the value, which could hold a login.
    """
    if isinstance(value, str):
        rest, websocket = value, ""
    elif isinstance(value, Mapping) and "rest" in value and set(value) <= {"rest", "websocket"} and _texts(value):
        rest, websocket = value["rest"], value.get("websocket", "")
    else:
        raise ValueError('expected a base URL, or {"rest": URL, "websocket": URL}')
    rest = _checked(rest, ("http", "https"))
    return Endpoint(rest, _checked(websocket, ("ws", "wss")) if websocket else "ws" + rest.removeprefix("http"))


def _texts(value: Mapping[str, object]) -> bool:
    return all(isinstance(one, str) for one in value.values())


def _checked(url: str, schemes: tuple[str, str]) -> str:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # reading it checks it
    except ValueError:
        raise ValueError("expected a URL with a host and, if any, a port number") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"expected a URL that begins with {schemes[0]}:// or {schemes[1]}:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected a URL without a login in it")
    if parts.query or parts.fragment:
        raise ValueError("expected a base URL, without a query or a fragment")
    return url.strip().rstrip("/")


def endpoints_of(text: str) -> dict[str, Endpoint]:
    """Return the endpoints that a setting names: a JSON object of connectors, or the path of a file that holds one.

    Raises:
        ValueError: if it is not such an object, names a connector that does not exist, or has a wrong URL.
    """
    text = text.strip()
    if not text:
        return {}
    if not text.startswith("{"):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"expected JSON or the path of a JSON file: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError("expected a JSON file, which is text in UTF-8") from None
    try:
        named: Any = json.loads(text)
    except ValueError:
        raise ValueError("expected a JSON object of connectors and their base URLs") from None
    if not isinstance(named, dict):
        raise ValueError("expected a JSON object of connectors and their base URLs")  # noqa: TRY004
    endpoints = {}
    for connector, value in named.items():
        if connector not in CONNECTORS or CONNECTORS[connector].ccxt_id is None:
            raise ValueError(f"expected names of connectors that can be reached, was {connector[:64]!r}")
        try:
            endpoints[connector] = endpoint_of(value)
        except ValueError as error:
            raise ValueError(f"{connector}: {error}") from None
    return endpoints
