"""How often an account is asked."""

import itertools

from shared.exchanges.question_pace import BURST, GAP, QuestionPace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_few_questions_may_follow_each_other_and_then_one_a_second() -> None:
    clock = Clock()
    pace = QuestionPace(clock)
    times = []
    for _ in range(BURST + 3):
        clock.now += pace.take()
        times.append(clock.now)
    assert times[0] == 100.0
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert all(abs(gap - GAP) < 1e-9 for gap in gaps[: BURST - 1])
    # From here on what is earned meanwhile, one a second.
    assert abs(times[BURST] - 101.0) < 1e-9
    assert all(abs(gap - 1.0) < 1e-9 for gap in gaps[BURST:])


def test_a_pause_earns_no_more_than_a_burst() -> None:
    clock = Clock()
    pace = QuestionPace(clock)
    clock.now += 3600.0
    began, asked = clock.now, 0
    while clock.now < began + 10.0:
        clock.now += pace.take()
        asked += 1
    assert asked <= BURST + 11


def test_questions_that_wait_at_the_same_time_go_one_after_the_other() -> None:
    pace = QuestionPace(Clock())
    waits = [pace.take() for _ in range(BURST + 2)]
    assert waits[0] == 0.0
    assert all(abs((after - before) - GAP) < 1e-9 for before, after in itertools.pairwise(waits[:BURST]))
    assert [round(wait, 6) for wait in waits[BURST:]] == [1.0, 2.0]


async def test_waiting_counts() -> None:
    pace = QuestionPace(Clock())
    await pace.wait()
    assert abs(pace.take() - GAP) < 1e-9
