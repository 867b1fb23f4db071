"""The key of the secrets: the right password, the wrong one, and a change of it under way."""

import asyncio

import pytest

from services.credentials import keyring
from services.credentials.app import CredentialsService
from services.credentials.encryption import Cipher, StoredKeyring, make_keyring, open_keyring
from shared.bus.client import Bus
from shared.connectors.catalogue import CONNECTORS
from shared.contracts import credentials as contract
from shared.contracts.credentials import (
    AccountRef,
    CredentialPut,
    CredentialStored,
    KeyringRotate,
    KeyringRotated,
    Nothing,
)
from shared.errors import CommandError, ErrorCode
from shared.settings import EXIT_CONFIG
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker, Start

NEW = "another-config-password"
VALUES = {"binance_api_key": "key", "binance_api_secret": "s3cret"}
PUT = CredentialPut("master_account", "binance", VALUES)
ROTATE = KeyringRotate(CONFIG_PASSWORD, NEW)


async def test_a_wrong_password_is_refused_at_the_start_and_changes_nothing(
    start: Start, ask: Asker, database_url: str
) -> None:
    service = await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    await service.drain()
    before = await stored.everything(database_url)
    with pytest.raises(SystemExit) as caught:
        await start(CONFIG_PASSWORD="wrong", CONFIG_PASSWORD_PREVIOUS="wrong-too", API_PASSWORD="other")
    assert caught.value.code == EXIT_CONFIG
    assert await stored.everything(database_url) == before
    await start()
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("master_account")) == ["binance"]


async def test_a_rotation_encrypts_all_anew_and_the_service_goes_on(
    start: Start, ask: Asker, database_url: str
) -> None:
    service = await start()
    await ask(contract.CREATE_ACCOUNT, AccountRef("b"))
    await ask(contract.PUT_CREDENTIAL, PUT)
    await ask(contract.PUT_CREDENTIAL, CredentialPut("b", "binance", VALUES))
    old = await stored.everything(database_url)

    assert await ask(contract.ROTATE_KEYRING, ROTATE) == KeyringRotated(generation=2, credentials=2)
    assert await stored.secrets(database_url, NEW) == {("master_account", "binance"): VALUES, ("b", "binance"): VALUES}
    new = await stored.everything(database_url)
    assert {row[2] for row in old["credentials"]}.isdisjoint(row[2] for row in new["credentials"])
    assert len(new["keyring"]) == 1

    await ask(contract.PUT_CREDENTIAL, CredentialPut("b", "xrpl", {"xrpl_secret_key": "x"}))
    assert service.health().ready
    await service.drain()
    with pytest.raises(SystemExit):
        await start()
    await start(CONFIG_PASSWORD=NEW)
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("b")) == ["binance", "xrpl"]


async def test_a_rotation_that_is_asked_for_twice_happens_once(start: Start, ask: Asker, database_url: str) -> None:
    await start()
    first = await ask(contract.ROTATE_KEYRING, ROTATE, key="r1")
    assert await ask(contract.ROTATE_KEYRING, ROTATE, key="r1") == first
    assert (await stored.keyring(database_url)).generation == 2
    error = await ask.refused(contract.ROTATE_KEYRING, ROTATE, key="r2")
    assert error.code is ErrorCode.UNAUTHENTICATED


async def test_a_rotation_needs_the_current_password_and_a_new_one_of_some_length(
    start: Start, ask: Asker, database_url: str
) -> None:
    await start()
    before = await stored.everything(database_url)
    before.pop("leases")  # they are renewed all the time
    for _ in range(4):
        error = await ask.refused(contract.ROTATE_KEYRING, KeyringRotate("wrong-one", NEW))
        assert error.code is ErrorCode.UNAUTHENTICATED
        assert "wrong-one" not in error.detail
    assert (await ask.refused(contract.ROTATE_KEYRING, ROTATE)).code is ErrorCode.BUSY
    assert (
        await ask.refused(contract.ROTATE_KEYRING, KeyringRotate(CONFIG_PASSWORD, "short"))
    ).code is ErrorCode.INVALID
    after = await stored.everything(database_url)
    after.pop("leases")
    assert after == before


@pytest.mark.parametrize("committed", [True, False])
async def test_a_crash_in_the_middle_of_a_rotation_locks_nobody_out(
    start: Start, ask: Asker, *, committed: bool
) -> None:
    service = await start()
    await ask(contract.PUT_CREDENTIAL, PUT)
    if committed:
        await ask(contract.ROTATE_KEYRING, ROTATE)
    await service.drain()
    # What the command line has written before it asked for the rotation.
    again = await start(CONFIG_PASSWORD=NEW, CONFIG_PASSWORD_PREVIOUS=CONFIG_PASSWORD)
    assert again.health().ready
    await ask(contract.PUT_CREDENTIAL, PUT)


