"""What of a request's headers is taken as a proof."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.proofs import Proof, proof_of, read
from shared.contracts.credentials import KeyCheck, PasswordCheck

_BASIC = b"Basic YTpi"


def test_basic_goes_before_a_key_and_other_schemes_are_none_of_ours() -> None:
    assert proof_of({}) is None
    assert proof_of({b"authorization": b"Bearer abc"}) is None
    assert proof_of({b"authorization": _BASIC, b"x-api-key": b"k"}) == Proof(False, _BASIC)
    assert proof_of({b"authorization": b"bAsIc YTpi"}) == Proof(False, b"bAsIc YTpi")
    assert proof_of({b"authorization": b"Bearer of a proxy", b"x-api-key": b"k"}) == Proof(True, b"k")


def test_a_password_may_hold_colons_and_any_language() -> None:
    header = b"Basic " + base64.b64encode("jörg:a:b:ж 🙂".encode())
    assert read(Proof(False, header)) == PasswordCheck("jörg", "a:b:ж 🙂")
    header = b"Basic " + base64.b64encode("jörg:é".encode("latin-1"))
    assert read(Proof(False, header)) == PasswordCheck("jörg", "é")


def test_a_key_is_plain_text() -> None:
    assert read(Proof(True, b" hbk_1 ")) == KeyCheck("hbk_1")
    for header in (b"", b" ", b"\xff", b"a\x7fb", b"x" * 300):
        assert read(Proof(True, header)) is None


@given(st.booleans(), st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(is_key: bool, text: bytes) -> None:
    for header in (text, b"Basic " + text, b"Basic " + base64.b64encode(text)):
        assert read(Proof(is_key, header)) is None or read(Proof(is_key, header)) == read(Proof(is_key, header))
