"""The AsyncAPI 3 document of the bus, from the contracts.

See https://www.asyncapi.com/docs/reference/specification/v3.0.0.

It is written from the side of the system, as AsyncAPI asks: a command is *received*, an event is *sent*.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from shared.bus import messages
from shared.bus.subjects import Subjects
from shared.contracts.catalogue import COMMANDS, EVENTS, LIVE
from shared.contracts.declaration import COMMON_ERRORS, OUTSIDE, AnyCommand, AnyEvent, AnyLive
from shared.errors import ErrorBody
from shared.events.envelope import Envelope, message_id
from shared.names import NAME_MAX_LENGTH

_SCHEMAS = "#/components/schemas/"
_MESSAGES = "#/components/messages/"

_DESCRIPTION = """\
Commands, events and live data of Hummingbus on NATS, for programs that need no HTTP.

**Commands** are requests with one reply. Publish the JSON body on the command's subject with a reply inbox under your
own inbox prefix. Your user may send as its own actor alone, and only commands tagged *public*. A failure reply has the
header `Nats-Service-Error-Code`. No responders means that nothing was done. No reply within the deadline means that the
outcome is unknown: send the command again with the same `Hb-Key`, and you get the first outcome.

**Events** are facts, published after they were committed, at least once and in order within each service, in one
JetStream stream a service. `Nats-Msg-Id` is the service and the event's `seq`, which has no holes and outlives the
stream.

