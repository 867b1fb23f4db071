"""Keys are tried on their exchange before they are stored."""

import asyncio
import time
from typing import Any

import asyncpg
import msgspec
import pytest

from hummingbus.stack.nkey import Nkey
from services.credentials import adding, verification
from services.credentials.key_checks import without_values
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts import credentials as contract
from shared.contracts.credentials import AccountRef, CredentialPut, CredentialRef, SecretReleased
from shared.contracts.portfolio.keys import ASK_KEY, CHECK_KEY, KeyAsk, KeyChecked, KeyVerdict
from shared.errors import ErrorCode
from shared.secrets.sealing import SecretAsker
from tests.conftest import SettingsFor
from tests.pace import within
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker
from tests.services.credentials.portfolio_stand_in import CHECKER, GOOD, KEY, PortfolioStandIn

pytestmark = pytest.mark.usefixtures("nothing_tried_later", "service")

VALUES = {"binance_api_key": "the-key", "binance_api_secret": "the-s3cret"}
PUT = CredentialPut("master_account", "binance", VALUES)
OTHER = CredentialPut("master_account", "binance", {"binance_api_key": "k2", "binance_api_secret": "s2"})
WRONG = KeyChecked(KeyVerdict.WRONG, "Invalid API-key, IP, or permissions for action")


