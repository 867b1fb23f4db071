"""Where a reader of `GET /events` stands: the `seq` of the last event of each service, as one short id (`c12.p345`)."""

import re
from collections.abc import Mapping

#: The letter of each service in an id. Ids outlive versions: a letter is never given to another service.
LETTERS: Mapping[str, str] = {
    "credentials": "c",
    "marketdata": "m",
    "orchestrator": "o",
    "portfolio": "p",
    "simulator": "s",
}
_SERVICES = {letter: service for service, letter in LETTERS.items()}
_PART = re.compile(r"(?P<letter>[a-z])(?P<seq>0|[1-9][0-9]{0,17})", re.ASCII)

#: The last `seq` of each service that was seen; a service that is not in it has been seen nothing of.
Position = dict[str, int]


def parse(text: str) -> Position:
    """Return the position that an id stands for.

    Raises:
        ValueError: if `text` is not an id.
    """
    position: Position = {}
    for part in text.split("."):
        match = _PART.fullmatch(part)
        service = _SERVICES.get(match["letter"]) if match else None
        if match is None or service is None or service in position:
            raise ValueError("Expected an id that this API gave, such as c12")
        position[service] = int(match["seq"])
    return position


def encode(position: Mapping[str, int]) -> str:
    """Return the id of `position`."""
    return ".".join(sorted(f"{LETTERS[service]}{seq}" for service, seq in position.items()))
