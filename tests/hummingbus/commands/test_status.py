"""What `hummingbus status` reads in the answers of replicas, and when it calls the system complete."""

import io
from typing import Any

import pytest
from rich.console import Console

from hummingbus.commands.status import EXPECTED, Replica, complete, read_replica, show


def answer(**more: Any) -> dict[str, Any]:
    return {
        "name": "credentials",
        "id": "abc",
        "version": "1.2.3",
        "metadata": {"state": "ready", "reasons": "", "outbox_lag": "3", "namespace": "hb"},
        "endpoints": [{"num_requests": 5, "num_errors": 1}, {"num_requests": 2, "num_errors": 0}],
    } | more


def replica(service: str, state: str = "ready") -> Replica:
    return read_replica(answer(name=service, metadata={"state": state, "reasons": "" if state == "ready" else "why"}))


def test_a_replica_is_read_with_its_figures() -> None:
    assert read_replica(answer()) == Replica("credentials", "abc", "1.2.3", "ready", "", 7, 1, {"outbox_lag": 3.0})


def test_a_foreign_micro_service_is_read_too() -> None:
    read = read_replica({"name": "other", "id": "x", "version": "0.1.0"})
    assert (read.state, read.requests, read.figures) == ("unknown", 0, {})


@pytest.mark.parametrize("missing", EXPECTED)
def test_it_is_complete_when_each_service_has_a_ready_replica(missing: str) -> None:
    replicas = [replica(service) for service in EXPECTED]
    assert complete(replicas)
    assert complete([*replicas, replica(missing, "not ready")])
    assert not complete([one for one in replicas if one.service != missing])
    assert not complete([replica(one.service, "not ready") if one.service == missing else one for one in replicas])


def shown(*replicas: Replica, columns: int = 80) -> str:
    output = io.StringIO()
    show(list(replicas), Console(file=output, width=columns, highlight=False))
    return output.getvalue()


def test_it_names_what_is_missing_and_why() -> None:
    lines = shown(replica("credentials", "not ready")).splitlines()
    assert lines[1].split() == ["credentials", "abc", "1.2.3", "not", "ready", "7", "1"]
    assert lines[2].strip() == "why"
    assert {line.split()[0] for line in lines if line.endswith("not running")} == set(EXPECTED) - {"credentials"}


def test_a_replica_with_many_figures_fits_into_a_small_terminal() -> None:
    metadata = {"state": "ready", "reasons": ""} | {f"figure_of_{number}": "123456" for number in range(20)}
    lines = shown(read_replica(answer(metadata=metadata)), columns=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) < 16
    assert " ".join(line.strip() for line in lines).count("figure of 1") == 11


def test_no_figure_is_less_than_nothing() -> None:
    assert "offset 0" in shown(read_replica(answer(metadata={"offset": "-0.0"})))
