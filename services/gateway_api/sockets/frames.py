"""The frames that the server sends, ready for the wire. Times are Unix seconds."""

import time
from typing import Any

import msgspec

from shared.http.websocket_frames import text_frame

_encode = msgspec.json.Encoder().encode


def connected(connection_id: str) -> bytes:
    """Return the first frame of whoever proved who they are."""
    return _frame(type="connected", connection_id=connection_id, timestamp=time.time())


def subscribed(subscription_id: str) -> bytes:
    """Return the answer to a subscription."""
    return _frame(type="subscribed", subscription_id=subscription_id)


def unsubscribed(subscription_id: str) -> bytes:
    """Return the answer to its end."""
    return _frame(type="unsubscribed", subscription_id=subscription_id)


def pong() -> bytes:
    """Return the answer to a ping."""
    return _frame(type="pong", timestamp=time.time())


def heartbeat() -> bytes:
    """Return what says that the connection is alive."""
    return _frame(type="heartbeat", timestamp=time.time())


def error(message: str) -> bytes:
    """Return why something was not done."""
    return _frame(type="error", message=message)


def data(kind: str, subscription_id: str, content: object) -> bytes:
    """Return a push of the subscription."""
    return _frame(type=kind, subscription_id=subscription_id, data=content, timestamp=time.time())


def _frame(**fields: Any) -> bytes:
    return text_frame(_encode(fields))
