"""The one builder of subjects, stream names and inboxes. No subject string stands anywhere else."""

from dataclasses import dataclass

from shared.contracts.declaration import AnyCommand, AnyEvent, AnyLive
from shared.names import encode_token, is_name

_ANY = "*"
_REST = ">"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Subjects under one namespace, so that two systems can share a server.

    Raises:
        ValueError: if the namespace is not a name.
    """

    namespace: str = "hb"

    def __post_init__(self) -> None:
        if not is_name(self.namespace):
            raise ValueError(f"expected a namespace of letters, digits, '-' and '_', was {self.namespace!r}")

    def command(self, command: AnyCommand, actor: str, keys: tuple[str, ...] = ()) -> str:
        """Return the subject that `actor` sends `command` on; `keys` are the values of its owner keys."""
        return self._command(command, encode_token(actor), tuple(encode_token(key) for key in keys))

    def command_from_anyone(self, command: AnyCommand, keys: tuple[str, ...] = ()) -> str:
        """Return the subject on which `command` arrives, whoever sends it, for the owner of `keys`."""
        return self._command(command, _ANY, tuple(encode_token(key) for key in keys))

    def command_permission(self, command: AnyCommand, actor: str | None) -> str:
        """Return what a NATS user must be allowed to publish to send `command` as `actor` (None: as anyone)."""
        keys = (_ANY,) * len(command.owner_keys)
        return self._command(command, _ANY if actor is None else encode_token(actor), keys)

    def actor_of(self, subject: str) -> str:
        """Return the actor token of a command's subject."""
        return subject.split(".", 3)[2]

    def event(self, event: AnyEvent, keys: tuple[str, ...]) -> str:
        """Return the subject of `event` with the values of its keys."""
        return self.event_at(event_tail(event, keys))

    def event_at(self, tail: str) -> str:
        """Return the subject of the event whose `event_tail` is `tail`."""
        return f"{self.namespace}.evt.{tail}"

    def events_of(self, service: str) -> str:
        """Return the pattern that matches every event of `service`."""
        return f"{self.namespace}.evt.{service}.{_REST}"

    def live(self, live: AnyLive, connector: str, pair: str, *keys: str) -> str:
        """Return the subject of `live` for a pair of a connector, with the values of its further keys."""
        if len(keys) != len(live.keys):
            raise ValueError(f"expected {len(live.keys)} keys for {live.kind}, was {len(keys)}")
        tokens = (encode_token(token) for token in (connector, pair, *keys))
        return ".".join((self.namespace, "live", live.kind, *tokens))

    def live_of(self, live: AnyLive) -> str:
        """Return the pattern that matches `live` for every connector and pair."""
        return ".".join((self.namespace, "live", live.kind, *(_ANY,) * (2 + len(live.keys))))

    def stream(self, service: str) -> str:
        """Return the name of the JetStream stream that holds the events of `service`."""
        return f"{self.namespace}-evt-{service}"

    def inbox(self, user: str) -> str:
        """Return the inbox prefix of a NATS user: where replies to it go, and to nobody else."""
        return f"{INBOX_ROOT}.{self.namespace}.{user}"

    def delivery(self, user: str, consumer: str) -> str:
        """Return where the events of the durable `consumer` are delivered, to one of the replicas of `user`."""
        return f"{self.inbox(user)}.consumer.{encode_token(consumer)}"

    def neighbours(self, user: str) -> str:
        """Return where replicas of `user` tell each other what concerns all of them; nobody else hears it."""
        return f"{self.inbox(user)}.neighbours"

    def any_inbox(self) -> str:
        """Return the pattern of every inbox of this namespace: all that a reply may be published to."""
        return f"{INBOX_ROOT}.{self.namespace}.{_REST}"

    def is_inbox(self, subject: str) -> bool:
        """Return whether `subject` lies in an inbox of this namespace, so that a reply may go there."""
        return subject.startswith(f"{INBOX_ROOT}.{self.namespace}.")

    def _command(self, command: AnyCommand, actor: str, keys: tuple[str, ...]) -> str:
        if len(keys) != len(command.owner_keys):
            raise ValueError(f"expected {len(command.owner_keys)} owner keys for {command.key}, was {len(keys)}")
        return ".".join((self.namespace, "cmd", actor, command.service, command.resource, command.verb, *keys))


def event_tail(event: AnyEvent, keys: tuple[str, ...]) -> str:
    """Return what follows the namespace in the subject of `event`.

    The outbox keeps this and not the subject, so that its events can be published under another namespace.
    """
    return ".".join((event.service, event.resource, event.what, *(encode_token(key) for key in keys)))


INBOX_ROOT = "_INBOX"

#: Discovery of the NATS micro protocol: every service answers these.
SERVICE_API_ROOT = "$SRV"
