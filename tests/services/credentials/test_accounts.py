"""Accounts and credentials through the bus."""

import asyncio

import msgspec
import pytest

from services.credentials.app import CredentialsService
from shared.contracts import credentials as contract
from shared.contracts.credentials import AccountChanged, AccountRef, CredentialPut, CredentialRef, Nothing
from shared.errors import ErrorCode
from tests.services.credentials.conftest import Asker

pytestmark = pytest.mark.usefixtures("service")

KEYS = {"binance_api_key": "key", "binance_api_secret": "secret"}


def binance(account: str = "master_account", **values: str) -> CredentialPut:
    return CredentialPut(account, "binance", values or KEYS)


async def test_the_master_account_exists_from_the_start(ask: Asker) -> None:
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == []


async def test_an_account_is_created_listed_and_deleted(ask: Asker) -> None:
    assert await ask(contract.CREATE_ACCOUNT, AccountRef("trader-1")) == AccountChanged("trader-1", 1)
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account", "trader-1"]
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("trader-1")) == []
    assert await ask(contract.DELETE_ACCOUNT, AccountRef("trader-1")) == AccountChanged("trader-1", 2)
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]
    assert (await ask.refused(contract.LIST_CREDENTIALS, AccountRef("trader-1"))).code is ErrorCode.NOT_FOUND


async def test_an_account_that_is_made_again_is_another_one(ask: Asker) -> None:
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    await ask(contract.PUT_CREDENTIAL, binance("a"))
    await ask(contract.DELETE_ACCOUNT, AccountRef("a"))
    assert await ask(contract.CREATE_ACCOUNT, AccountRef("a")) == AccountChanged("a", 5)
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("a")) == []


async def test_an_account_that_exists_is_not_made_twice(ask: Asker) -> None:
    error = await ask.refused(contract.CREATE_ACCOUNT, AccountRef("master_account"))
    assert error.code is ErrorCode.EXISTS
    assert "master_account" in error.detail


async def test_a_name_that_stands_in_paths_of_the_http_api_is_refused(ask: Asker) -> None:
    for name in ("add-account", "delete-account", "add-credential", "delete-credential"):
        error = await ask.refused(contract.CREATE_ACCOUNT, AccountRef(name))
        assert error.code is ErrorCode.REFUSED
        assert name in error.detail
    assert await ask(contract.CREATE_ACCOUNT, AccountRef("add-credentials")) == AccountChanged("add-credentials", 1)


async def test_the_master_account_may_not_be_deleted(ask: Asker) -> None:
    error = await ask.refused(contract.DELETE_ACCOUNT, AccountRef("master_account"))
    assert error.code is ErrorCode.REFUSED
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]


async def test_a_name_that_is_none_is_refused_with_its_field(ask: Asker) -> None:
    for name in ("a.b", "a/b", "a b", "a*", ">", "", "a" * 65, "a" * 300, "ü", "a\n", "../x"):
        error = await ask.refused(contract.CREATE_ACCOUNT, AccountRef(name))
        assert error.code is ErrorCode.INVALID
        assert [fault.loc for fault in error.fields] == [("account_name",)]
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]


async def test_a_credential_is_stored_listed_replaced_and_deleted(ask: Asker) -> None:
    stored = await ask(contract.PUT_CREDENTIAL, binance())
    assert (stored.account_name, stored.connector_name, stored.verified) == ("master_account", "binance", False)
    assert "not verified" in stored.message
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "aevo_perpetual", _aevo()))
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "xrpl", {"xrpl_secret_key": "x"}))
    await ask(contract.PUT_CREDENTIAL, binance())
    listed = await ask(contract.LIST_CREDENTIALS, AccountRef("master_account"))
    assert listed == ["aevo_perpetual", "binance", "xrpl"]
    deleted = await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "binance"))
    assert deleted.connectors == ("aevo_perpetual", "xrpl")
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == ["aevo_perpetual", "xrpl"]


def _aevo() -> dict[str, str]:
    names = ("api_key", "api_secret", "signing_key", "account_address")
    return {f"aevo_perpetual_{name}": "x" for name in names}


async def test_an_unknown_name_is_named_before_the_fields_are_looked_at(ask: Asker) -> None:
    for request, named in (
        (binance("nobody"), "nobody"),
        (CredentialPut("master_account", "nowhere", KEYS), "nowhere"),
        (CredentialPut("nobody", "nowhere", {}), "nowhere"),
        (CredentialPut("nobody", "binance", {}), "nobody"),
    ):
        error = await ask.refused(contract.PUT_CREDENTIAL, request)
        assert error.code is ErrorCode.NOT_FOUND
        assert named in error.detail


