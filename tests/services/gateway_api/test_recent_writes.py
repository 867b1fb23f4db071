"""What a caller changed a moment ago."""

from services.gateway_api.recent_writes import MAX_IDS, REMEMBERED, RecentWrites


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_ids_go_with_the_questions_of_their_caller_to_their_service_for_a_while() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    recent.note("alice", "credentials", (7, 8))
    clock.now = 1.0
    recent.note("alice", "credentials", (9,))
    assert recent.after("alice", "credentials") == (7, 8, 9)
    assert recent.after("bob", "credentials") == ()
    assert recent.after("alice", "portfolio") == ()
    clock.now = REMEMBERED
    assert recent.after("alice", "credentials") == (9,)
    clock.now = REMEMBERED + 1
    assert recent.after("alice", "credentials") == ()


def test_a_flood_of_changes_keeps_the_latest() -> None:
    recent = RecentWrites(Clock())
    for number in range(1000):
        recent.note("alice", "credentials", (number,))
    assert recent.after("alice", "credentials") == tuple(range(1000 - MAX_IDS, 1000))


def test_many_callers_are_forgotten_again() -> None:
    clock = Clock()
    recent = RecentWrites(clock)
    for number in range(30_000):
        clock.now += 0.01
        recent.note(f"caller-{number}", "credentials", (number,))
    assert len(recent._ids) <= 10_001
