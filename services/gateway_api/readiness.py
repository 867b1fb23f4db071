"""What `GET /ready` says: every service with its replicas, and the servers behind them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from shared.bus.client import Bus
from shared.contracts.catalogue import EVENT_SERVICES
from shared.errors import CommandError
from shared.service import Health

#: Seconds for which an answer holds: who polls twice as often does not ask the bus twice.
_HOLDS = 1.0
#: Seconds that replicas have to answer; the discovery protocol has no end.
_WAIT = 0.25

State = Literal["ready", "not ready", "down", "up", "unknown"]


class Replica(msgspec.Struct, frozen=True):
    """One running instance of a service. `reasons` says why it is not ready."""

    id: str
    version: str
    state: State
    reasons: list[str]


class ServiceState(msgspec.Struct, frozen=True):
    """A service is `ready` when one replica is; it is `down` when none answers."""

    state: State
    replicas: list[Replica]


class ServerState(msgspec.Struct, frozen=True):
    """A server that services need. `unknown` when nobody is there who would know."""

    state: State


class Servers(msgspec.Struct, frozen=True):
    """The servers behind the services."""

    nats: ServerState
    database: ServerState


class Readiness(msgspec.Struct, frozen=True):
    """`ready` when every service is."""

    status: Literal["ready", "not ready"]
    services: dict[str, ServiceState]
    servers: Servers


class ReadinessCheck:
    """Asks who is there, at most once a second however many want to know; anew when the bus was lost or found.

    Args:
        services: the services that must be ready, by their names on the bus.
        edge, own: the name of the edge itself and its own health.
    """

    def __init__(self, bus: Bus, services: Sequence[str], edge: str, own: Callable[[], Health]) -> None:
        self._bus = bus
        self._services = services
        self._edge = edge
        self._own = own
        self._asking: asyncio.Task[Readiness] | None = None
        self._asked_at = float("-inf")
        self._asked_while_connected = False

    async def check(self) -> Readiness:
        """Return the state of everything, from a moment ago."""
        now = time.monotonic()
        stale = now - self._asked_at > _HOLDS or self._bus.connected != self._asked_while_connected
        if self._asking is None or (self._asking.done() and stale):
            self._asked_at = now
            self._asked_while_connected = self._bus.connected
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Readiness:
        try:
            answers = await self._bus.discover("PING", _WAIT)
        except CommandError:
            answers = []
        return state_of(answers, self._services, self._bus, self._edge, self._own())


def state_of(answers: Sequence[dict[str, Any]], services: Sequence[str], bus: Bus, edge: str, own: Health) -> Readiness:
    """Return the state of everything from what the replicas answered to discovery."""
    found: dict[str, list[Replica]] = {name: [] for name in services}
    for answer in answers:
        metadata = answer.get("metadata", {})
        if metadata.get("namespace") == bus.subjects.namespace and answer.get("name") != edge:
            found.setdefault(str(answer.get("name")), []).append(_replica(answer, metadata))
    states = {name: ServiceState(_state(replicas), replicas) for name, replicas in sorted(found.items())}
    states[edge] = ServiceState("ready" if own.ready else "not ready", [])
    ready = bus.connected and own.ready and all(states[name].state == "ready" for name in services)
    servers = Servers(
        ServerState("up" if bus.connected else "down"),
        ServerState(_database([found[name] for name in services if name in EVENT_SERVICES and found[name]])),
    )
    return Readiness("ready" if ready else "not ready", states, servers)


def _replica(answer: dict[str, Any], metadata: dict[str, str]) -> Replica:
    reasons = [reason for reason in metadata.get("reasons", "").split("; ") if reason]
    state: State = "ready" if metadata.get("state") == "ready" else "not ready"
    return Replica(str(answer.get("id", "")), str(answer.get("version", "")), state, reasons)


def _state(replicas: list[Replica]) -> State:
    if not replicas:
        return "down"
    return "ready" if any(replica.state == "ready" for replica in replicas) else "not ready"


def _database(services: list[list[Replica]]) -> State:
    """Return what services say of their database: they name it in their reasons when they cannot reach it.

    Asked are those with events, which lie in a database first. One whose replicas all miss it is enough: another may
    need none, or not have noticed yet.
    """
    if not services:
        return "unknown"
    missed = [all(any("database" in reason for reason in one.reasons) for one in replicas) for replicas in services]
    return "down" if any(missed) else "up"
