"""Answers that are made once for as long as the reply stays the same, in bounded memory."""

import pytest

from services.gateway_api.reshaped import Reshaped


class Shape:
    def __init__(self) -> None:
        self.made: list[tuple[bytes, object]] = []

    def __call__(self, reply: bytes, form: object = None) -> bytes:
        self.made.append((reply, form))
        if reply == b"rubbish":
            raise ValueError
        return reply.upper() + repr(form).encode()


def test_the_same_reply_is_shaped_once_for_each_form() -> None:
    shape = Shape()
    reshaped = Reshaped(shape)
    for _ in range(3):
        assert reshaped.of(b"abc", 1) == b"ABC1"
        assert reshaped.of(bytes(bytearray(b"abc")), 2) == b"ABC2"
        assert reshaped.of(b"abd", 1) == b"ABD1"
    assert len(shape.made) == 3


def test_a_reply_that_cannot_be_shaped_is_told_each_time_and_spoils_nothing() -> None:
    shape = Shape()
    reshaped = Reshaped(shape)
    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 - the shape's own
            reshaped.of(b"rubbish")
    assert reshaped.of(b"fine") == b"FINENone"


def test_what_was_not_asked_for_longest_goes_first() -> None:
    shape = Shape()
    reshaped = Reshaped(shape, most_bytes=48)
    for reply in (b"aa", b"bb", b"cc", b"aa", b"dd", b"ee", b"ff"):  # each with its answer has 8 bytes
        reshaped.of(reply)
    shape.made.clear()
    for reply in (b"ff", b"ee", b"dd", b"aa"):
        reshaped.of(reply)
    assert shape.made == []
    reshaped.of(b"gg")
    reshaped.of(b"bb")
    assert [reply for reply, _ in shape.made] == [b"gg", b"bb"]


def test_a_reply_larger_than_all_room_is_answered_and_then_dropped() -> None:
    shape = Shape()
    reshaped = Reshaped(shape, most_bytes=10)
    assert reshaped.of(b"x" * 100).startswith(b"X" * 100)
    reshaped.of(b"y")
    reshaped.of(b"y")
    assert len(shape.made) == 2


def test_many_small_ones_are_bounded_too() -> None:
    shape = Shape()
    reshaped = Reshaped(shape)
    for number in range(1000):
        reshaped.of(b"", number)
    shape.made.clear()
    reshaped.of(b"", 999)
    assert shape.made == []
    reshaped.of(b"", 0)
    assert len(shape.made) == 1
