"""A reply is encoded once for the same question to the same state."""

from services.marketdata.kept_replies import _COUNT, KeptReplies
from shared.contracts.marketdata.tickers import LiveTicker


def ticker(last: float) -> LiveTicker:
    return LiveTicker("paper", "BTC-USDT", 1.0, 1.0, 2.0, 1.0, last, 1.0)


def test_the_same_question_to_the_same_state_is_encoded_once() -> None:
    kept, one, other = KeptReplies(), ticker(1.0), ticker(2.0)
    first = kept.reply("q", (one,), lambda: {"n": 1})
    assert first.body == b'{"n":1}'
    assert kept.reply("q", (one,), lambda: {"n": 2}) is first
    assert kept.reply("p", (one,), lambda: {"n": 3}).body == b'{"n":3}'
    assert kept.reply("q", (other,), lambda: {"n": 4}).body == b'{"n":4}'
    assert kept.reply("q", (other, one), lambda: {"n": 5}).body == b'{"n":5}'
    assert kept.reply("q", (one,), lambda: {"n": 6}).body == b'{"n":6}'


def test_what_is_made_of_nothing_is_made_anew() -> None:
    kept, made = KeptReplies(), iter(range(2))
    assert [kept.reply("q", (), made.__next__).body for _ in range(2)] == [b"0", b"1"]


def test_no_more_are_kept_than_there_is_room_for() -> None:
    kept, one = KeptReplies(), ticker(1.0)
    for number in range(_COUNT + 1):
        kept.reply(number, (one,), lambda: "old")
    assert kept.reply(_COUNT, (one,), lambda: "new").body == b'"old"'
    assert kept.reply(1, (one,), lambda: "new").body == b'"old"'
    assert kept.reply(0, (one,), lambda: "new").body == b'"new"'
