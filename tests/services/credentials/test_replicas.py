"""Several replicas answer as one: what one has done, all show."""

import asyncio
import time
from datetime import UTC, datetime

import msgspec

from services.credentials.accounts import create_account
from services.credentials.app import CredentialsService
from services.credentials.changes import Change
from services.credentials.followed_accounts import FollowedAccounts
from services.credentials.settings import CredentialsSettings
from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.messages import MESSAGE_ID, Call
from shared.bus.subjects import Subjects
from shared.contracts import credentials as contract
from shared.contracts.credentials import AccountRef, CredentialPut, Nothing
from shared.database.pool import Database
from shared.database.unit_of_work import UnitOfWork
from shared.events.envelope import Envelope, encode
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.pace import within
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, Asker, Start


async def test_who_has_created_an_account_sees_it_whichever_replica_answers(start: Start, bus: Bus) -> None:
    await asyncio.gather(start(), start())
    for number in range(40):
        name = f"account-{number}"
        body = msgspec.json.encode(AccountRef(name))
        created = await bus.request_raw(contract.CREATE_ACCOUNT, body, actor="outside")
        assert created.events
        listed = await bus.request(contract.LIST_ACCOUNTS, Nothing(), actor="outside", after=created.events)
        assert name in listed
        connectors = await bus.request(
            contract.LIST_CREDENTIALS, AccountRef(name), actor="outside", after=created.events
        )
        assert connectors == []


async def test_a_repeated_change_tells_of_the_events_of_the_first(start: Start, bus: Bus) -> None:
    await asyncio.gather(start(), start())
    body = msgspec.json.encode(AccountRef("a"))
    replies = [await bus.request_raw(contract.CREATE_ACCOUNT, body, actor="outside", key="same") for _ in range(10)]
    assert len(set(replies)) == 1
    assert replies[0].events


async def test_without_knowing_of_an_event_one_sees_it_soon(start: Start, ask: Asker) -> None:
    await asyncio.gather(start(), start())
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))

    async def everybody_shows_it() -> bool:
        lists = await asyncio.gather(*(ask(contract.LIST_ACCOUNTS, Nothing()) for _ in range(20)))
        return all("a" in names for names in lists)

    await eventually(everybody_shows_it)


async def test_a_replica_that_joins_later_knows_all(start: Start, ask: Asker) -> None:
    first = await start()
    await ask(contract.CREATE_ACCOUNT, AccountRef("a"))
    await ask(contract.PUT_CREDENTIAL, CredentialPut("a", "xrpl", {"xrpl_secret_key": "x"}))
    await start()
    await first.drain()
    assert await ask(contract.LIST_ACCOUNTS, Nothing()) == ["a", "master_account"]
    assert await ask(contract.LIST_CREDENTIALS, AccountRef("a")) == ["xrpl"]


async def test_an_event_that_nobody_knows_does_not_hold_up_an_answer_for_long(start: Start, ask: Asker) -> None:
    await start()
    began = time.monotonic()
    assert await ask(contract.LIST_ACCOUNTS, Nothing(), after=(10**12, 10**30, -1, 0)) == ["master_account"]
    within(4, began)


async def test_where_the_stream_is_silent_the_database_is_asked(start: Start, settings_for: SettingsFor) -> None:
    await (await start()).drain()
    settings = settings_for("credentials", CredentialsSettings, CONFIG_PASSWORD=CONFIG_PASSWORD)
    database = Database(settings, "credentials")
    await database.start()
    view = FollowedAccounts(settings, database, asyncio.Event())
    await view.reload()  # filled, and not following
    unit = UnitOfWork(database, None)
    _, event_ids = await unit.change("outside", lambda work: create_account(Change(work, []), "a"))
    call = Call("credentials.account.list", "outside", b"", time.time() + 5, after=event_ids)
    assert not view.holds(call.after)
    await view.catch_up(call)
    assert view.holds(call.after)
    assert msgspec.json.decode(view.accounts.names().body) == ["a", "master_account"]
    await database.stop()


async def test_a_rolling_restart_loses_no_request(start: Start, ask: Asker) -> None:
    replicas: list[CredentialsService] = [await start(), await start()]
    stop = asyncio.Event()
    made: list[str] = []

    async def create(worker: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"w{worker}-{number}"
            await ask(contract.CREATE_ACCOUNT, AccountRef(name))
            made.append(name)
            await ask(contract.LIST_CREDENTIALS, AccountRef("master_account"))
            number += 1

    workers = [asyncio.create_task(create(worker)) for worker in range(4)]
    for replica in replicas:
        await replica.drain()
        await start()
    stop.set()
    await asyncio.gather(*workers)
    assert len(made) > 10

    async def all_are_listed() -> bool:
        names = await ask(contract.LIST_ACCOUNTS, Nothing())
        return set(made) <= set(names)

    await eventually(all_are_listed)


async def test_what_the_stream_has_lost_is_read_from_the_database(
    start: Start, ask: Asker, settings_for: SettingsFor, database_url: str
) -> None:
    await start()
    connection = await stored.connect(database_url)
    await connection.execute("INSERT INTO accounts (name, present, version) VALUES ('a', true, 1)")
    await connection.close()
    # An event that others must have preceded.
    settings = settings_for("credentials", CredentialsSettings, CONFIG_PASSWORD=CONFIG_PASSWORD)
    event = Envelope(9, "credentials", "x", datetime.now(UTC), "x", None, None, None, 9, msgspec.Raw(b"{}"))
    client = await connect(settings, "credentials")
    subject = Subjects(settings.namespace).event(contract.KEYRING_ROTATED, ())
    await client.jetstream().publish(subject, encode(event), headers={MESSAGE_ID: event.id})
    await client.close()

    async def it_is_listed() -> bool:
        names = await ask(contract.LIST_ACCOUNTS, Nothing())
        return "a" in names

    await eventually(it_is_listed)
