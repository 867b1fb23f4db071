"""Decoding of paths."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.paths import decoded_path


def test_an_encoded_slash_stays_encoded() -> None:
    assert decoded_path(b"/accounts/a%2Fb/credentials") == "/accounts/a%2Fb/credentials"
    assert decoded_path(b"/accounts/a%2fb/credentials") == "/accounts/a%2Fb/credentials"
    assert decoded_path(b"/%61ccounts/%2E%2E/x%20y") == "/accounts/../x y"
    assert decoded_path(b"/%ff") == "/\ufffd"


@given(st.binary())
def test_no_encoding_adds_a_separator(raw: bytes) -> None:
    assert decoded_path(raw).count("/") == raw.count(b"/")
