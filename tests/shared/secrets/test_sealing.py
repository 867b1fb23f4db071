"""Secrets in transit: who may ask is proven by a signature, and only who asked can read the answer."""

import os

import msgspec
import nkeys
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.credentials import SealedSecret, SecretRequest
from shared.secrets.sealing import SealingError, SecretAsker, nkey_bytes, seal, signed_form, verify_request

VALUES = {"binance_api_key": "k3y", "nested": {"list": ["a", "b"], "number": 12}}


def new_seed() -> str:
    return str(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode())


def public_key(seed: str) -> str:
    return str(nkeys.from_seed(seed.encode()).public_key.decode())


SEED = new_seed()
REQUEST = SecretAsker("portfolio", SEED).request("main", "binance", 5.0)

names = st.text(max_size=20)
requests = st.builds(
    SecretRequest,
    account_name=names,
    connector_name=names,
    service=names,
    public_key=st.binary(max_size=40),
    nonce=st.binary(max_size=40),
    deadline=st.floats(allow_nan=False),
    signature=st.just(b""),
)


def test_the_one_who_asked_reads_the_values_after_a_trip_over_the_wire() -> None:
    asker = SecretAsker("portfolio", SEED)
    asked = asker.request("main", "binance", 5.0)
    received = msgspec.json.decode(msgspec.json.encode(asked), type=SecretRequest)
    verify_request(received, public_key(SEED))
    answer = msgspec.json.decode(msgspec.json.encode(seal(VALUES, received)), type=SealedSecret)
    assert asker.open(answer, asked) == VALUES


def test_the_answer_shows_nothing_of_the_values() -> None:
    sealed = seal(VALUES, REQUEST).sealed
    assert b"k3y" not in sealed
    assert b"binance_api_key" not in sealed


def test_nobody_else_opens_an_answer() -> None:
    with pytest.raises(SealingError, match="not sealed for this request"):
        SecretAsker("portfolio", SEED).open(seal(VALUES, REQUEST), REQUEST)


@pytest.mark.parametrize(
    "other", [{"account_name": "x"}, {"connector_name": "x"}, {"service": "orchestrator"}, {"nonce": b"x" * 16}]
)
def test_an_answer_opens_for_its_own_request_only(other: dict[str, object]) -> None:
    asker = SecretAsker("portfolio", SEED)
    asked = asker.request("main", "binance", 5.0)
    with pytest.raises(SealingError):
        asker.open(seal(VALUES, msgspec.structs.replace(asked, **other)), asked)


@pytest.mark.parametrize(
    "changed",
    [
        {"account_name": "other"},
        {"connector_name": "kraken"},
        {"service": "orchestrator"},
        {"deadline": REQUEST.deadline + 1},
        {"nonce": bytes(16)},
        {"public_key": bytes([1] * 32)},
        {"signature": bytes(64)},
        {"signature": b""},
        {"nonce": b"short"},
        {"public_key": b"short"},
    ],
)
def test_a_request_that_was_changed_is_refused(changed: dict[str, object]) -> None:
    verify_request(REQUEST, public_key(SEED))
    with pytest.raises(SealingError):
        verify_request(msgspec.structs.replace(REQUEST, **changed), public_key(SEED))


def test_a_request_of_somebody_else_is_refused() -> None:
    with pytest.raises(SealingError, match="not that of the service"):
        verify_request(REQUEST, public_key(new_seed()))


@given(requests, requests)
def test_two_different_requests_never_have_the_same_signed_form(one: SecretRequest, other: SecretRequest) -> None:
    assert (signed_form(one) == signed_form(other)) == (one == other)


def test_a_key_that_one_cannot_seal_to_is_refused() -> None:
    with pytest.raises(SealingError, match="not usable"):
        seal(VALUES, msgspec.structs.replace(REQUEST, public_key=bytes(32)))


def test_each_asker_has_a_key_and_each_request_a_nonce_of_its_own() -> None:
    asker = SecretAsker("portfolio", SEED)
    first, second = asker.request("main", "binance", 5.0), asker.request("main", "binance", 5.0)
    assert first.nonce != second.nonce
    assert first.public_key != REQUEST.public_key


_ACCOUNT = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT).decode()


@pytest.mark.parametrize(
    "text",
    ["", "U", "é" * 56, SEED, public_key(SEED)[:-1], public_key(SEED)[:-1] + "?", public_key(_ACCOUNT), "U" + "A" * 55],
    ids=["empty", "letter", "not-ascii", "seed", "short", "character", "account", "checksum"],
)
def test_what_is_no_public_nkey_of_a_user_is_refused(text: str) -> None:
    assert len(nkey_bytes(public_key(SEED))) == 32
    with pytest.raises(SealingError, match="public nkey"):
        nkey_bytes(text)
