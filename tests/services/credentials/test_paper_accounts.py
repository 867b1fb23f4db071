"""Credentials of `paper` and `paper_perpetual`: an account on the simulated exchange for each, closed when it goes."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.credentials import paper_accounts
from services.credentials.app import CredentialsService
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts import credentials as contract
from shared.contracts.credentials import AccountRef, CredentialPut, CredentialRef, KeyringRotate
from shared.contracts.portfolio.keys import KeyChecked, KeyVerdict
from shared.contracts.simulator import OPEN_ACCOUNT, SimulatorAccountOpened
from shared.errors import ErrorCode
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker
from tests.services.credentials.portfolio_stand_in import PortfolioStandIn
from tests.services.credentials.simulator_stand_in import SimulatorStandIn

pytestmark = pytest.mark.usefixtures("service")

PAPER = CredentialPut("master_account", "paper", {})


async def credentials(database_url: str, password: str = CONFIG_PASSWORD) -> dict[str, dict[str, Any]]:
    found = await stored.secrets(database_url, password)
    return {connector: values for (_, connector), values in found.items()}


async def only_open(simulator: SimulatorStandIn, *api_keys: str) -> None:
    """Return when these accounts are open and no others."""
    await eventually(lambda: set(simulator.accounts) == set(api_keys))


async def test_a_credential_is_an_account_with_the_usual_balances(
    ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    await ask(contract.PUT_CREDENTIAL, PAPER)
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "paper_perpetual", {}))
    spot, perpetual = simulator.accounts.values()
    assert (spot.account_name, spot.connector_name) == ("master_account", "paper")
    assert spot.balances == {"USDT": Decimal(100000), "BTC": Decimal(1)}
    assert spot.futures_balances == perpetual.balances == {}
    assert perpetual.futures_balances == {"USDT": Decimal(100000)}
    assert await credentials(database_url) == {
        "paper": {
            "starting_balances": {"USDT": "100000", "BTC": "1"},
            "paper_api_key": "api-key-1",
            "paper_api_secret": "api-secret-1",
        },
        "paper_perpetual": {
            "starting_balances": {"USDT": "100000"},
            "paper_api_key": "api-key-2",
            "paper_api_secret": "api-secret-2",
        },
    }


async def test_an_account_begins_with_what_was_asked_for(ask: Asker, simulator: SimulatorStandIn) -> None:
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "paper", {"starting_balances": "eth=0.5"}))
    assert simulator.accounts["api-key-1"].balances == {"ETH": Decimal("0.5")}


async def test_its_keys_are_tried_like_all_others(
    ask: Asker, simulator: SimulatorStandIn, portfolio: PortfolioStandIn, database_url: str
) -> None:
    assert (await ask(contract.PUT_CREDENTIAL, PAPER)).verified
    ((_, _, tried),) = portfolio.tried
    assert tried["paper_api_key"] == "api-key-1"
    portfolio.verdict = KeyChecked(KeyVerdict.WRONG, "no such key")
    assert (await ask.refused(contract.PUT_CREDENTIAL, PAPER)).code is ErrorCode.REFUSED
    await only_open(simulator, "api-key-1")
    assert simulator.opened == 2
    assert (await credentials(database_url))["paper"]["paper_api_key"] == "api-key-1"


async def test_the_account_of_a_credential_that_goes_is_closed(
    ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    for connector in ("paper", "paper_perpetual"):
        await ask(contract.PUT_CREDENTIAL, CredentialPut("a", connector, {}))
    await ask(contract.PUT_CREDENTIAL, PAPER)
    await ask(contract.PUT_CREDENTIAL, PAPER)
    await only_open(simulator, "api-key-1", "api-key-2", "api-key-4")
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    await only_open(simulator, "api-key-1", "api-key-2")
    await ask(contract.DELETE_ACCOUNT, AccountRef("a"))
    await only_open(simulator)
    assert await credentials(database_url) == {}


async def test_a_deletion_does_not_wait_for_the_simulator(ask: Asker, simulator: SimulatorStandIn) -> None:
    await ask(contract.PUT_CREDENTIAL, PAPER)
    simulator.close_failures = 1
    simulator.hears.clear()
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    assert list(simulator.accounts) == ["api-key-1"]
    simulator.hears.set()
    await only_open(simulator)  # at the second attempt


async def test_with_the_simulator_away_deleting_works_and_adding_says_so(
    ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    await ask(contract.PUT_CREDENTIAL, PAPER)
    await simulator.stop()
    error = await ask.refused(contract.PUT_CREDENTIAL, PAPER)
    assert error.code is ErrorCode.UNAVAILABLE
    assert "simulator is not running" in error.detail
    assert (await credentials(database_url))["paper"]["paper_api_key"] == "api-key-1"
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    assert await credentials(database_url) == {}


async def test_balances_that_the_simulator_refuses_are_named(ask: Asker, simulator: SimulatorStandIn) -> None:
    simulator.refuses = "expected an asset that is traded, was 'DOGE'"
    request = CredentialPut("master_account", "paper", {"starting_balances": "DOGE=1"})
    error = await ask.refused(contract.PUT_CREDENTIAL, request)
    assert error.code is ErrorCode.INVALID
    ((loc, message, _),) = (msgspec.structs.astuple(fault) for fault in error.fields)
    assert (loc, message) == (("body", "starting_balances"), simulator.refuses)
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == []


async def test_what_does_not_fit_opens_no_account(ask: Asker, simulator: SimulatorStandIn) -> None:
    for request in (
        CredentialPut("nobody", "paper", {}),
        CredentialPut("master_account", "paper", {"starting_balances": "BTC=-1"}),
        CredentialPut("master_account", "paper", {"paper_api_key": "x", "paper_api_secret": "y"}),
    ):
        await ask.refused(contract.PUT_CREDENTIAL, request)
    assert simulator.opened == 0


async def test_a_repeated_call_opens_no_second_account(ask: Asker, simulator: SimulatorStandIn) -> None:
    first = await ask(contract.PUT_CREDENTIAL, PAPER, key="k")
    assert await ask(contract.PUT_CREDENTIAL, PAPER, key="k") == first
    assert simulator.opened == 1
    assert list(simulator.accounts) == ["api-key-1"]


async def test_of_calls_with_one_key_at_the_same_time_one_account_stays(
    ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    simulator.hears.clear()
    calls = [asyncio.ensure_future(ask(contract.PUT_CREDENTIAL, PAPER, key="k")) for _ in range(5)]
    await eventually(lambda: simulator.opened == 5)
    simulator.hears.set()
    assert len({await call for call in calls}) == 1
    kept = (await credentials(database_url))["paper"]["paper_api_key"]
    await only_open(simulator, kept)


async def test_a_lost_answer_of_the_simulator_stores_nothing_and_can_be_asked_for_again(
    ask: Asker, simulator: SimulatorStandIn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.hears.clear()
    with monkeypatch.context() as impatient:
        impatient.setattr(paper_accounts, "OPEN_TIMEOUT", 0.3)
        error = await ask.refused(contract.PUT_CREDENTIAL, PAPER, key="k")
    assert error.code is ErrorCode.UNAVAILABLE
    assert "simulator did not answer" in error.detail
    assert await credentials(database_url) == {}
    simulator.hears.set()
    await ask(contract.PUT_CREDENTIAL, PAPER, key="k")
    assert (await credentials(database_url))["paper"]["paper_api_key"] == "api-key-2"


async def test_an_answer_that_is_rubbish_stores_nothing(
    ask: Asker, simulator: SimulatorStandIn, database_url: str
) -> None:
    for rubbish in (b"", b"{}", b'{"api_key": 1, "api_secret": 2}', b'{"api_key": "", "api_secret": ""}', b"\xff"):
        simulator.rubbish = rubbish
        error = await ask.refused(contract.PUT_CREDENTIAL, PAPER)
        assert error.code is ErrorCode.UNAVAILABLE
        assert "simulator" in error.detail
    assert await credentials(database_url) == {}


async def test_of_two_answers_the_first_counts(
    ask: Asker, settings_for: SettingsFor, namespace: str, database_url: str
) -> None:
    client = await connect(settings_for("simulator"), "simulator")

    async def answer_twice(message: Any) -> None:
        for number in (1, 2):
            opened = SimulatorAccountOpened(f"key-{number}", f"secret-{number}")
            await client.publish(message.reply, msgspec.json.encode(opened))

    await client.subscribe(Subjects(namespace).command_from_anyone(OPEN_ACCOUNT), cb=answer_twice)
    await client.flush()
    await ask(contract.PUT_CREDENTIAL, PAPER)
    assert (await credentials(database_url))["paper"]["paper_api_key"] == "key-1"
    await client.close()


async def test_an_account_that_goes_meanwhile_takes_the_opened_one_with_it(
    ask: Asker, simulator: SimulatorStandIn
) -> None:
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    simulator.hears.clear()
    putting = asyncio.ensure_future(ask.refused(contract.PUT_CREDENTIAL, CredentialPut("a", "paper", {})))
    await eventually(lambda: simulator.opened == 1)
    await ask(contract.DELETE_ACCOUNT, AccountRef("a"))
    simulator.hears.set()
    assert (await putting).code is ErrorCode.NOT_FOUND
    await only_open(simulator)


async def test_a_rotation_keeps_the_accounts(ask: Asker, simulator: SimulatorStandIn, database_url: str) -> None:
    await ask(contract.PUT_CREDENTIAL, PAPER)
    await ask(contract.ROTATE_KEYRING, KeyringRotate(CONFIG_PASSWORD, "another-config-password"))
    assert (await credentials(database_url, "another-config-password"))["paper"]["paper_api_key"] == "api-key-1"
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    await only_open(simulator)


async def test_a_damaged_credential_can_be_deleted(
    ask: Asker, simulator: SimulatorStandIn, service: CredentialsService, database_url: str
) -> None:
    await ask(contract.PUT_CREDENTIAL, PAPER)
    connection = await stored.connect(database_url)
    await connection.execute("UPDATE credentials SET secret = 'damaged'")
    await connection.close()
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == []
    await service.drain()  # the closing has come to its end
    assert list(simulator.accounts) == ["api-key-1"]
