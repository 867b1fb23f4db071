"""Keys that were not verified when they were added are tried in the background until there is a verdict."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from services.credentials import verification
from services.credentials.changes import Change
from services.credentials.repository import Repository
from services.credentials.rows import CredentialRevision
from services.credentials.verification import FIRST_PAUSE, LONGEST_PAUSE, Attempts, write_verdict
from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import AccountRef, CredentialPut, CredentialVerdict, Nothing
from shared.contracts.portfolio.keys import KeyChecked, KeyVerdict
from shared.database.change import Told
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import Asker, Start
from tests.services.credentials.portfolio_stand_in import PortfolioStandIn

VALUES = {"binance_api_key": "the-key", "binance_api_secret": "the-s3cret"}
PUT = CredentialPut("master_account", "binance", VALUES)
GOOD = KeyChecked(KeyVerdict.GOOD)
WRONG = KeyChecked(KeyVerdict.WRONG, "Invalid API-key")
UNKNOWN = KeyChecked(KeyVerdict.UNKNOWN, "binance is not reachable")


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "INTERVAL", 0.02)
    monkeypatch.setattr(verification, "FIRST_PAUSE", 0.02)


async def verdicts(database_url: str) -> list[tuple[str, CredentialVerdict]]:
    """Return the events about verdicts, in their order."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT kind, data FROM credentials.outbox WHERE kind = ANY($1) ORDER BY id",
        [contract.CREDENTIAL_VERIFIED.kind, contract.CREDENTIAL_REJECTED.kind],
    )
    await connection.close()
    return [(row["kind"], msgspec.json.decode(row["data"], type=CredentialVerdict)) for row in rows]


async def states(bus: Bus) -> dict[tuple[str, str], bool]:
    """Return of each credential whether it is verified."""
    snapshot = await bus.request(contract.SNAPSHOT_ACCOUNTS, Nothing(), actor="portfolio")
    return {
        (account.account_name, known.connector_name): known.verified
        for account in snapshot.accounts
        for known in account.credentials
    }


@pytest.mark.usefixtures("_no_pauses")
async def test_keys_are_verified_as_soon_as_the_exchange_answers(
    start: Start, ask: Asker, bus: Bus, settings_for: SettingsFor, database_url: str
) -> None:
    await start()
    assert not (await ask(contract.PUT_CREDENTIAL, PUT)).verified
    portfolio = PortfolioStandIn(settings_for("portfolio"))
    portfolio.verdict = UNKNOWN
    await portfolio.start()
    await eventually(lambda: len(portfolio.tried) >= 3)
    assert await verdicts(database_url) == []
    portfolio.verdict = KeyChecked(KeyVerdict.GOOD, can_withdraw=True)

    async def verified() -> bool:
        return await states(bus) == {("master_account", "binance"): True}

    await eventually(verified)
    ((kind, event),) = await verdicts(database_url)
    assert kind == contract.CREDENTIAL_VERIFIED.kind
    assert (event.account_name, event.connector_name) == ("master_account", "binance")
    assert "confirmed" in event.message
    assert "Warning: these keys can withdraw" in event.message
    assert {str(values) for _, _, values in portfolio.tried} == {str(VALUES)}
    await portfolio.stop()


@pytest.mark.usefixtures("_no_pauses")
async def test_keys_that_are_refused_are_not_tried_again(
    start: Start, ask: Asker, bus: Bus, settings_for: SettingsFor, database_url: str
) -> None:
    await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    await ask(contract.CREATE_ACCOUNT, AccountRef("other"))
    portfolio = PortfolioStandIn(settings_for("portfolio"))
    portfolio.verdict = KeyChecked(KeyVerdict.WRONG, "the-s3cret is wrong")
    await portfolio.start()

    async def told() -> bool:
        return len(await verdicts(database_url)) == 1

    await eventually(told)
    ((kind, event),) = await verdicts(database_url)
    assert kind == contract.CREDENTIAL_REJECTED.kind
    assert "refuses the keys: … is wrong" in event.message
    # Others come and are tried; it does not come again.
    portfolio.verdict = UNKNOWN
    await ask(contract.PUT_CREDENTIAL, CredentialPut("other", "binance", VALUES))
    await eventually(lambda: len(portfolio.tried) >= 5)
    assert {account for account, _, _ in portfolio.tried[1:]} == {"other"}
    # Written anew, it is another credential.
    portfolio.verdict = GOOD
    assert (await ask(contract.PUT_CREDENTIAL, PUT)).verified
    assert (await states(bus))["master_account", "binance"]
    await portfolio.stop()


@pytest.mark.usefixtures("_no_pauses")
async def test_another_replica_goes_on_and_only_with_what_can_be_verified(
    start: Start, ask: Asker, bus: Bus, settings_for: SettingsFor, database_url: str
) -> None:
    first = await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "xrpl", {"xrpl_secret_key": "x"}))
    await start()
    await first.drain()
    portfolio = PortfolioStandIn(settings_for("portfolio"))
    await portfolio.start()

    async def verified() -> bool:
        return await states(bus) == {("master_account", "binance"): True, ("master_account", "xrpl"): False}

    await eventually(verified)
    assert [connector for _, connector, _ in portfolio.tried] == ["binance"]
    await portfolio.stop()


