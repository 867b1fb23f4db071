"""What travels on an event subject: the fact itself, with who, when, where in the order, and in which trace."""

from datetime import datetime

import msgspec


class Envelope(msgspec.Struct, frozen=True):
    """One event.

    Attributes:
        seq: its place in the order of `service`, from 1, without holes; given by the relay.
        event_id: the outbox row; what `Hb-Events` and `Hb-After` speak of. Not in the order of `seq`.
        kind: as `credentials.account.created`.
        time: when the change was written, UTC.
        actor: who asked for the change.
        account, bot: whom it concerns, where the event declares it.
        trace: the `traceparent` of the work that made the change.
        data: the payload as JSON, of the type that the event of this kind declares.
    """

    seq: int
    service: str
    kind: str
    time: datetime
    actor: str
    account: str | None
    bot: str | None
    trace: str | None
    event_id: int
    data: msgspec.Raw

    @property
    def id(self) -> str:
        """The id of the event on the bus, which is also its `Nats-Msg-Id`."""
        return message_id(self.service, self.seq)


def message_id(service: str, seq: int) -> str:
    """Return the `Nats-Msg-Id` of the event `seq` of `service`."""
    return f"{service}-{seq}"


def seq_of(message_id: str, service: str) -> int | None:
    """Return the `seq` that `message_id` stands for, None if it is not an id of `service`."""
    prefix, _, number = message_id.rpartition("-")
    if prefix != service or not (number.isascii() and number.isdigit()):
        return None
    return int(number)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Return `envelope` as JSON."""
    return _encoder.encode(envelope)


def decode(body: bytes) -> Envelope:
    """Return the envelope that `body` holds.

    Raises:
        msgspec.DecodeError: if it holds none.
    """
    return _decoder.decode(body)
