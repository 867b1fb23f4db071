"""What the API says of itself: name and version, whether it lives, whether everything behind it is ready."""

from typing import Any

import msgspec
from litestar import Router, get

from services.gateway_api.answers import Answer
from services.gateway_api.documents.operation import operation, response
from services.gateway_api.readiness import Readiness, ReadinessCheck
from shared.service import VERSION

_TAG = "System"
#: Clients look for this name.
NAME = "Hummingbot API"

_READY_EXAMPLE: dict[str, Any] = {
    "status": "ready",
    "services": {
        "credentials": {
            "state": "ready",
            "replicas": [{"id": "6f0e3c1b9d2a4857", "version": VERSION, "state": "ready", "reasons": []}],
        },
        "gateway_api": {"state": "ready", "replicas": []},
    },
    "servers": {"nats": {"state": "up"}, "database": {"state": "up"}},
}

_NOT_READY_EXAMPLE = _READY_EXAMPLE | {
    "status": "not ready",
    "services": _READY_EXAMPLE["services"] | {"credentials": {"state": "down", "replicas": []}},
    "servers": {"nats": {"state": "up"}, "database": {"state": "unknown"}},
}

_encoder = msgspec.json.Encoder()


class Root(msgspec.Struct, frozen=True):
    """The name and version of the API."""

    name: str
    version: str
    status: str


class Alive(msgspec.Struct, frozen=True):
    """`ok` whenever the edge answers at all."""

    status: str


def meta_routes(readiness: ReadinessCheck) -> Router:
    """Return the routes of the group."""
    root_body = _encoder.encode(Root(NAME, VERSION, "running"))
    alive_body = _encoder.encode(Alive("ok"))

    @get(
        "/",
        **operation(
            "get_root",
            "Name and version",
            Root,
            {"name": NAME, "version": VERSION, "status": "running"},
            tag=_TAG,
            public=True,
        ),
    )
    async def get_root() -> Answer:
        return Answer(root_body)

    @get(
        "/health",
        **operation("get_health", "Is the API alive?", Alive, {"status": "ok"}, tag=_TAG, public=True),
    )
    async def get_health() -> Answer:
        return Answer(alive_body)

    @get(
        "/ready",
        **operation(
            "get_ready",
            "Is everything ready?",
            Readiness,
            _READY_EXAMPLE,
            tag=_TAG,
            public=True,
            description="200 when every service has a replica that is ready, else 503 with the same body.",
            more={503: response(Readiness, "A service is not ready", _NOT_READY_EXAMPLE)},
        ),
    )
    async def get_ready() -> Answer:
        state = await readiness.check()
        return Answer(_encoder.encode(state), 200 if state.status == "ready" else 503)

    return Router("/", route_handlers=[get_root, get_health, get_ready])
