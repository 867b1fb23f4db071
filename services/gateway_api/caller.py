"""Who makes the request that this task answers."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. `actor` is the token that their commands carry."""

    username: str
    actor: str
    key_id: str | None = None


#: Set by the gate for every route that needs an identity.
current_caller: ContextVar[Caller] = ContextVar("current_caller")
