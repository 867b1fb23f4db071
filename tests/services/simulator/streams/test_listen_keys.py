"""The life of listen keys."""

from services.simulator.streams.listen_keys import LIFE, ListenKeys


class Clock:
    now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


def test_an_account_has_one_key_for_an_hour_from_when_it_was_last_asked_for() -> None:
    clock, ended = Clock(), []
    keys = ListenKeys(clock)
    keys.listen(lambda key, owner, ran_out: ended.append((key, owner.account, ran_out)))
    key = keys.open("spot", "alice")
    assert (len(key), key.isalnum()) == (64, True)
    clock.now += LIFE - 1
    assert keys.open("spot", "alice") == key
    clock.now += LIFE - 1
    assert keys.extend("spot", "alice", key)
    clock.now += LIFE - 1
    assert keys.owner(key) is not None
    clock.now += 1
    assert keys.owner(key) is None
    assert ended == [(key, "alice", True)]
    assert keys.open("spot", "alice") != key


def test_keys_of_other_accounts_and_venues_are_apart() -> None:
    keys = ListenKeys(Clock())
    one, other, futures = keys.open("spot", "alice"), keys.open("spot", "bob"), keys.open("usdm", "alice")
    assert len({one, other, futures}) == 3
    assert not keys.extend("spot", "bob", one)
    assert not keys.close("spot", "bob", one)
    assert keys.extend("usdm", "alice", None)
    assert keys.close("usdm", "alice", None)
    assert keys.owner(futures) is None
    assert keys.owner(one) is not None
    assert not keys.close("usdm", "alice", None)
