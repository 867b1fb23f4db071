"""How answers are written: decimals as JSON numbers, times with their offset."""

from datetime import UTC, datetime

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(answer: object) -> bytes:
    """Return `answer` as JSON. Decimals become numbers with all their digits."""
    return _encoder.encode(answer)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 text that ends in `+00:00`."""
    return moment.astimezone(UTC).isoformat()
