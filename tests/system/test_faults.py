"""Services, NATS and PostgreSQL die under load: what callers see, and that afterwards nothing is missing or double."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.pace import within
from tests.system.fleet import RECOVERY, TRANSIENT, Fleet, fleet, insist
from tests.system.followed import Followed

pytestmark = pytest.mark.timeout(400)

Fault = Callable[[Fleet], Awaitable[None]]


async def credentials_dies(it: Fleet) -> None:
    it.kill("credentials")
    it.start("credentials")


async def edge_dies(it: Fleet) -> None:
    it.kill("gateway_api")
    it.start("gateway_api")


async def nats_dies(it: Fleet) -> None:
    it.nats.kill()
    await it.nats.start()


async def nats_is_wiped(it: Fleet) -> None:
    it.nats.kill()
    it.nats.wipe()
    await it.nats.start()


async def postgres_dies(it: Fleet) -> None:
    it.postgres.kill()
    await it.postgres.start()


FAULTS: tuple[Fault, ...] = (credentials_dies, edge_dies, nats_dies, nats_is_wiped, postgres_dies)


@asynccontextmanager
async def following(it: Fleet) -> AsyncIterator[Followed]:
    async with it.client() as client:
        followed = Followed(client)
        task = asyncio.create_task(followed.follow())
        try:
            yield followed
        finally:
            task.cancel()
            await asyncio.wait({task})


async def first_events(it: Fleet, followed: Followed) -> int:
    """Make a change and return how many events there are by then: those of the first start, and its own."""
    async with it.client() as client:
        made = await client.post("/accounts/add-account", params={"account_name": "first"})
        assert made.status_code == 201
        assert (await client.post("/accounts/delete-account", params={"account_name": "first"})).status_code == 200
    return await followed.until_account_deleted("first")


async def churn(it: Fleet, worker: int, accounts: int) -> list[str]:
    """Create accounts, delete every other one, insisting on each; return those that must be left."""
    left = []
    async with it.client() as client:
        for number in range(accounts):
            name = f"w{worker}-{number}"
            made = await insist(client, "POST", "/accounts/add-account", f"add-{name}", params={"account_name": name})
            assert made.status_code == 201, made.text
            again = await insist(client, "POST", "/accounts/add-account", f"add-{name}", params={"account_name": name})
            assert (again.status_code, again.json()) == (201, made.json())
            if number % 2:
                gone = await insist(
                    client, "POST", "/accounts/delete-account", f"del-{name}", params={"account_name": name}
                )
                assert gone.status_code == 200, gone.text
            else:
                left.append(name)
    return left


async def check(it: Fleet, followed: Followed, left: list[str], *, before: int, changes: int) -> None:
    """Check that the accounts and the events of all `changes` are there, once each and in order, after `before`."""
    await it.ready(RECOVERY)
    async with it.client() as client:
        accounts = (await client.get("/accounts/")).json()
    assert sorted(accounts) == sorted(["master_account", *left])
    await followed.until(before + changes)
    assert followed.gaps == 0
    # At least once over HTTP: what came after a place that was not yet noted comes again. Never missing, never late.
    events = {event["seq"]: event for event in followed.events}
    assert list(events) == list(range(1, before + changes + 1))
    kinds = Counter((event["kind"], event["account"]) for event in list(events.values())[before:])
    assert set(kinds.values()) == {1}
    deleted = {account for kind, account in kinds if kind == "credentials.account.deleted"}
    assert {account for kind, account in kinds if kind == "credentials.account.created"} == deleted | set(left)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_after_one_fault_under_load_nothing_is_missing_or_double(fault: Fault) -> None:
    async with fleet("credentials", "gateway_api") as it, following(it) as followed:
        before = await first_events(it, followed)
        workers = [asyncio.create_task(churn(it, worker, 8)) for worker in range(4)]
        await followed.until(before + 10)
        await fault(it)
        left = [name for names in await asyncio.gather(*workers) for name in names]
        await check(it, followed, left, before=before, changes=4 * 12)


async def test_after_random_faults_nothing_is_missing_or_double(seed: int) -> None:
    chance = random.Random(seed)
    async with fleet("credentials", "gateway_api") as it, following(it) as followed:
        before = await first_events(it, followed)
        workers = [asyncio.create_task(churn(it, worker, 12)) for worker in range(4)]
        for seen in (8, 20, 35):
            await followed.until(before + seen)
            await chance.choice(FAULTS)(it)
        left = [name for names in await asyncio.gather(*workers) for name in names]
        await check(it, followed, left, before=before, changes=4 * 18)


async def test_a_service_that_dies_is_named_and_comes_back() -> None:
    async with fleet("credentials", "gateway_api") as it, it.client() as client:
        assert (await client.get("/accounts/")).status_code == 200
        stop = asyncio.Event()
        seen: list[httpx.Response] = []

        async def ask() -> None:
            while not stop.is_set():
                began = time.monotonic()
                seen.append(await client.get("/accounts/"))
                within(7, began)
                await asyncio.sleep(0.01)

        asking = [asyncio.create_task(ask()) for _ in range(8)]
        it.kill("credentials")
        while not any(answer.status_code == 503 for answer in seen):
            await asyncio.sleep(0.01)
        assert (await client.get("/health")).status_code == 200
        await it.not_ready()
        it.start("credentials")
        await it.ready(RECOVERY)
        stop.set()
        await asyncio.gather(*asking)
        assert {answer.status_code for answer in seen} <= {200, 503, 504}
        assert all("credentials" in answer.json()["detail"] for answer in seen if answer.status_code != 200)
        # Nobody was logged out.
        assert (await client.get("/accounts/")).status_code == 200


async def test_while_nats_is_away_every_request_is_answered_at_once() -> None:
    async with fleet("credentials", "gateway_api") as it, it.client() as client:
        await client.get("/accounts/")
        it.nats.kill()
        for _ in range(20):
            began = time.monotonic()
            read = await client.get("/accounts/")
            write = await client.post("/accounts/add-account", params={"account_name": "never"})
            assert {read.status_code, write.status_code} <= {503, 504}
            within(4, began)
        await it.not_ready()
        await it.nats.start()
        await it.ready(RECOVERY)
        assert (await client.get("/accounts/")).json() == ["master_account"]


async def test_while_postgresql_is_away_queries_go_on_and_changes_are_refused() -> None:
    async with fleet("credentials", "gateway_api") as it, it.client() as client:
        await client.get("/accounts/")
        it.postgres.kill()
        for _ in range(5):
            assert (await client.get("/accounts/")).json() == ["master_account"]
            began = time.monotonic()
            write = await client.post("/accounts/add-account", params={"account_name": "later"})
            assert write.status_code in TRANSIENT
            within(7, began)
        await it.postgres.start()
        await it.ready(RECOVERY)
        assert (await client.post("/accounts/add-account", params={"account_name": "later"})).status_code == 201


async def test_a_rolling_restart_under_load_fails_no_request() -> None:
    async with fleet("credentials", "gateway_api") as it, it.client() as client:
        it.start("credentials", "-2")
        await replicas(client, 2)
        stop = asyncio.Event()
        counts: Counter[int] = Counter()

        async def load(worker: int) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                name = f"r{worker}-{number}"
                for answer in (
                    await client.post("/accounts/add-account", params={"account_name": name}),
                    await client.get("/accounts/"),
                    await client.post("/accounts/delete-account", params={"account_name": name}),
                ):
                    counts[answer.status_code] += 1
                    assert answer.status_code in {200, 201}, answer.text
                    if answer.request.method == "GET":
                        assert name in answer.json()

        loading = [asyncio.create_task(load(worker)) for worker in range(6)]
        for name, fresh in (("credentials", "-3"), ("credentials-2", "-4")):
            it.start("credentials", fresh)
            await replicas(client, 3)
            assert await it.drain(name) == 0
            await replicas(client, 2)
        stop.set()
        await asyncio.gather(*loading)
        assert counts[200] > 50


async def replicas(client: httpx.AsyncClient, count: int) -> None:
    """Wait until `/ready` shows `count` replicas of credentials that are ready."""
    until = time.monotonic() + 60
    while True:
        state = (await client.get("/ready")).json()
        found = state["services"]["credentials"]["replicas"]
        if len([one for one in found if one["state"] == "ready"]) == count and len(found) == count:
            return
        assert time.monotonic() < until, state
        await asyncio.sleep(0.1)
