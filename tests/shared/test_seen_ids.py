"""Ids that are known again, as many as there may be."""

from shared.seen_ids import SeenIds


def test_an_id_is_new_once() -> None:
    seen = SeenIds(10)
    assert [seen.add(one) for one in ("a", "b", "a", "b", "c")] == [True, True, False, False, True]
    assert "a" in seen
    assert "d" not in seen


def test_the_oldest_are_forgotten() -> None:
    seen = SeenIds(3)
    for number in range(1000):
        assert seen.add(str(number))
    assert [str(number) in seen for number in range(996, 1000)] == [False, True, True, True]
    assert len(seen._seen) == 3
