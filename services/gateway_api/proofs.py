"""What a request proves its caller's identity with: HTTP Basic (RFC 7617) or an API key in `X-API-KEY`."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from shared.contracts.credentials import KeyCheck, PasswordCheck

_BASIC = b"basic "

_MAX_HEADER = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Proof(NamedTuple):
    """The header as it came. Short-lived: only a digest of it is ever remembered."""

    is_key: bool
    header: bytes

    def __repr__(self) -> str:
        return "Proof(<hidden>)"


def proof_of(headers: Mapping[bytes, bytes]) -> Proof | None:
    """Return the proof that a request carries, None if it carries none that we know. Basic goes before a key."""
    header = headers.get(b"authorization")
    if header is not None and header[:6].lower() == _BASIC:
        return Proof(False, header)
    header = headers.get(b"x-api-key")
    return None if header is None else Proof(True, header)


def read(proof: Proof) -> PasswordCheck | KeyCheck | None:
    """Return what is to be verified, None if the proof cannot be right: unreadable, empty or too long."""
    if len(proof.header) > _MAX_HEADER:
        return None
    try:
        if proof.is_key:
            text = proof.header.strip().decode("ascii")
            return _checked(KeyCheck(text)) if text and text.isprintable() else None
        text = _decode(base64.b64decode(proof.header[len(_BASIC) :].strip(), validate=True))
    except (binascii.Error, UnicodeDecodeError):
        return None
    username, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return _checked(PasswordCheck(username, password))


def _decode(credentials: bytes) -> str:
    """Return user name and password, which some clients send in UTF-8 and others, the official one too, in Latin-1."""
    try:
        return credentials.decode()
    except UnicodeDecodeError:
        return credentials.decode("latin-1")


def _checked(check: PasswordCheck | KeyCheck) -> PasswordCheck | KeyCheck | None:
    """Return `check` if it keeps to the limits of the contract, which a struct that is made in Python does not test."""
    try:
        return msgspec.convert(msgspec.to_builtins(check), type(check))
    except msgspec.ValidationError:
        return None
