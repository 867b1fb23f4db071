"""Encryption at rest."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credentials.encryption import (
    UnreadableSecretError,
    WrongPasswordError,
    make_keyring,
    open_keyring,
)

STORED, CIPHER = make_keyring("right")
VALUES = {"api_key": "s3cret", "nested": {"list": ["a"], "flag": True, "number": 3}}

names = st.text(max_size=10)


def test_the_password_opens_the_stored_keyring_in_another_process() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(STORED), type=type(STORED))
    opened = open_keyring(stored, "right")
    assert opened.decrypt("a", "binance", CIPHER.encrypt("a", "binance", VALUES)) == VALUES
    assert opened.hash_key == CIPHER.hash_key


def test_a_wrong_password_opens_nothing() -> None:
    with pytest.raises(WrongPasswordError):
        open_keyring(STORED, "wrong")


def test_the_same_password_makes_another_key_each_time() -> None:
    stored, cipher = make_keyring("right")
    assert stored.salt != STORED.salt
    with pytest.raises(UnreadableSecretError):
        cipher.decrypt("a", "binance", CIPHER.encrypt("a", "binance", VALUES))


def test_the_key_of_hashes_outlives_a_change_of_password() -> None:
    stored, cipher = make_keyring("new", STORED.generation + 1, CIPHER.hash_key)
    assert (stored.generation, cipher.generation) == (2, 2)
    assert open_keyring(stored, "new").hash_key == CIPHER.hash_key


@pytest.mark.parametrize(("account", "connector"), [("b", "binance"), ("a", "kraken")])
def test_a_row_that_was_copied_elsewhere_does_not_decrypt(account: str, connector: str) -> None:
    token = CIPHER.encrypt("a", "binance", VALUES)
    with pytest.raises(UnreadableSecretError, match=f"{account} for {connector}"):
        CIPHER.decrypt(account, connector, token)


@given(st.binary())
def test_what_is_no_secret_is_unreadable(token: bytes) -> None:
    with pytest.raises(UnreadableSecretError):
        CIPHER.decrypt("a", "binance", token)


@given(names, names, st.dictionaries(names, names | st.integers(-(2**63), 2**63) | st.booleans()))
def test_values_come_back_as_they_were(account: str, connector: str, values: dict[str, object]) -> None:
    token = CIPHER.encrypt(account, connector, values)
    assert CIPHER.decrypt(account, connector, token) == values


def test_neither_tokens_nor_reprs_show_a_value() -> None:
    token = CIPHER.encrypt("a", "binance", VALUES)
    for text in (token.decode(), repr(CIPHER), repr(STORED)):
        assert "s3cret" not in text
        assert CIPHER.hash_key.hex() not in text
        assert repr(CIPHER.hash_key)[2:-1] not in text
