"""The view in memory: whatever order its changes come in, it ends with the last one of each account."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credentials.accounts_view import AccountsView
from services.credentials.rows import AccountRow
from shared.contracts.credentials import (
    ACCOUNT_CREATED,
    ACCOUNT_DELETED,
    CREDENTIAL_DELETED,
    CREDENTIAL_STORED,
    SECRET_RELEASED,
    AccountChanged,
    CredentialChanged,
    SecretReleased,
)
from shared.contracts.declaration import AnyEvent
from shared.errors import CommandError, ErrorCode

HISTORY: list[tuple[AnyEvent, object]] = [
    (ACCOUNT_CREATED, AccountChanged("a", 1)),
    (CREDENTIAL_STORED, CredentialChanged("a", "binance", ("binance",), 2)),
    (ACCOUNT_CREATED, AccountChanged("b", 1)),
    (CREDENTIAL_STORED, CredentialChanged("a", "kraken", ("binance", "kraken"), 3)),
    (CREDENTIAL_DELETED, CredentialChanged("a", "binance", ("kraken",), 4)),
    (CREDENTIAL_DELETED, CredentialChanged("a", "kraken", (), 5)),
    (ACCOUNT_DELETED, AccountChanged("b", 2)),
    (SECRET_RELEASED, SecretReleased("a", "kraken", "portfolio")),
    (ACCOUNT_CREATED, AccountChanged("c", 1)),
    (ACCOUNT_DELETED, AccountChanged("a", 6)),
    (ACCOUNT_CREATED, AccountChanged("a", 7)),
    (CREDENTIAL_STORED, CredentialChanged("a", "okx", ("okx",), 8)),
]


def accounts(view: AccountsView) -> list[str]:
    return msgspec.json.decode(view.names().body, type=list[str])


def connectors(view: AccountsView, name: str) -> list[str]:
    return msgspec.json.decode(view.credentials(name).body, type=list[str])


@given(st.permutations(HISTORY), st.integers(0, len(HISTORY)))
def test_any_order_with_repetitions_ends_in_the_same_state(
    events: list[tuple[AnyEvent, object]], repeated: int
) -> None:
    view = AccountsView()
    for event, payload in (*events, *events[:repeated]):
        view.apply(event, payload)
        view.names()  # an answer that is kept must be let go of by the next change
    assert accounts(view) == ["a", "c"]
    assert connectors(view, "a") == ["okx"]
    assert connectors(view, "c") == []
    assert len(view) == 2


@given(st.permutations(HISTORY))
def test_a_load_in_between_neither_brings_back_nor_loses_anything(events: list[tuple[AnyEvent, object]]) -> None:
    view = AccountsView()
    loaded = [AccountRow("a", True, 4, ("kraken",)), AccountRow("b", False, 2), AccountRow("c", True, 1)]
    for event, payload in events[:6]:
        view.apply(event, payload)
    view.load(loaded)
    assert "b" not in accounts(view)
    for event, payload in events[6:]:
        view.apply(event, payload)
    assert accounts(view) == ["a", "c"]
    assert connectors(view, "a") == ["okx"]


def test_an_account_that_was_deleted_or_never_made_is_not_found() -> None:
    view = AccountsView()
    view.load([AccountRow("gone", False, 2)])
    for name in ("gone", "never"):
        with pytest.raises(CommandError) as caught:
            view.credentials(name)
        assert caught.value.code is ErrorCode.NOT_FOUND
        assert name in caught.value.detail


def test_an_answer_is_encoded_once_until_something_changes() -> None:
    view = AccountsView()
    view.load([AccountRow("a", True, 1, ("binance",))])
    assert view.names() is view.names()
    assert view.credentials("a") is view.credentials("a")
    before = view.names()
    view.apply(ACCOUNT_CREATED, AccountChanged("b", 1))
    assert view.names() is not before
