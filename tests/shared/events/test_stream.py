"""Where in a stream an event stands."""

from hypothesis import given
from hypothesis import strategies as st

from shared.events.stream import StreamEnd


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], int]:
    """Give the `seq` of a stream's messages, ascending but not always consecutive, and the place of the first."""
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 30]), min_size=1, max_size=50))
    seq, seqs = draw(st.integers(0, 100)), []
    for step in steps:
        seq += step
        seqs.append(seq)
    return seqs, draw(st.integers(1, 100))


@given(streams(), st.integers(0, 2_000))
def test_a_reader_that_begins_at_the_place_misses_nothing(stream: tuple[list[int], int], after: int) -> None:
    seqs, first = stream
    last = first + len(seqs) - 1
    place = StreamEnd(first, last, seqs[-1], last).place_after(after)
    assert first <= place <= last + 1
    read = seqs[place - first :]
    assert [seq for seq in seqs if seq > after] == [seq for seq in read if seq > after]


@given(st.integers(1, 1_000), st.integers(0, 500), st.integers(1, 100))
def test_where_no_number_is_missing_the_place_is_exact(first_seq: int, more: int, first: int) -> None:
    end = StreamEnd(first, first + more, first_seq + more, first + more)
    for after in (first_seq - 1, first_seq, first_seq + more // 2, first_seq + more):
        assert end.place_after(after) == first + after + 1 - first_seq


def test_a_stream_without_messages_is_read_from_its_next_place() -> None:
    assert StreamEnd(1, 0, 0, 0).place_after(0) == 1
    assert StreamEnd(1, 0, 0, 0).place_after(99) == 1
    emptied = StreamEnd(51, 50, 0, 50)
    assert emptied.was_emptied
    assert emptied.place_after(0) == 51
    assert emptied.place_after(99) == 51