async def test_another_replica_refuses_secrets_until_it_is_restarted(start: Start, ask: Asker) -> None:
    replicas = [await start(), await start()]
    await ask(contract.ROTATE_KEYRING, ROTATE)
    stale, fresh = await _told_apart(replicas)
    assert stale.health().reasons == ("CONFIG_PASSWORD was changed: restart with the new one",)

    await fresh.drain()
    error = await ask.refused(contract.PUT_CREDENTIAL, PUT)
    assert error.code is ErrorCode.UNAVAILABLE
    assert "CONFIG_PASSWORD" in error.detail
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))

    await start(CONFIG_PASSWORD=NEW)
    await stale.drain()
    await ask(contract.PUT_CREDENTIAL, PUT)


async def _told_apart(replicas: list[CredentialsService]) -> tuple[CredentialsService, CredentialsService]:
    one, other = replicas
    await eventually(lambda: one.health().ready != other.health().ready)
    return (other, one) if one.health().ready else (one, other)


async def test_a_stale_replica_writes_nothing_even_before_it_has_heard_of_the_rotation(
    start: Start, bus: Bus, ask: Asker, database_url: str
) -> None:
    await asyncio.gather(start(), start())
    await ask(contract.ROTATE_KEYRING, ROTATE)
    outcomes = await asyncio.gather(*(_outcome(ask) for _ in range(20)))
    assert set(outcomes) <= {None, ErrorCode.UNAVAILABLE}
    await stored.secrets(database_url, NEW)


async def test_a_keyring_that_no_password_opens_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying takes long, and whoever wants a secret meanwhile waits for it."""
    stored_keyring, _ = make_keyring("of others")
    tried: list[str] = []

    def counted(stored: StoredKeyring, password: str) -> Cipher:
        tried.append(password)
        return open_keyring(stored, password)

    monkeypatch.setattr(keyring, "open_keyring", counted)
    mine = keyring.Keyring(("one", "other"))
    assert await asyncio.gather(*(mine.follow(stored_keyring) for _ in range(10))) == [False] * 10
    assert mine.locked
    assert tried == ["one", "other"]


async def _outcome(ask: Asker) -> ErrorCode | None:
    try:
        # However many ask at once, and however busy the machine is: not that it took too long.
        await ask(contract.PUT_CREDENTIAL, PUT, timeout=60.0)
    except CommandError as error:
        return error.code
    return None


async def test_replicas_that_were_given_both_passwords_follow_a_rotation(start: Start, ask: Asker) -> None:
    both = {"CONFIG_PASSWORD": NEW, "CONFIG_PASSWORD_PREVIOUS": CONFIG_PASSWORD}
    await (await start()).drain()
    replicas = [await start(**both), await start(**both)]
    await ask(contract.ROTATE_KEYRING, ROTATE)
    outcomes = await asyncio.gather(*(_outcome(ask) for _ in range(20)))
    assert outcomes == [None] * 20
    assert all(replica.health().ready for replica in replicas)


async def test_credentials_that_are_stored_during_a_rotation_are_all_under_the_new_key(
    start: Start, ask: Asker, database_url: str
) -> None:
    await start()
    names = [name for name, connector in CONNECTORS.items() if connector.trades][:30]
    puts = [CredentialPut("master_account", name, _values(name)) for name in names]
    rotation = asyncio.create_task(ask(contract.ROTATE_KEYRING, ROTATE))
    results = await asyncio.gather(*(ask(contract.PUT_CREDENTIAL, put) for put in puts))
    await rotation
    assert all(isinstance(result, CredentialStored) for result in results)
    found = await stored.secrets(database_url, NEW)
    assert found == {("master_account", name): _values(name) for name in names}


def _values(connector_name: str) -> dict[str, object]:
    fields = [field for field in CONNECTORS[connector_name].fields if field.required]
    return {field.name: 1 if field.kind == "integer" else f"value of {field.name}" for field in fields}


async def test_replicas_that_start_together_for_the_first_time_agree_on_one_key(
    start: Start, ask: Asker, database_url: str
) -> None:
    await asyncio.gather(*(start() for _ in range(3)))
    assert (await stored.keyring(database_url)).generation == 1
    outcomes = await asyncio.gather(*(_outcome(ask) for _ in range(20)))
    assert outcomes == [None] * 20
    assert await stored.secrets(database_url, CONFIG_PASSWORD) == {("master_account", "binance"): VALUES}
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["master_account"]
