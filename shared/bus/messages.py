"""What goes with a command besides its body: the headers, and what a handler is told and answers."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from shared.names import decode_token
from shared.telemetry.trace import TraceContext

#: Absolute time, in Unix seconds, after which the work must not begin.
DEADLINE = "Hb-Deadline"
#: The idempotency key of a state-changing command.
KEY = "Hb-Key"
KEY_MAX_LENGTH = 128
#: In a reply: the ids of the events that the command caused. See `shared.events.applied`.
EVENTS = "Hb-Events"
#: In a request: ids of events that the answer must already reflect, those of other services behind their names:
#: `12,13,credentials:5`.
AFTER = "Hb-After"
#: W3C trace context.
TRACEPARENT = "traceparent"
#: Failure replies, after the NATS micro convention (ADR-32).
ERROR = "Nats-Service-Error"
ERROR_CODE = "Nats-Service-Error-Code"
#: JetStream's deduplication id.
MESSAGE_ID = "Nats-Msg-Id"
#: Refuses a publish unless the stream's last message has this id.
EXPECTED_LAST_ID = "Nats-Expected-Last-Msg-Id"
EXPECTED_LAST_SEQUENCE = "Nats-Expected-Last-Sequence"


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler knows of a command besides its request.

    Attributes:
        command: the command's key, as `credentials.account.create`.
        actor: who asks; the decoded actor token of the subject, which the server has checked.
        body: the request as it came, for its hash.
        key: the idempotency key, if one was sent.
        deadline: Unix seconds; the caller has given up by then.
        after: ids of events that the answer must already reflect.
        after_others: the same of other services, which a service that does not follow them may leave alone.
        trace: the trace that the work belongs to.
    """

    command: str
    actor: str
    body: bytes
    deadline: float
    key: str | None = None
    after: tuple[int, ...] = ()
    after_others: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    trace: TraceContext = field(default_factory=TraceContext.new)

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; negative when it has passed."""
        return self.deadline - time.time()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is encoded already, with the ids of the events that the command caused."""

    body: bytes
    events: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer in pieces, which together are the body; see `shared.bus.streaming`."""

    pieces: AsyncIterator[bytes]


def encode_ids(ids: tuple[int, ...]) -> str:
    """Return ids as a header's text."""
    return ",".join(map(str, ids))


def decode_ids(text: str | None) -> tuple[int, ...]:
    """Return the ids of a header, none if there is no header.

    Raises:
        ValueError: if the text is not a list of numbers.
    """
    return tuple(map(int, text.split(","))) if text else ()


def encode_after(ids: tuple[int, ...], others: Mapping[str, tuple[int, ...]]) -> str:
    """Return what `AFTER` says: ids of the service that is asked, and of others; empty if there are none."""
    named = (f"{service}:{number}" for service, numbers in others.items() for number in numbers)
    return ",".join((*map(str, ids), *named))


def decode_after(text: str | None) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """Return the ids that `AFTER` names: of the service that is asked, and of others by their names.

    Raises:
        ValueError: if the text is not a list of them.
    """
    if not text or ":" not in text:
        return decode_ids(text), {}
    own: list[int] = []
    others: dict[str, tuple[int, ...]] = {}
    for part in text.split(","):
        service, separator, number = part.rpartition(":")
        if separator:
            others[service] = (*others.get(service, ()), int(number))
        else:
            own.append(int(number))
    return tuple(own), others


def header_text(text: str) -> str:
    """Return `text` as a header may carry it: one line, bounded."""
    return " ".join(text.split())[:500]


def decode_actor(token: str) -> str:
    """Return the actor that a subject's actor token stands for; a token that nothing encodes to stands for itself."""
    try:
        return decode_token(token) if "=" in token else token
    except ValueError:
        return token
