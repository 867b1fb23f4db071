"""What `hummingbus status` reads in the answers of replicas, and when it calls the system complete."""

from typing import Any

import pytest

from hummingbus.commands.status import EXPECTED, Replica, complete, read_replica, table


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


def test_the_table_names_what_is_missing_and_why() -> None:
    shown = table([replica("credentials", "not ready")])
    text = "".join(str(cell) for column in shown.columns for cell in column.cells)
    assert "not ready: why" in text
    assert "not running" in text
