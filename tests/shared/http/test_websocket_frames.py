"""Frames as RFC 6455 has them."""

import pytest

from shared.http.websocket_frames import text_frame


@pytest.mark.parametrize(("size", "head"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_frames_have_the_length_of_their_payload(size: int, head: int) -> None:
    frame = text_frame(b"x" * size)
    assert len(frame) == head + size
    assert frame[0] == 0x81
    length = frame[1] if head == 2 else int.from_bytes(frame[2:head], "big")
    assert length == size