@pytest.fixture
def nothing_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave unverified keys alone in the background, where they would be tried with what a test has prepared."""
    monkeypatch.setattr(verification, "VERIFIABLE", ())


async def credentials(database_url: str) -> dict[str, dict[str, Any]]:
    found = await stored.secrets(database_url, CONFIG_PASSWORD)
    return {connector: values for (_, connector), values in found.items()}


async def events(database_url: str, kind: str) -> list[bytes]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT data FROM credentials.outbox WHERE kind = $1 ORDER BY id", kind)
    await connection.close()
    return [row["data"] for row in rows]


async def test_good_keys_are_stored_as_verified(ask: Asker, portfolio: PortfolioStandIn, database_url: str) -> None:
    answer = await ask(contract.PUT_CREDENTIAL, PUT)
    assert answer.verified
    assert "the exchange has confirmed the keys" in answer.message
    assert "withdraw" not in answer.message
    assert portfolio.tried == [("master_account", "binance", VALUES)]
    (event,) = await events(database_url, contract.CREDENTIAL_STORED.kind)
    assert msgspec.json.decode(event)["verified"] is True
    (released,) = await events(database_url, contract.SECRET_RELEASED.kind)
    assert msgspec.json.decode(released, type=SecretReleased).service == "portfolio"


async def test_keys_that_can_withdraw_are_stored_with_a_warning(ask: Asker, portfolio: PortfolioStandIn) -> None:
    portfolio.verdict = KeyChecked(KeyVerdict.GOOD, "the keys may not trade", can_withdraw=True)
    answer = await ask(contract.PUT_CREDENTIAL, PUT)
    assert answer.verified
    assert "confirmed the keys, but the keys may not trade" in answer.message
    assert "Warning: these keys can withdraw" in answer.message


async def test_wrong_keys_are_refused_and_an_earlier_credential_stays(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str
) -> None:
    await ask(contract.PUT_CREDENTIAL, PUT)
    portfolio.verdict = WRONG
    error = await ask.refused(contract.PUT_CREDENTIAL, OTHER, key="k")
    assert error.code is ErrorCode.REFUSED
    assert WRONG.reason in error.detail
    assert "Nothing was stored" in error.detail
    assert await credentials(database_url) == {"binance": VALUES}
    assert len(await events(database_url, contract.CREDENTIAL_STORED.kind)) == 1
    # The key of the refused call is free again.
    portfolio.verdict = GOOD
    assert (await ask(contract.PUT_CREDENTIAL, OTHER, key="k")).verified


async def test_a_reason_shows_no_value(ask: Asker, portfolio: PortfolioStandIn) -> None:
    portfolio.verdict = KeyChecked(KeyVerdict.WRONG, "bad signature of\n the-key by the-s3cret, " + "x" * 1000)
    error = await ask.refused(contract.PUT_CREDENTIAL, PUT)
    assert "bad signature of … by …, x" in error.detail
    assert len(error.detail) < 500


def test_values_are_left_out_however_they_are_nested() -> None:
    values = {"a": {"mode": "x", "key": "abcdefgh"}, "b": ["12345678", "www"], "c": 123456789, "d": True, "e": "abcdef"}
    assert without_values("abcdefgh 12345678 123456789 www True abcdef", values) == "… … … www True …"


async def test_an_answered_call_is_not_checked_again(ask: Asker, portfolio: PortfolioStandIn) -> None:
    first = await ask(contract.PUT_CREDENTIAL, PUT, key="k")
    portfolio.verdict = WRONG
    assert await ask(contract.PUT_CREDENTIAL, PUT, key="k") == first
    assert (await ask.refused(contract.PUT_CREDENTIAL, OTHER, key="k")).code is ErrorCode.CONFLICT
    assert portfolio.asked == 1


async def test_what_does_not_fit_is_not_tried(ask: Asker, portfolio: PortfolioStandIn) -> None:
    for request in (
        CredentialPut("nobody", "binance", VALUES),
        CredentialPut("master_account", "nowhere", VALUES),
        CredentialPut("master_account", "binance", {"binance_api_key": "x"}),
        CredentialPut("master_account", "ethereum-mainnet", {}),
    ):
        await ask.refused(contract.PUT_CREDENTIAL, request)
    assert portfolio.asked == 0


async def test_a_connector_that_only_bots_can_use_is_not_tried(ask: Asker, portfolio: PortfolioStandIn) -> None:
    answer = await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "xrpl", {"xrpl_secret_key": "x"}))
    assert not answer.verified
    assert "only bots can use this connector" in answer.message
    assert portfolio.asked == 0


async def unverified(ask: Asker, database_url: str) -> str:
    """Store a credential whose check comes to nothing; return what is said of it."""
    answer = await ask(contract.PUT_CREDENTIAL, PUT)
    assert not answer.verified
    assert "not verified yet" in answer.message
    assert "in the background" in answer.message
    assert await credentials(database_url) == {"binance": VALUES}
    return answer.message


async def test_an_exchange_that_says_nothing(ask: Asker, portfolio: PortfolioStandIn, database_url: str) -> None:
    portfolio.verdict = KeyChecked(KeyVerdict.UNKNOWN, "binance is not reachable")
    assert "binance is not reachable" in await unverified(ask, database_url)


async def test_without_a_portfolio_it_takes_no_time(ask: Asker, database_url: str) -> None:
    began = time.monotonic()
    assert "portfolio is not running" in await unverified(ask, database_url)
    within(adding.CHECK_TIMEOUT, began)


async def test_a_slow_portfolio_is_not_waited_for_beyond_its_time(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "CHECK_TIMEOUT", 1.5)
    portfolio.hears.clear()
    assert "did not answer within" in await unverified(ask, database_url)
    assert len(portfolio.tried) == 1


async def test_the_callers_deadline_leaves_time_to_store(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "_FOR_THE_COMMIT", 4.0)  # also on a busy machine
    portfolio.hears.clear()
    answer = await ask(contract.PUT_CREDENTIAL, PUT, timeout=4.5)
    assert not answer.verified
    assert await credentials(database_url) == {"binance": VALUES}
    assert "no time left" in (await ask(contract.PUT_CREDENTIAL, PUT, timeout=4.0)).message


async def test_a_checker_that_died_after_it_had_asked(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str
) -> None:
    await portfolio.lose_checker()
    assert "portfolio is not running" in await unverified(ask, database_url)


async def test_an_answer_that_is_rubbish(ask: Asker, portfolio: PortfolioStandIn, database_url: str) -> None:
    for rubbish in (b"", b"\xff", b"[]", b'{"verdict": "perhaps"}'):
        portfolio.rubbish = rubbish
        assert "cannot be read" in await unverified(ask, database_url)


async def test_of_two_answers_the_first_counts(
    ask: Asker, settings_for: SettingsFor, namespace: str, database_url: str
) -> None:
    subjects = Subjects(namespace)
    client = await connect(settings_for("portfolio"), "portfolio")

    async def ask_twice(message: Any) -> None:
        for _ in range(2):
            request = SecretAsker("portfolio", KEY.seed).request("master_account", "binance", 5.0)
            await client.publish(message.reply, msgspec.json.encode(KeyAsk(CHECKER, request)))

    async def answer_twice(message: Any) -> None:
        for verdict in (GOOD, WRONG):
            await client.publish(message.reply, msgspec.json.encode(verdict))

    await client.subscribe(subjects.command_from_anyone(ASK_KEY), cb=ask_twice)
    await client.subscribe(subjects.command_from_anyone(CHECK_KEY, (CHECKER,)), cb=answer_twice)
    await client.flush()
    assert (await ask(contract.PUT_CREDENTIAL, PUT)).verified
    assert await credentials(database_url) == {"binance": VALUES}
    await client.close()


async def test_nobody_but_the_portfolio_gets_the_values(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str
) -> None:
    good = SecretAsker("portfolio", KEY.seed)
    forged, other = SecretAsker("portfolio", Nkey.new().seed), SecretAsker("orchestrator", KEY.seed)
    # Each is made when its turn comes: its deadline runs from then on.
    for asker, account, connector, seconds, why in (
        (forged, "master_account", "binance", 5.0, "signature"),
        (other, "master_account", "binance", 5.0, "another than it names"),
        (good, "master_account", "kraken", 5.0, "another credential"),
        (good, "other", "binance", 5.0, "another credential"),
        (good, "master_account", "binance", -1.0, "deadline"),
        (good, "master_account", "binance", 600.0, "deadline"),
    ):
        portfolio.request = (good, asker.request(account, connector, seconds))
        assert why in await unverified(ask, database_url)
    portfolio.request = (good, good.request("master_account", "binance", 5.0))
    assert (await ask(contract.PUT_CREDENTIAL, PUT)).verified
    assert "used before" in await unverified(ask, database_url)
    assert len(portfolio.tried) == 1
    assert len(await events(database_url, contract.SECRET_RELEASED.kind)) == 1


async def test_an_account_that_is_deleted_during_the_check_gets_no_credential(
    ask: Asker, portfolio: PortfolioStandIn, database_url: str
) -> None:
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    portfolio.hears.clear()
    putting = asyncio.ensure_future(ask.refused(contract.PUT_CREDENTIAL, CredentialPut("a", "binance", VALUES)))
    await portfolio.checking.wait()
    await ask(contract.DELETE_ACCOUNT, AccountRef("a"))
    portfolio.hears.set()
    assert (await putting).code is ErrorCode.NOT_FOUND
    assert await credentials(database_url) == {}


async def test_others_are_served_while_an_exchange_is_slow(
    ask: Asker, portfolio: PortfolioStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "CHECK_TIMEOUT", 7.0)  # it is still asked when they have been served
    portfolio.hears.clear()
    putting = asyncio.ensure_future(ask(contract.PUT_CREDENTIAL, PUT, timeout=20.0))
    await portfolio.checking.wait()
    # The same account: no lock is held while the exchange is asked.
    xrpl = CredentialPut("master_account", "xrpl", {"xrpl_secret_key": "x"})
    await ask(contract.PUT_CREDENTIAL, xrpl)
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "xrpl"))
    assert not putting.done()
    portfolio.hears.set()
    assert (await putting).verified
