"""One command as its service answers it: how its messages are read and its answers written, and how often."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from shared.bus import messages
from shared.bus.invalid import field_error
from shared.bus.messages import KEY_MAX_LENGTH, Call, Reply
from shared.contracts.declaration import AnyCommand
from shared.errors import CommandError, ErrorCode, FieldError, invalid
from shared.names import encode_token
from shared.telemetry.trace import TraceContext

Handler = Callable[[Any, Call], Any | Awaitable[Any]]

_encoder = msgspec.json.Encoder(decimal_format="string")


class Endpoint:
    """A command and its handler, with the figures that discovery tells of it."""

    def __init__(self, command: AnyCommand, handler: Handler) -> None:
        self.command = command
        self.handler = handler
        self.requests = 0
        self.errors = 0
        self.seconds = 0.0
        self.last_error = ""
        self.refused_without_inbox = 0
        self._decoder = msgspec.json.Decoder(command.request)

    def count(self, seconds: float) -> None:
        """Count one request that took `seconds`."""
        self.requests += 1
        self.seconds += seconds

    def expired(self) -> CommandError:
        """Return the refusal of work whose deadline has passed."""
        return CommandError(ErrorCode.EXPIRED, f"the deadline passed before {self.command.service} could begin")

    def read_call(self, actor: str, headers: Mapping[str, str], body: bytes) -> Call:
        """Return what the headers say.

        Raises:
            CommandError: EXPIRED if the deadline has passed, INVALID if a header cannot be read.
        """
        now = time.time()
        key = headers.get(messages.KEY)
        if key is not None:
            self._check_key(key)
        try:
            text = headers.get(messages.DEADLINE)
            deadline = float(text) if text else now + self.command.timeout
            after, after_others = messages.decode_after(headers.get(messages.AFTER))
        except ValueError:
            raise invalid("a header of the command cannot be read") from None
        if not deadline > now:  # also refuses NaN
            raise self.expired()
        trace = TraceContext.parse(headers.get(messages.TRACEPARENT))
        return Call(self.command.key, messages.decode_actor(actor), body, deadline, key, after, after_others, trace)

    def decode(self, body: bytes) -> Any:
        """Return the request that `body` holds; an empty body stands for an empty object.

        Raises:
            CommandError: INVALID with the field that does not fit.
        """
        try:
            return self._decoder.decode(body or b"{}")
        except msgspec.ValidationError as error:
            fault = field_error(error)
            raise invalid(f"{'.'.join(map(str, fault.loc)) or 'body'}: {fault.msg}", fault) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise invalid("the body is not valid JSON", FieldError((), "not valid JSON", "json_invalid")) from None

    def encode(self, result: Any) -> Reply:
        """Return the reply that a handler's `result` stands for."""
        return result if isinstance(result, Reply) else Reply(_encoder.encode(result))

    def _check_key(self, key: str) -> None:
        if not self.command.accepts_key:
            raise invalid(f"{self.command.key} takes no idempotency key")
        if not 0 < len(key) <= KEY_MAX_LENGTH or encode_token(key) != key:
            raise invalid(f"expected an idempotency key of 1 to {KEY_MAX_LENGTH} letters, digits, '-' and '_'")
