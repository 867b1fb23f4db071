"""The errors that a command may end in: one base class, one list of codes.

A service raises `CommandError` (or `not_found(...)` and its like) where the fault is known. The dispatcher sends it as
a typed reply, and the edge turns its code into an HTTP status in one table.
"""

from enum import StrEnum

import msgspec


class ErrorCode(StrEnum):
    """Why a command was not done. The value is what stands in `Nats-Service-Error-Code` and in the body."""

    INVALID = "invalid"  # a field is missing, unknown, of the wrong type or out of range
    REFUSED = "refused"  # well formed, but against a rule (`master_account` may not be deleted)
    EXISTS = "exists"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # the same idempotency key with another content, or a state that changed meanwhile
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"  # certain: nothing was done and nothing will be
    BUSY = "busy"  # as UNAVAILABLE, because too much is under way
    EXPIRED = "expired"  # as UNAVAILABLE, because the deadline had passed before work began
    OUTCOME_UNKNOWN = "outcome_unknown"  # sent, but no answer came: it may have been done
    UPSTREAM = "upstream"  # a part outside (an exchange) failed
    INTERNAL = "internal"  # a defect of ours; the text says nothing about it


class FieldError(msgspec.Struct, frozen=True):
    """One fault of the input: where (`loc`, from the outside in), what (`msg`) and its kind (`type`).

    The value itself is left out on purpose: it could be a secret.
    """

    loc: tuple[str | int, ...]
    msg: str
    type: str


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a failure reply on the bus. `key` is the idempotency key to ask by when the outcome is unknown."""

    code: ErrorCode
    detail: str
    fields: tuple[FieldError, ...] = ()
    key: str | None = None


class CommandError(Exception):
    """A command that was not done, with the reason as a code and as a sentence for its caller."""

    def __init__(
        self, code: ErrorCode, detail: str, fields: tuple[FieldError, ...] = (), *, key: str | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = fields
        self.key = key

    def body(self) -> ErrorBody:
        """Return the error as it goes over the wire."""
        return ErrorBody(self.code, self.detail, self.fields, self.key)

    @classmethod
    def from_body(cls, body: ErrorBody) -> "CommandError":
        """Return the error that `body` was made from."""
        return cls(body.code, body.detail, body.fields, key=body.key)


def not_found(detail: str) -> CommandError:
    """Return the error for a name that nothing has."""
    return CommandError(ErrorCode.NOT_FOUND, detail)


def invalid(detail: str, *fields: FieldError) -> CommandError:
    """Return the error for input that breaks the rules of `fields`."""
    return CommandError(ErrorCode.INVALID, detail, fields)
