from services.simulator.market.recent import Recent


def test_it_makes_a_value_once_while_it_is_among_the_last_asked_for() -> None:
    made: list[str] = []
    recent: Recent[str, str] = Recent(2)

    def ask(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return recent.get(key, make)

    assert [ask(key) for key in "ababcab"] == list("ABABCAB")
    # c pushed out a, which pushed out b.
    assert made == list("abcab")


def test_an_empty_value_is_kept_too() -> None:
    recent: Recent[int, dict[int, int]] = Recent(1)
    first = recent.get(1, dict)
    assert recent.get(1, dict) is first
