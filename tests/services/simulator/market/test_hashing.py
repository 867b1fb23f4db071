from hypothesis import given
from hypothesis import strategies as st

from services.simulator.market.hashing import key_of, octets, word, words

keys = st.integers(0, 2**64 - 1)


def test_words_are_those_of_splitmix64() -> None:
    # The first outputs of the reference implementation (Vigna, splitmix64.c) for state 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [word(1234567, index) for index in (1, 2, 3)] == expected


@given(keys, st.integers(-(2**40), 2**40), st.integers(1, 50))
def test_a_range_of_words_is_its_words_one_by_one(key: int, first: int, count: int) -> None:
    assert words(key, first, count).tolist() == [word(key, index) for index in range(first, first + count)]


@given(keys, st.integers(0, 2**40))
def test_octets_are_the_bytes_of_a_word_from_the_lowest(key: int, first: int) -> None:
    assert octets(key, first, 1)[0].tobytes() == word(key, first).to_bytes(8, "little")


def test_keys_differ_by_every_part_and_by_where_parts_end() -> None:
    assert len({key_of(1, "a"), key_of(2, "a"), key_of(1, "b"), key_of("1a"), key_of("1", "", "a")}) == 5
