"""W3C trace context (https://www.w3.org/TR/trace-context/): `traceparent`, made at the edge, in every message."""

import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that a piece of work belongs to: 32 and 16 lower-case hex digits, neither all zero."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls) -> "TraceContext":
        """Return the start of a new trace."""
        digits = secrets.token_hex(24)  # one system call instead of two, for every request
        return cls(digits[:32], digits[32:])

    @classmethod
    def parse(cls, header: str | None) -> "TraceContext":
        """Return the context that a `traceparent` header carries, a new one if it carries none that is valid."""
        parts = (header or "").split("-")
        if len(parts) >= 4 and len(parts[0]) == 2 and len(parts[1]) == 32 and len(parts[2]) == 16:
            trace_id, span_id = parts[1], parts[2]
            if _HEX.issuperset(trace_id + span_id) and int(trace_id, 16) and int(span_id, 16) and parts[0] != "ff":
                return cls(trace_id, span_id)
        return cls.new()

    def child(self) -> "TraceContext":
        """Return the context of work that this work causes."""
        return TraceContext(self.trace_id, secrets.token_hex(8))

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


#: The trace of the work that this task does, for its log lines.
current_trace: ContextVar[TraceContext | None] = ContextVar("current_trace", default=None)
