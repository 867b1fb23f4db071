"""What a socket's client proves its identity with. A browser cannot set headers, so the address may hold it too."""

import base64
from collections.abc import Mapping
from urllib.parse import parse_qs

from services.gateway_api.proofs import Proof, proof_of


def socket_proof_of(headers: Mapping[bytes, bytes], query: bytes, *, from_other_page: bool) -> Proof | None:
    """Return the proof that a handshake carries, None if it carries none. A header goes before the query.

    `token` is base64 of `user:password`. The official client does not encode it for the query, where `+` is a space.
    `from_other_page`: a page of another origin opened the socket, so that the header may be the browser's own doing.
    """
    if not from_other_page and (proof := proof_of(headers)) is not None:
        return proof
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    if token := given.get("token"):
        return Proof(False, b"Basic " + token[0].replace(" ", "+").encode())
    username, password = given.get("username"), given.get("password")
    if username is None or password is None:
        return None
    return Proof(False, b"Basic " + base64.b64encode(f"{username[0]}:{password[0]}".encode()))