async def test_deleting_what_is_not_there_names_it(ask: Asker) -> None:
    for request, named in (
        (CredentialRef("nobody", "binance"), "nobody"),
        (CredentialRef("master_account", "nowhere"), "nowhere"),
        (CredentialRef("master_account", "binance"), "binance"),
    ):
        error = await ask.refused(contract.DELETE_CREDENTIAL, request)
        assert error.code is ErrorCode.NOT_FOUND
        assert named in error.detail
    error = await ask.refused(contract.DELETE_ACCOUNT, AccountRef("nobody"))
    assert error.code is ErrorCode.NOT_FOUND
    assert "nobody" in error.detail


async def test_a_credential_that_does_not_fit_changes_nothing(ask: Asker) -> None:
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "kraken", _kraken()))
    error = await ask.refused(contract.PUT_CREDENTIAL, binance(binance_api_key="s3cret", more="s3cret"))
    assert error.code is ErrorCode.INVALID
    assert {fault.loc: fault.type for fault in error.fields} == {
        ("body", "binance_api_secret"): "missing",
        ("body", "more"): "extra_forbidden",
    }
    assert "s3cret" not in msgspec.json.encode(error.body()).decode()
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == ["kraken"]


def _kraken() -> dict[str, str]:
    return {"kraken_api_key": "x", "kraken_secret_key": "y"}


async def test_a_connector_without_a_credential_says_why(ask: Asker) -> None:
    for connector, why in (("ethereum-mainnet", "Gateway"), ("binance_paper_trade", "paper")):
        error = await ask.refused(contract.PUT_CREDENTIAL, CredentialPut("master_account", connector, {"key": "x"}))
        assert error.code is ErrorCode.REFUSED
        assert connector in error.detail
        assert why in error.detail


async def test_a_change_with_a_key_is_made_once(ask: Asker) -> None:
    first = await ask(contract.CREATE_ACCOUNT, AccountRef("a"), key="k1")
    assert await ask(contract.CREATE_ACCOUNT, AccountRef("a"), key="k1") == first
    assert (await ask.refused(contract.CREATE_ACCOUNT, AccountRef("b"), key="k1")).code is ErrorCode.CONFLICT
    assert (await ask.refused(contract.CREATE_ACCOUNT, AccountRef("a"), key="k2")).code is ErrorCode.EXISTS

    stored = await ask(contract.PUT_CREDENTIAL, binance(), key="k1")
    assert await ask(contract.PUT_CREDENTIAL, binance(), key="k1") == stored
    other = binance(binance_api_key="other", binance_api_secret="secret")
    assert (await ask.refused(contract.PUT_CREDENTIAL, other, key="k1")).code is ErrorCode.CONFLICT
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["a", "master_account"]


async def test_a_refused_change_does_not_use_up_its_key(ask: Asker) -> None:
    assert (await ask.refused(contract.PUT_CREDENTIAL, binance("a"), key="k")).code is ErrorCode.NOT_FOUND
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    assert (await ask(contract.PUT_CREDENTIAL, binance("a"), key="k")).account_name == "a"


async def test_of_many_who_create_an_account_at_once_one_does(ask: Asker) -> None:
    requests = [ask(contract.CREATE_ACCOUNT, AccountRef("a")) for _ in range(10)]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert sum(isinstance(result, AccountChanged) for result in results) == 1
    assert {getattr(result, "code", ErrorCode.EXISTS) for result in results} == {ErrorCode.EXISTS}


async def test_changes_of_one_account_at_once_all_count(ask: Asker) -> None:
    names = ("binance", "binance_perpetual", "binance_perpetual_testnet", "bybit", "kraken", "kucoin", "mexc")
    puts = [CredentialPut("master_account", name, _fields_of(name)) for name in names]
    await asyncio.gather(*(ask(contract.PUT_CREDENTIAL, put) for put in puts))
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == sorted(names)


def _fields_of(connector_name: str) -> dict[str, str]:
    from shared.connectors.catalogue import CONNECTORS

    return {field.name: "x" for field in CONNECTORS[connector_name].fields if field.required}


async def test_the_service_says_that_it_is_ready(service: CredentialsService) -> None:
    health = service.health()
    assert health.ready
    assert health.reasons == ()
    figures = dict(health.figures)
    assert figures["accounts"] == 1
    assert figures["keyring_generation"] == 1
    assert abs(figures["clock_offset_ms"]) < 1000
