"""What `GET /ready` makes of the answers to discovery."""

from typing import Any

from services.gateway_api.readiness import Readiness, state_of
from shared.bus.client import Bus
from shared.service import Health
from shared.settings import Settings


def replica(
    name: str = "credentials", *, ready: bool = True, reasons: str = "", namespace: str = "hb"
) -> dict[str, Any]:
    state = "ready" if ready else "not ready"
    return {
        "name": name,
        "id": "1",
        "version": "1",
        "metadata": {"state": state, "reasons": reasons, "namespace": namespace},
    }


class ConnectedBus(Bus):
    connected = True


def state(*answers: dict[str, Any], connected: bool = True) -> Readiness:
    settings = Settings.model_validate({})
    bus = (ConnectedBus if connected else Bus)(settings, "gateway_api")
    return state_of(answers, ["credentials", "portfolio"], bus, "gateway_api", Health(True))


def test_one_ready_replica_of_each_is_enough() -> None:
    found = state(replica(ready=False, reasons="catching up"), replica(), replica("portfolio"))
    assert found.status == "ready"
    assert len(found.services["credentials"].replicas) == 2
    assert found.services["credentials"].state == "ready"


def test_a_service_without_one_is_down_or_not_ready() -> None:
    found = state(replica(ready=False, reasons="the database cannot be reached"))
    assert found.status == "not ready"
    assert found.services["credentials"].state == "not ready"
    assert found.services["portfolio"].state == "down"
    assert found.servers.database.state == "down"


def test_replicas_of_another_system_on_the_same_server_do_not_count() -> None:
    found = state(replica(namespace="other"), replica("portfolio", namespace="other"))
    assert found.services["credentials"].state == "down"
    assert found.servers.database.state == "unknown"


def test_a_service_that_nobody_waits_for_is_shown() -> None:
    found = state(replica(), replica("portfolio"), replica("news", ready=False))
    assert found.status == "ready"
    assert found.services["news"].state == "not ready"


def test_without_the_bus_nothing_is_ready() -> None:
    found = state(connected=False)
    assert found.status == "not ready"
    assert found.servers.nats.state == "down"
    assert found.services["gateway_api"].state == "ready"


def test_only_those_who_need_the_database_are_asked_for_it() -> None:
    away = "the database cannot be reached"
    answers = [replica(name, ready=False, reasons=away) for name in ("credentials", "portfolio")]
    settings = Settings.model_validate({})
    services = ["credentials", "marketdata", "portfolio"]
    found = state_of(
        [*answers, replica("marketdata")], services, Bus(settings, "gateway_api"), "gateway_api", Health(True)
    )
    assert found.servers.database.state == "down"
