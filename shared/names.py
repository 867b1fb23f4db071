"""Names that may become part of a subject, a file name or a URL, and how other text is made safe for a subject.

Everything outside is validated here once, at the edge of the system; inside, a name of one of these types is trusted.
"""

from typing import Annotated

import msgspec

#: No dot, wildcard, slash or space, so that a name can reach neither another subject nor another file.
#: The last group refuses a trailing line feed, which `$` alone lets through in Python.
NAME_PATTERN = r"^[A-Za-z0-9_-]+$(?!\n)"
NAME_MAX_LENGTH = 64

Name = Annotated[
    str,
    msgspec.Meta(
        pattern=NAME_PATTERN,
        min_length=1,
        max_length=NAME_MAX_LENGTH,
        description="1 to 64 letters, digits, hyphens or underscores.",
    ),
]

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def is_name(text: str) -> bool:
    """Return whether `text` is a name: 1 to 64 of the characters A-Z, a-z, 0-9, `_`, `-`."""
    return 0 < len(text) <= NAME_MAX_LENGTH and _SAFE.issuperset(text)


def encode_token(text: str) -> str:
    """Return `text` as one subject token; injective, and the identity on names.

    Every character that is not safe becomes `=hh` for each byte of its UTF-8 form, `=` itself included.

    Raises:
        ValueError: if `text` is empty, as an empty token is not a subject.
    """
    if not text:
        raise ValueError("expected text for a subject token, was empty")
    if _SAFE.issuperset(text):
        return text
    return "".join(c if c in _SAFE else "".join(f"={byte:02x}" for byte in c.encode()) for c in text)


def decode_token(token: str) -> str:
    """Return the text that `encode_token` made `token` from.

    Raises:
        ValueError: if no text encodes to `token`.
    """
    raw = bytearray()
    rest = iter(token)
    for char in rest:
        raw += bytes([int(next(rest, "") + next(rest, ""), 16)]) if char == "=" else char.encode()
    text = raw.decode()
    if not text or encode_token(text) != token:
        raise ValueError(f"expected an encoded subject token, was {token!r}")
    return text
