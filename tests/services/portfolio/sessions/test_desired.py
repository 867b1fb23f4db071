"""Which sessions follow from the accounts: one for each credential that we can trade with."""

from services.portfolio.sessions.desired import Desired, SessionKey
from shared.contracts.credentials import AccountCredentials, KnownCredential


def account(name: str, **revisions: int) -> AccountCredentials:
    return AccountCredentials(
        name, tuple(KnownCredential(connector, revision, verified=False) for connector, revision in revisions.items())
    )


def test_nothing_is_known_at_first() -> None:
    desired = Desired()
    assert (desired.known, desired.accounts(), desired.wanted()) == (False, {}, {})


def test_a_session_for_each_credential_that_we_can_trade_with() -> None:
    desired = Desired()
    desired.load([account("two", paper=3, binance=1, vertex=2), account("one")])
    assert list(desired.accounts().items()) == [("one", ()), ("two", ("binance", "paper", "vertex"))]
    assert desired.wanted() == {SessionKey("two", "paper"): 3, SessionKey("two", "binance"): 1}
    assert desired.known


def test_what_is_told_replaces_what_was() -> None:
    desired = Desired()
    desired.load([account("one", paper=1)])
    desired.load([account("one", paper=2)])
    assert desired.wanted() == {SessionKey("one", "paper"): 2}
    desired.load([])
    assert (desired.accounts(), desired.wanted()) == ({}, {})
