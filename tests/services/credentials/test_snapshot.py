"""All accounts with their credentials, as services that open sessions ask for them."""

from services.credentials.app import CredentialsService
from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import (
    AccountCredentials,
    AccountRef,
    AccountsSnapshot,
    CredentialPut,
    CredentialRef,
    KeyringRotate,
    Nothing,
)
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker
from tests.services.credentials.portfolio_stand_in import PortfolioStandIn

BINANCE = CredentialPut("b", "binance", {"binance_api_key": "key", "binance_api_secret": "secret"})
XRPL = CredentialPut("b", "xrpl", {"xrpl_secret_key": "x"})


async def snapshot(bus: Bus) -> AccountsSnapshot:
    return await bus.request(contract.SNAPSHOT_ACCOUNTS, Nothing(), actor="portfolio")


def revisions(account: AccountCredentials) -> dict[str, int]:
    return {known.connector_name: known.revision for known in account.credentials}


async def test_it_holds_all_accounts_sorted(
    service: CredentialsService, portfolio: PortfolioStandIn, ask: Asker, bus: Bus
) -> None:
    assert service.health().ready
    for name in ("b", "Z", "gone"):
        await ask(contract.CREATE_ACCOUNT, AccountRef(name))
    await ask(contract.DELETE_ACCOUNT, AccountRef("gone"))
    await ask(contract.PUT_CREDENTIAL, XRPL)
    await ask(contract.PUT_CREDENTIAL, BINANCE)
    found = (await snapshot(bus)).accounts
    assert [account.account_name for account in found] == ["Z", "b", "master_account"]
    assert [(known.connector_name, known.verified) for known in found[1].credentials] == [
        ("binance", True),
        ("xrpl", False),
    ]
    assert found[0].credentials == found[2].credentials == ()


async def test_a_revision_is_that_of_the_values(service: CredentialsService, ask: Asker, bus: Bus) -> None:
    assert service.health().ready
    await ask(contract.CREATE_ACCOUNT, AccountRef("b"))
    await ask(contract.PUT_CREDENTIAL, BINANCE, key="k")
    await ask(contract.PUT_CREDENTIAL, XRPL)
    first = revisions((await snapshot(bus)).accounts[0])
    # What writes no values: a repetition, and a rotation, which encrypts the same ones anew.
    await ask(contract.PUT_CREDENTIAL, BINANCE, key="k")
    await ask(contract.ROTATE_KEYRING, KeyringRotate(CONFIG_PASSWORD, "another-config-password"))
    assert revisions((await snapshot(bus)).accounts[0]) == first

    await ask(contract.PUT_CREDENTIAL, BINANCE)
    replaced = revisions((await snapshot(bus)).accounts[0])
    assert replaced["xrpl"] == first["xrpl"]
    assert replaced["binance"] != first["binance"]
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("b", "binance"))
    await ask(contract.PUT_CREDENTIAL, BINANCE)
    again = revisions((await snapshot(bus)).accounts[0])
    assert again["binance"] not in (first["binance"], replaced["binance"])
