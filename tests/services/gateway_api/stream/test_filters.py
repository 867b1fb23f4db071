"""Which events a reader wants."""

import pytest

from services.gateway_api.stream.filters import EventFilter

EVENT = ("credentials.account.created", "credentials", "alice", None)


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (EventFilter(), True),
        (EventFilter(kinds=("credentials",)), True),
        (EventFilter(kinds=("credentials.account",)), True),
        (EventFilter(kinds=("portfolio", "credentials.account.created")), True),
        (EventFilter(kinds=("account",)), False),
        (EventFilter(kinds=("credentials.account.created.x",)), False),
        (EventFilter(accounts=frozenset({"alice", "bob"})), True),
        (EventFilter(accounts=frozenset({"bob"})), False),
        (EventFilter(bots=frozenset({"grid"})), False),
        (EventFilter(services=frozenset({"credentials"})), True),
        (EventFilter(services=frozenset({"portfolio"})), False),
        (EventFilter(kinds=("credentials",), accounts=frozenset({"bob"})), False),
    ],
)
def test_every_field_that_is_given_must_match(wanted: EventFilter, matches: bool) -> None:
    assert wanted.matches(*EVENT) is matches
