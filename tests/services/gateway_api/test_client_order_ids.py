"""Client order ids that the edge makes: short, of safe characters, in the order of their making, never twice."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.client_order_ids import ClientOrderIds, of_key
from shared.contracts.portfolio.fields import CLIENT_ORDER_ID_PATTERN

_FORM = re.compile(r"[A-Za-z0-9-]{1,32}")


def fits(made: str) -> bool:
    return _FORM.fullmatch(made) is not None and re.match(CLIENT_ORDER_ID_PATTERN, made) is not None


def test_they_sort_by_their_making() -> None:
    ids = ClientOrderIds()
    made = [ids.new() for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(fits(one) for one in made)


def test_they_do_so_when_the_clock_stands_still_or_is_set_back() -> None:
    times = iter([1_767_225_600_000_000, 1_767_225_600_000_000, 5, 1_767_225_600_000_001])
    ids = ClientOrderIds(lambda: next(times))
    made = [ids.new() for _ in range(4)]
    assert made == sorted(made)
    assert len({one[:16] for one in made}) == 4


def test_replicas_that_make_one_at_the_same_moment_make_different_ones() -> None:
    one, other = ClientOrderIds(lambda: 7), ClientOrderIds(lambda: 7)
    assert one.new() != other.new()


@given(st.text(max_size=80), st.text(max_size=128))
def test_a_key_has_one_id(actor: str, key: str) -> None:
    assert of_key(actor, key) == of_key(actor, key)
    assert fits(of_key(actor, key))


def test_keys_of_several_callers_do_not_meet() -> None:
    assert len({of_key("alice", "k"), of_key("bob", "k"), of_key("alice", "j"), of_key("al", "icek")}) == 4
