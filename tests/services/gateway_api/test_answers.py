"""Who takes a compressed answer."""

import pytest

from services.gateway_api.answers import accepts_gzip


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        (b"", False),
        (b"gzip", True),
        (b"deflate, gzip", True),
        (b"GZIP;q=0.5", True),
        (b"x-gzip", True),
        (b"*", True),
        (b"br, deflate", False),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"identity", False),
        (b"gzipped", False),
        (b"\xff;;,,", False),
    ],
)
def test_accept_encoding(header: bytes, accepts: bool) -> None:
    assert accepts_gzip(header) is accepts
