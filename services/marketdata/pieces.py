"""Answers that may be larger than a message."""

from collections.abc import AsyncIterator

import msgspec

from shared.bus.messages import Reply, Streamed
from shared.bus.streaming import PIECE_BYTES

_encode = msgspec.json.Encoder(decimal_format="string").encode


def in_pieces(answer: object) -> Reply | Streamed:
    """Return an answer encoded, in pieces where no message holds it."""
    body = _encode(answer)
    return Reply(body) if len(body) <= PIECE_BYTES else Streamed(_whole(body))


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
