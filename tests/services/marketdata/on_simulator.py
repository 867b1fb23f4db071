"""What tests of the service over a real simulator share: its pair, its faults and the figures of the service."""

from services.marketdata.app import MarketdataService
from tests.services.simulator.process import SimulatorProcess

BTC = "BTC-USDT"


async def fault(simulator: SimulatorProcess, kind: str, **asked: object) -> None:
    """Let a fault begin."""
    status, answer = await simulator.admin("POST", "/faults", {"kind": kind, **asked})
    assert status in (200, 201), answer


def figure(service: MarketdataService, name: str) -> float:
    """Return a figure of the service's health."""
    return dict(service.health().figures)[name]
