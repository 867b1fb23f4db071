"""How a command or an event is declared: once, for edge, handler, permissions, documents and tests."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.errors import ErrorCode

Req = TypeVar("Req")
Res = TypeVar("Res")
P = TypeVar("P")

#: Errors that any command may end in, whatever it declares.
COMMON_ERRORS = frozenset(
    {
        ErrorCode.INVALID,
        ErrorCode.UNAVAILABLE,
        ErrorCode.BUSY,
        ErrorCode.EXPIRED,
        ErrorCode.OUTCOME_UNKNOWN,
        ErrorCode.INTERNAL,
    }
)

#: The NATS user of the HTTP edge: the only one that may speak for others (its subjects carry any actor token).
EDGE = "gateway_api"
#: The NATS user of programs outside; its actor token is its own name.
OUTSIDE = "outside"
#: The exchange on this machine.
SIMULATOR = "simulator"
#: Who may send a command that is part of the public interface.
PUBLIC = frozenset({EDGE, OUTSIDE})


@dataclass(frozen=True, slots=True)
class Command(Generic[Req, Res]):
    """A request with one reply.

    Attributes:
        service, resource, verb: what the subject is made of; `key` names the command in logs and stored outcomes.
        request, response: msgspec types of the two bodies.
        summary: one sentence for the documents.
        callers: the NATS users that may send it; the server refuses all others.
        changes_state: whether a lost answer leaves the outcome unknown. Only such a command may carry an
            idempotency key.
        stores_reply: False where the reply holds a secret and so may not be stored; then no key is accepted.
        errors: codes it may end in beyond `COMMON_ERRORS`.
        owner_keys: fields of the request whose values end the subject, so that the command reaches the one
            replica that owns them. Empty: the service's queue group answers.
        timeout: seconds until the caller gives up, which is also the deadline of the work.
        streams: whether a large answer comes in several messages; see `shared.bus.streaming`.
    """

    service: str
    resource: str
    verb: str
    request: type[Req]
    response: type[Res]
    summary: str
    callers: frozenset[str] = PUBLIC
    changes_state: bool = False
    stores_reply: bool = True
    errors: frozenset[ErrorCode] = frozenset()
    owner_keys: tuple[str, ...] = ()
    timeout: float = 5.0
    streams: bool = False
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.service}.{self.resource}.{self.verb}")

    def owner_key_values(self, request: Req) -> tuple[str, ...]:
        """Return the values of `owner_keys` in `request`, in their order."""
        return tuple(getattr(request, name) for name in self.owner_keys)

    @property
    def accepts_key(self) -> bool:
        """Whether the command may carry an idempotency key."""
        return self.changes_state and self.stores_reply


@dataclass(frozen=True, slots=True)
class Event(Generic[P]):
    """A fact that a service publishes after it has committed it.

    Attributes:
        service, resource, what: what the subject is made of; `kind` names the event to people.
        payload: msgspec type of `data` in the envelope.
        summary: one sentence for the documents.
        keys: fields of the payload whose values end the subject, so that a reader can filter by them.
        account, bot: the field of the payload that names the account or bot concerned, if any.
    """

    service: str
    resource: str
    what: str
    payload: type[P]
    summary: str
    keys: tuple[str, ...] = ()
    account: str | None = None
    bot: str | None = None
    kind: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", f"{self.service}.{self.resource}.{self.what}")

    def key_values(self, payload: P) -> tuple[str, ...]:
        """Return the values of `keys` in `payload`, in their order."""
        return tuple(str(getattr(payload, name)) for name in self.keys)

    def account_of(self, payload: P) -> str | None:
        """Return the account that `payload` concerns, or None."""
        return None if self.account is None else getattr(payload, self.account)

    def bot_of(self, payload: P) -> str | None:
        """Return the bot that `payload` concerns, or None."""
        return None if self.bot is None else getattr(payload, self.bot)


@dataclass(frozen=True, slots=True)
class Live(Generic[P]):
    """What a service sends while something moves: the latest counts, nothing is stored, a reader may miss some.

    Attributes:
        service: who sends it.
        kind: what the subject is made of, with a connector and a trading pair after it.
        payload: msgspec type of the message.
        summary: one sentence for the documents.
        keys: further fields of the payload whose values end the subject.
    """

    service: str
    kind: str
    payload: type[P]
    summary: str
    keys: tuple[str, ...] = ()


AnyCommand = Command[Any, Any]
AnyEvent = Event[Any]
AnyLive = Live[Any]
