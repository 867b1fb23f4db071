"""`hummingbus status`: which services run, in what state, and how far behind they are."""

from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hummingbus.commands import session
from shared.contracts.catalogue import COMMANDS
from shared.contracts.declaration import EDGE

#: Services that a complete system has.
EXPECTED = (EDGE, *dict.fromkeys(command.service for command in COMMANDS))
#: Seconds to wait for the answers of all replicas; longer while a service is silent, which may be busy, or the machine.
WAITS = (0.5, 1.5, 3.0)


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
        figures={name: float(value) + 0.0 for name, value in metadata.items() if _is_number(value)},  # no -0
    )


def complete(replicas: list[Replica]) -> bool:
    """Return whether every expected service has a replica that is ready."""
    return set(EXPECTED) <= {replica.service for replica in replicas if replica.state == "ready"}


def show(replicas: list[Replica], console: Console) -> None:
    """Write a line for each replica and each service that has none, with its reasons and figures beneath.

    In a column of their own they would have two words a line in a terminal of 80 columns.
    """
    absent = [service for service in EXPECTED if service not in {replica.service for replica in replicas}]
    lines = [("service", "replica", "version", "state", "requests", "errors")]
    lines += [(one.service, one.id[:8], one.version, one.state, str(one.requests), str(one.errors)) for one in replicas]
    lines += [(service, "", "", "not running", "", "") for service in absent]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    styles = ["bold", *("" if one.state == "ready" else "yellow" for one in replicas), *("red" for _ in absent)]
    beneath = ["", *map(_beneath, replicas), *("" for _ in absent)]
    for cells, style, more in zip(lines, styles, beneath, strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        console.print(Text(text, style), soft_wrap=True)
        if more:
            console.print(Padding(Text(more, "dim"), (0, 0, 0, 2), expand=False))


def _beneath(replica: Replica) -> str:
    """Return why a replica is not ready, if it is not, and its figures."""
    figures = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in replica.figures.items())
    return "; ".join(filter(None, (replica.reasons, figures)))


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show every service with its version, state and lags. Exit code 1 if one is missing or not ready."""

    async def ask() -> list[Replica]:
        async with session.open_bus() as bus:
            found: dict[str, Replica] = {}
            for wait in WAITS:
                asked = [read_replica(answer) for answer in await bus.discover("STATS", wait=wait)]
                found |= {replica.id: replica for replica in asked}
                if set(EXPECTED) <= {replica.service for replica in found.values()}:
                    break
        return sorted(found.values(), key=lambda replica: (replica.service, replica.id))

    replicas = session.run(ask)
    if as_json:
        missing = [service for service in EXPECTED if service not in {replica.service for replica in replicas}]
        document = {"ready": complete(replicas), "missing": missing, "replicas": replicas}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        show(replicas, Console(highlight=False))
    if not complete(replicas):
        raise typer.Exit(session.FAILED)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
