"""Events as the edge gets them, and streams that keep some of them."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from shared.events.envelope import Envelope
from shared.events.range import EventRange


def event(seq: int, service: str = "credentials", kind: str = "account.created", account: str = "alice") -> Envelope:
    time = datetime(2026, 1, 5, tzinfo=UTC)
    return Envelope(seq, service, f"{service}.{kind}", time, "admin", account, None, None, seq, msgspec.Raw(b"{}"))


class KeptEvents:
    """What the streams keep."""

    def __init__(self, events: Iterable[Envelope] = ()) -> None:
        self.events = list(events)
        self.reads = 0

    async def read(self, service: str, after: int, most: int) -> EventRange:
        self.reads += 1
        own = [event for event in self.events if event.service == service]
        found = [event for event in own if event.seq > after][:most]
        return EventRange(tuple(found), bool(found and found[0].seq > after + 1), own[-1].seq if own else 0)
