"""All contracts in one place: what the permissions, the AsyncAPI document and the tests are made from."""

from shared.contracts import credentials, marketdata, portfolio, simulator
from shared.contracts.declaration import EDGE, OUTSIDE, AnyCommand, AnyEvent, AnyLive

#: Services with commands or events of their own, in the order of their start.
_CONTRACTS = (credentials, simulator, marketdata, portfolio)

COMMANDS: tuple[AnyCommand, ...] = tuple(command for contract in _CONTRACTS for command in contract.COMMANDS)
EVENTS: tuple[AnyEvent, ...] = tuple(event for contract in _CONTRACTS for event in contract.EVENTS)
#: What services send while something moves.
LIVE: tuple[AnyLive, ...] = marketdata.LIVE

#: Services that publish events and so own a stream.
EVENT_SERVICES: tuple[str, ...] = tuple(dict.fromkeys(event.service for event in EVENTS))

#: Services that answer commands, or discovery at least.
SERVICES: tuple[str, ...] = tuple(dict.fromkeys((EDGE, *(command.service for command in COMMANDS))))

#: Every NATS user: each service that answers or asks, and the outside programs.
USERS: tuple[str, ...] = tuple(sorted({OUTSIDE, *SERVICES, *EVENT_SERVICES, *(u for c in COMMANDS for u in c.callers)}))


def commands_of(service: str) -> tuple[AnyCommand, ...]:
    """Return the commands that `service` answers."""
    return tuple(command for command in COMMANDS if command.service == service)


def commands_for(caller: str) -> tuple[AnyCommand, ...]:
    """Return the commands that the NATS user `caller` may send."""
    return tuple(command for command in COMMANDS if caller in command.callers)