**Live data** are sent while something moves, on core NATS: the latest message counts, nothing is stored, and a reader
that is slow or away misses some. Subscribe with `*` for all connectors or pairs. They flow for what somebody has asked
for by a command, as a price or a book, and until nobody has asked for a while.
"""

_TEXT = {"type": "string"}
_COMMAND_HEADERS = {
    "type": "object",
    "properties": {
        messages.DEADLINE: {"type": "string", "description": "Unix seconds after which the work must not begin."},
        messages.AFTER: {"type": "string", "description": "Ids of events that the answer must reflect, with commas."},
        messages.TRACEPARENT: {"type": "string", "description": "W3C trace context."},
    },
}
_KEY = {"type": "string", "description": "Idempotency key: letters, digits, `-` and `_`, up to 128."}
_REPLY_HEADERS = {
    "type": "object",
    "properties": {messages.EVENTS: {"type": "string", "description": "Ids of the events caused, with commas."}},
}
_ERROR_HEADERS = {"type": "object", "properties": {messages.ERROR: _TEXT, messages.ERROR_CODE: _TEXT}}


def document(version: str, namespace: str = "hb") -> dict[str, Any]:
    """Return the document of the whole catalogue under `namespace`."""
    subjects = Subjects(namespace)
    bodies = _bodies()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    known: dict[str, Any] = {"error": _error_message(bodies)}
    for command in COMMANDS:
        known |= _command_messages(command, bodies)
        channels |= _command_channels(command, subjects)
        operations[command.key] = _command_operation(command)
    for event in EVENTS:
        known[event.kind] = _event_message(event, bodies)
        channels[event.kind] = _event_channel(event, subjects)
        operations[event.kind] = _event_operation(event, subjects)
    for live in LIVE:
        name = _live_name(live)
        known[name] = _live_message(live, bodies)
        channels[name] = _live_channel(live, subjects)
        operations[name] = _live_operation(live)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Hummingbus", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "{host}",
                "protocol": "nats",
                "description": "The server of the embedded stack, or the one that `NATS_URL` names.",
                "variables": {"host": {"default": "127.0.0.1:4222"}},
                "security": [{"$ref": "#/components/securitySchemes/nkey"}],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": known,
            "schemas": bodies.schemas,
            "securitySchemes": {
                "nkey": {
                    "type": "asymmetricEncryption",
                    "description": "An nkey; each user has exactly the subjects that its contracts give it.",
                }
            },
        },
    }


class _Bodies:
    """JSON schemas of the types that messages have, and where they refer to each other."""

    def __init__(self, types: list[Any]) -> None:
        found, self.schemas = msgspec.json.schema_components(types, ref_template=_SCHEMAS + "{name}")
        self._of = list(zip(types, found, strict=True))

    def __getitem__(self, kind: Any) -> dict[str, Any]:
        return next(schema for known, schema in self._of if known == kind)


def _bodies() -> _Bodies:
    types: list[Any] = [ErrorBody, Envelope]
    for command in COMMANDS:
        types += [command.request, command.response]
    types += [event.payload for event in EVENTS]
    types += [live.payload for live in LIVE]
    return _Bodies(types)


def _error_message(bodies: _Bodies) -> dict[str, Any]:
    return {
        "name": "error",
        "title": "The command was not done, or may not have been",
        "headers": _ERROR_HEADERS,
        "payload": bodies[ErrorBody],
    }


def _command_messages(command: AnyCommand, bodies: _Bodies) -> dict[str, Any]:
    headers: dict[str, Any] = _COMMAND_HEADERS
    if command.accepts_key:
        headers = headers | {"properties": {**_COMMAND_HEADERS["properties"], messages.KEY: _KEY}}  # type: ignore[dict-item]
    return {
        command.key: {
            "name": command.key,
            "title": command.summary,
            "headers": headers,
            "payload": bodies[command.request],
        },
        f"{command.key}.reply": {
            "name": f"{command.key}.reply",
            "title": "What was asked for, or done",
            "headers": _REPLY_HEADERS if command.changes_state else {"type": "object"},
            "payload": bodies[command.response],
        },
    }


def _command_channels(command: AnyCommand, subjects: Subjects) -> dict[str, Any]:
    address = subjects.command_permission(command, None)
    for name in ("actor", *command.owner_keys):
        address = address.replace("*", f"{{{name}}}", 1)
    parameters = {"actor": {"description": "Who asks: the name of your NATS user, as `outside`."}}
    return {
        command.key: {
            "address": address,
            "title": command.summary,
            "parameters": parameters | _parameters(command.owner_keys),
            "messages": {"request": {"$ref": f"{_MESSAGES}{command.key}"}},
        },
        f"{command.key}.reply": {
            "address": None,
            "title": "The reply inbox of the request",
            "messages": {
                "reply": {"$ref": f"{_MESSAGES}{command.key}.reply"},
                "error": {"$ref": f"{_MESSAGES}error"},
            },
        },
    }


def _command_operation(command: AnyCommand) -> dict[str, Any]:
    here, reply = f"#/channels/{command.key}", f"#/channels/{command.key}.reply"
    facts = [
        f"Sent by: {', '.join(sorted(command.callers))}.",
        f"The caller waits {command.timeout:g} s.",
        "It changes state." if command.changes_state else "It changes nothing.",
        f"Errors: {', '.join(f'`{code}`' for code in sorted(command.errors | COMMON_ERRORS))}.",
    ]
    if command.streams:
        facts.insert(-1, "A large answer comes in pieces; ask for the next at the reply subject of the one before.")
    if command.accepts_key:
        facts.insert(-1, f"It takes an idempotency key in `{messages.KEY}`.")
    return {
        "action": "receive",
        "title": command.summary,
        "description": " ".join(facts),
        "tags": [{"name": command.service}, {"name": "public" if OUTSIDE in command.callers else "internal"}],
        "channel": {"$ref": here},
        "messages": [{"$ref": f"{here}/messages/request"}],
        "reply": {
            "channel": {"$ref": reply},
            "messages": [{"$ref": f"{reply}/messages/reply"}, {"$ref": f"{reply}/messages/error"}],
        },
    }


def _event_message(event: AnyEvent, bodies: _Bodies) -> dict[str, Any]:
    own = {"type": "object", "properties": {"kind": {"const": event.kind}, "data": bodies[event.payload]}}
    example_id = {"type": "string", "description": f"As `{message_id(event.service, 12)}`."}
    return {
        "name": event.kind,
        "title": event.summary,
        "headers": {"type": "object", "properties": {messages.MESSAGE_ID: example_id}},
        "payload": {"allOf": [bodies[Envelope], own]},
    }


def _event_channel(event: AnyEvent, subjects: Subjects) -> dict[str, Any]:
    tokens = subjects.event(event, event.keys).split(".")
    fixed = tokens[: len(tokens) - len(event.keys)]
    return {
        "address": ".".join((*fixed, *(f"{{{key}}}" for key in event.keys))),
        "title": event.summary,
        "parameters": _parameters(event.keys),
        "messages": {"event": {"$ref": f"{_MESSAGES}{event.kind}"}},
    }


def _event_operation(event: AnyEvent, subjects: Subjects) -> dict[str, Any]:
    here = f"#/channels/{event.kind}"
    return {
        "action": "send",
        "title": event.summary,
        "description": f"Kept in the JetStream stream `{subjects.stream(event.service)}`.",
        "tags": [{"name": event.service}, {"name": "public"}],
        "channel": {"$ref": here},
        "messages": [{"$ref": f"{here}/messages/event"}],
    }


def _live_name(live: AnyLive) -> str:
    return f"{live.service}.live.{live.kind}"


def _live_message(live: AnyLive, bodies: _Bodies) -> dict[str, Any]:
    return {
        "name": _live_name(live),
        "title": live.summary,
        "headers": {"type": "object"},
        "payload": bodies[live.payload],
    }


def _live_channel(live: AnyLive, subjects: Subjects) -> dict[str, Any]:
    names = ("connector", "trading_pair", *live.keys)
    address = subjects.live_of(live)
    for name in names:
        address = address.replace("*", f"{{{name}}}", 1)
    return {
        "address": address,
        "title": live.summary,
        "parameters": _parameters(names),
        "messages": {"live": {"$ref": f"{_MESSAGES}{_live_name(live)}"}},
    }


def _live_operation(live: AnyLive) -> dict[str, Any]:
    here = f"#/channels/{_live_name(live)}"
    return {
        "action": "send",
        "title": live.summary,
        "description": "Core NATS: never stored, the latest counts.",
        "tags": [{"name": live.service}, {"name": "public"}, {"name": "live"}],
        "channel": {"$ref": here},
        "messages": [{"$ref": f"{here}/messages/live"}],
    }


def _parameters(names: Iterable[str]) -> dict[str, Any]:
    text = f"Up to {NAME_MAX_LENGTH} letters, digits, `-` and `_`; others are encoded as `=` and two hex digits."
    return {name: {"description": text} for name in names}
