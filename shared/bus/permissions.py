"""What each NATS user may publish and subscribe, generated from the contracts, so that roles hold on the bus itself."""

import msgspec

from shared.bus.subjects import SERVICE_API_ROOT, Subjects
from shared.contracts.catalogue import COMMANDS, EVENT_SERVICES, LIVE, SERVICES, commands_for
from shared.contracts.declaration import EDGE, OUTSIDE

_JS = "$JS.API"

#: Users that read the events of every service: the edge for `GET /events`, outside programs for themselves.
READERS_OF_ALL = frozenset({EDGE, OUTSIDE})

#: Whose events a service follows besides its own.
FOLLOWS = {"portfolio": frozenset({"credentials"})}

#: Services that read what others send live; the edge and outside programs do too.
LIVE_READERS = frozenset({"marketdata", "portfolio"})


class Permissions(msgspec.Struct, frozen=True):
    """Subjects that a user may publish to and subscribe to; the server refuses all others.

    `may_reply`: also, once, to the reply subject of each message that it is sent, within a minute.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_reply: bool = False


def permissions_for(user: str, subjects: Subjects) -> Permissions:
    """Return what the NATS user `user` needs, and nothing more.

    A user sends the commands whose `callers` name it, under its own actor token (the edge under any). A service
    receives its own commands and answers to inboxes; it publishes its own events and reads its own stream. Everybody
    listens to an inbox prefix of its own alone.
    """
    publish: list[str] = []
    subscribe = [f"{subjects.inbox(user)}.>"]
    actor = None if user == EDGE else user
    publish += [subjects.command_permission(command, actor) for command in commands_for(user)]

    if user in SERVICES:
        own_commands = [command for command in COMMANDS if command.service == user]
        publish.append(subjects.any_inbox())
        subscribe += [subjects.command_permission(command, None) for command in own_commands]
        for verb in ("PING", "INFO", "STATS"):
            root = f"{SERVICE_API_ROOT}.{verb}"
            subscribe += [root, f"{root}.{user}", f"{root}.{user}.*"]
    if user in READERS_OF_ALL:
        publish += [f"{SERVICE_API_ROOT}.{verb}" for verb in ("PING", "INFO", "STATS")]

    if user in EVENT_SERVICES:
        publish.append(subjects.events_of(user))
        stream = subjects.stream(user)
        publish += [f"{_JS}.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE")]
    for service in EVENT_SERVICES:
        if service == user or user in READERS_OF_ALL or service in FOLLOWS.get(user, ()):
            publish += _reading(subjects.stream(service))
            subscribe.append(subjects.events_of(service))
    publish += [subjects.live_of(live) for live in LIVE if live.service == user]
    if user in READERS_OF_ALL | LIVE_READERS:
        subscribe += [subjects.live_of(live) for live in LIVE]
    # Services may write to inboxes anyway. Programs outside ask so for the next piece of a large answer.
    return Permissions(tuple(publish), tuple(subscribe), may_reply=user == OUTSIDE)


def _reading(stream: str) -> list[str]:
    return [
        f"{_JS}.STREAM.INFO.{stream}",
        f"{_JS}.STREAM.MSG.GET.{stream}",
        f"{_JS}.DIRECT.GET.{stream}",
        f"{_JS}.DIRECT.GET.{stream}.>",
        f"{_JS}.CONSUMER.CREATE.{stream}",
        f"{_JS}.CONSUMER.CREATE.{stream}.>",
        f"{_JS}.CONSUMER.DURABLE.CREATE.{stream}.*",
        f"{_JS}.CONSUMER.INFO.{stream}.*",
        f"{_JS}.CONSUMER.DELETE.{stream}.*",
        f"{_JS}.CONSUMER.MSG.NEXT.{stream}.*",
        f"$JS.ACK.{stream}.>",
        f"$JS.FC.{stream}.>",
    ]
