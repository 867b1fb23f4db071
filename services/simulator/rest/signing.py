"""Who sent a request: its key, its signature over exactly the text that was sent, and whether it is recent.

Source: "SIGNED (TRADE and USER_DATA) endpoint security" in Binance's spot `rest-api.md`. The signature is the
HMAC-SHA256 of query and body, one after the other without anything between them, each without its `signature`.
"""

import hmac
import re

from services.simulator.rest import refusals
from services.simulator.rest.parameters import Parameters

#: How long a request is good for unless it says otherwise, and the most that it may say, in ms.
DEFAULT_WINDOW = 5_000
LONGEST_WINDOW = 60_000
#: How far ahead of the exchange's clock a request may be, in ms.
_AHEAD = 1_000

_SIGNATURE = re.compile(rb"(?:^|&)signature=[^&]*")
_is_key = re.compile(r"[A-Za-z0-9]{8,128}").fullmatch


def is_key(api_key: str) -> bool:
    """Return whether a text has the form of an API key."""
    return _is_key(api_key) is not None


def signed_text(query: bytes, body: bytes) -> bytes:
    """Return what of a request is signed."""
    return _unsigned(query) + _unsigned(body)


def _unsigned(text: bytes) -> bytes:
    rest = _SIGNATURE.sub(b"", text)
    return rest.removeprefix(b"&") if text.startswith(b"signature=") else rest


def check_time(parameters: Parameters, now: int) -> None:
    """Check that a request was sent within its window.

    Raises:
        Refusal: -1102 without a timestamp, -1131 for a window that is too long, -1021.
    """
    sent = parameters.needed_integer("timestamp")
    window = parameters.decimal("recvWindow")
    if window is not None and window > LONGEST_WINDOW:
        raise refusals.window_too_long()
    if sent > 10**15:  # Binance takes microseconds as well, and tells them by their size
        sent //= 1000
    if sent >= now + _AHEAD:
        raise refusals.too_early()
    if now - sent > (DEFAULT_WINDOW if window is None else window):
        raise refusals.too_old()


def check_signature(parameters: Parameters, query: bytes, body: bytes, secret: str) -> None:
    """Check that whoever has `secret` sent exactly this.

    Raises:
        Refusal: -1102 without a signature, -1022.
    """
    sent = parameters.needed("signature")
    digest = hmac.digest(secret.encode(), signed_text(query, body), "sha256").hex()
    # Bytes, as texts of other than ASCII characters are no signature but an error to compare_digest.
    if not hmac.compare_digest(digest.encode(), sent.lower().encode()):
        raise refusals.wrong_signature()
