"""`hummingbus status`: which services run, in what state, and how far behind they are."""

from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from hummingbus.commands import session
from shared.contracts.catalogue import COMMANDS
from shared.contracts.declaration import EDGE

#: Services that a complete system has.
EXPECTED = (EDGE, *dict.fromkeys(command.service for command in COMMANDS))
#: Seconds to wait for the answers of all replicas.
WAIT = 0.5


class Replica(msgspec.Struct, frozen=True):
    """One replica of a service as it tells of itself; `figures` are its lags and counts by name."""

    service: str
    id: str
    version: str
    state: str
    reasons: str
    requests: int
    errors: int
    figures: dict[str, float]


def read_replica(stats: dict[str, Any]) -> Replica:
    """Return what a `$SRV.STATS` answer says."""
    metadata = dict(stats.get("metadata") or {})
    endpoints = stats.get("endpoints") or []
    state, reasons = metadata.pop("state", "unknown"), metadata.pop("reasons", "")
    return Replica(
        service=stats["name"],
        id=stats["id"],
        version=stats["version"],
        state=state,
        reasons=reasons,
        requests=sum(endpoint["num_requests"] for endpoint in endpoints),
        errors=sum(endpoint["num_errors"] for endpoint in endpoints),
        figures={name: float(value) for name, value in metadata.items() if _is_number(value)},
    )


def complete(replicas: list[Replica]) -> bool:
    """Return whether every expected service has a replica that is ready."""
    return set(EXPECTED) <= {replica.service for replica in replicas if replica.state == "ready"}


def table(replicas: list[Replica]) -> Table:
    """Return the replicas, and the services that have none, as a table."""
    result = Table("service", "replica", "version", "state", "requests", "errors", "figures", box=None)
    for replica in replicas:
        state = replica.state if not replica.reasons else f"{replica.state}: {replica.reasons}"
        figures = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in replica.figures.items())
        style = "" if replica.state == "ready" else "yellow"
        result.add_row(
            replica.service, replica.id[:8], replica.version, state,
            str(replica.requests), str(replica.errors), figures, style=style,
        )  # fmt: skip
    for service in EXPECTED:
        if service not in {replica.service for replica in replicas}:
            result.add_row(service, "", "", "not running", style="red")
    return result


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show every service with its version, state and lags. Exit code 1 if one is missing or not ready."""

    async def ask() -> list[Replica]:
        async with session.open_bus() as bus:
            answers = await bus.discover("STATS", wait=WAIT)
        return sorted((read_replica(answer) for answer in answers), key=lambda replica: (replica.service, replica.id))

    replicas = session.run(ask)
    if as_json:
        missing = [service for service in EXPECTED if service not in {replica.service for replica in replicas}]
        document = {"ready": complete(replicas), "missing": missing, "replicas": replicas}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        Console().print(table(replicas))
    if not complete(replicas):
        raise typer.Exit(session.FAILED)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