@pytest.mark.usefixtures("_no_pauses")
async def test_one_that_cannot_be_decrypted_does_not_hold_up_the_others(
    start: Start, ask: Asker, bus: Bus, settings_for: SettingsFor, database_url: str
) -> None:
    await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    connection = await stored.connect(database_url)
    await connection.execute("UPDATE credentials SET secret = 'damaged'")
    await connection.close()
    kraken = CredentialPut("master_account", "kraken", {"kraken_api_key": "x", "kraken_secret_key": "y"})
    await ask(contract.PUT_CREDENTIAL, kraken)
    portfolio = PortfolioStandIn(settings_for("portfolio"))
    await portfolio.start()

    async def verified() -> bool:
        return (await states(bus))["master_account", "kraken"]

    await eventually(verified)
    assert not (await states(bus))["master_account", "binance"]
    await portfolio.stop()


@pytest.fixture
async def database(start: Start, ask: Asker, settings_for: SettingsFor) -> AsyncIterator[Database]:
    """The database with an unverified credential, and no service over it any more."""
    service = await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    await service.drain()
    database = Database(settings_for("credentials"), "credentials")
    await database.start()
    yield database
    await database.stop()


async def judge(database: Database, judged: CredentialRevision, checked: KeyChecked) -> list[str]:
    """Write a verdict; return the kinds of the events."""
    told: Told = []
    await UnitOfWork(database, None).change(
        "credentials", lambda work: write_verdict(Change(work, told), judged, checked)
    )
    return [event.kind for event, _ in told]


async def test_the_first_verdict_on_what_was_written_counts(database: Database) -> None:
    (asked,) = await Repository(database).unverified(["binance"])
    older = CredentialRevision(asked.account_name, asked.connector_name, asked.revision - 1)
    gone = CredentialRevision(asked.account_name, "kraken", asked.revision)
    nobody = CredentialRevision("nobody", asked.connector_name, asked.revision)
    for other in (older, gone, nobody):
        assert await judge(database, other, GOOD) == []
    assert await Repository(database).unverified(["binance"]) == [asked]
    assert await judge(database, asked, WRONG) == [contract.CREDENTIAL_REJECTED.kind]
    assert await judge(database, asked, GOOD) == []
    assert await judge(database, asked, WRONG) == []
    assert await Repository(database).unverified(["binance"]) == []


@pytest.mark.usefixtures("_no_pauses")
async def test_a_credential_that_was_replaced_during_its_check_is_not_marked(
    start: Start, ask: Asker, settings_for: SettingsFor, database_url: str
) -> None:
    await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    portfolio = PortfolioStandIn(settings_for("portfolio"))
    portfolio.hears.clear()
    await portfolio.start()
    await eventually(lambda: len(portfolio.tried) >= 1)  # and waits for a verdict
    await portfolio.lose_checker()
    assert not (await ask(contract.PUT_CREDENTIAL, PUT)).verified
    asked = portfolio.asked
    portfolio.hears.set()  # the verdict on the first one is GOOD
    await eventually(lambda: portfolio.asked > asked)  # that was dealt with: it is the turn of the second
    assert await verdicts(database_url) == []
    assert await states(ask.bus) == {("master_account", "binance"): False}
    await portfolio.stop()


def credential(number: int) -> CredentialRevision:
    return CredentialRevision("a", "binance", number)


def test_a_new_credential_is_due_at_once_and_then_ever_later() -> None:
    attempts, one = Attempts(), credential(1)
    now = 100.0
    assert attempts.due([one], now) == [one]
    pauses = []
    for _ in range(12):
        attempts.failed(one, now)
        since = now
        while not attempts.due([one], now):
            now += 0.5
        pauses.append(now - since)
    assert FIRST_PAUSE / 2 <= pauses[0] <= FIRST_PAUSE + 1
    assert pauses[3] > pauses[0]
    assert LONGEST_PAUSE / 2 <= max(pauses) <= LONGEST_PAUSE + 1


def test_the_longest_overdue_comes_first() -> None:
    attempts = Attempts()
    one, two, three = credential(1), credential(2), credential(3)
    assert attempts.due([two, one], 0.0) == [two, one]
    attempts.failed(two, 0.0)
    assert attempts.due([one, two, three], 1.0) == [one, three]
    assert attempts.due([one, two, three], 1.0 + FIRST_PAUSE) == [one, three, two]


def test_what_is_gone_is_forgotten() -> None:
    attempts, one = Attempts(), credential(1)
    attempts.due([one], 0.0)
    attempts.failed(one, 0.0)
    assert attempts.due([one], 0.0) == []
    assert attempts.due([], 0.0) == []
    assert attempts.due([one], 0.0) == [one]
    attempts.failed(credential(2), 0.0)  # gone while it was tried
