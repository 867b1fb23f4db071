"""How the values of a credential travel: asked for with a signature, answered sealed to a key made for that one answer.

The asking service makes an ephemeral X25519 key and signs its request with its nkey. `credentials` checks the
signature and seals the values by HPKE (RFC 9180, base mode, X25519 / HKDF-SHA256 / ChaCha20-Poly1305) to the
ephemeral key. HPKE's `info` is made from the request, so that an answer opens for its own request only.
"""

import base64
import binascii
import os
import struct
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import nkeys
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared.contracts.credentials import SealedSecret, SecretRequest

#: Bytes of a nonce, and of an X25519 and an Ed25519 public key.
NONCE_LENGTH = 16
KEY_LENGTH = 32

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_REQUEST = b"hummingbus secret request 1"
_ANSWER = b"hummingbus secret answer 1"
_CRC_LENGTH = 2


class SealingError(Exception):
    """A request or an answer that is not what it claims to be. The text names the fault, never a value."""


def signed_form(request: SecretRequest) -> bytes:
    """Return the bytes that a request's signature is made over: every field but the signature.

    Each part is preceded by its length (4 bytes, big endian), so that no two requests share a form.
    """
    return _framed(
        _REQUEST,
        request.account_name.encode(),
        request.connector_name.encode(),
        request.service.encode(),
        request.public_key,
        request.nonce,
        struct.pack(">d", request.deadline),
    )


def verify_request(request: SecretRequest, public_nkey: str) -> None:
    """Check that `request` was signed by the holder of the nkey `public_nkey` (`U…`).

    Raises:
        SealingError: if it was not, or if a field has the wrong length.
    """
    if len(request.public_key) != KEY_LENGTH or len(request.nonce) != NONCE_LENGTH:
        raise SealingError(f"expected a key of {KEY_LENGTH} and a nonce of {NONCE_LENGTH} bytes")
    try:
        Ed25519PublicKey.from_public_bytes(nkey_bytes(public_nkey)).verify(request.signature, signed_form(request))
    except InvalidSignature:
        raise SealingError("the signature is not that of the service") from None


def nkey_bytes(public_nkey: str) -> bytes:
    """Return the Ed25519 public key that a user nkey (`U` and 55 more base32 characters) encodes.

    Raises:
        SealingError: if it is not one.
    """
    try:
        raw = base64.b32decode(public_nkey)
    except (binascii.Error, ValueError):
        raw = b""
    body, crc = raw[:-_CRC_LENGTH], raw[-_CRC_LENGTH:]
    if len(body) != KEY_LENGTH + 1 or body[0] != nkeys.PREFIX_BYTE_USER or nkeys.crc16_checksum(body) != crc:
        raise SealingError("expected a public nkey of a user")
    return body[1:]


def seal(values: Mapping[str, Any], request: SecretRequest) -> SealedSecret:
    """Return `values` as a JSON object, sealed to the key of `request`, which must have been verified.

    Raises:
        SealingError: if the key of the request is not a key one can seal to.
    """
    try:
        public_key = X25519PublicKey.from_public_bytes(request.public_key)
        sealed = _SUITE.encrypt(msgspec.json.encode(values), public_key, info=_answer_context(request))
    except ValueError:
        raise SealingError("the public key of the request is not usable") from None
    return SealedSecret(sealed)


class SecretAsker:
    """The asking side of one release: makes a signed request and opens the one answer to it."""

    def __init__(self, service: str, seed: str) -> None:
        """`service` is the name of the NATS user whose nkey seed (`SU…`) is `seed`."""
        self._service = service
        self._keys = nkeys.from_seed(seed.encode())
        self._private_key = X25519PrivateKey.generate()

    def request(self, account_name: str, connector_name: str, timeout: float) -> SecretRequest:
        """Return a signed request that is good for `timeout` seconds."""
        unsigned = SecretRequest(
            account_name=account_name,
            connector_name=connector_name,
            service=self._service,
            public_key=self._private_key.public_key().public_bytes_raw(),
            nonce=os.urandom(NONCE_LENGTH),
            deadline=time.time() + timeout,
            signature=b"",
        )
        return msgspec.structs.replace(unsigned, signature=self._keys.sign(signed_form(unsigned)))

    def open(self, answer: SealedSecret, request: SecretRequest) -> dict[str, Any]:
        """Return the values in `answer` to `request`.

        Raises:
            SealingError: if the answer was not sealed for that request.
        """
        try:
            text = _SUITE.decrypt(answer.sealed, self._private_key, info=_answer_context(request))
        except InvalidTag:
            raise SealingError("the answer was not sealed for this request") from None
        return msgspec.json.decode(text, type=dict[str, Any])


def _answer_context(request: SecretRequest) -> bytes:
    return _framed(
        _ANSWER,
        request.account_name.encode(),
        request.connector_name.encode(),
        request.service.encode(),
        request.nonce,
    )


def _framed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
