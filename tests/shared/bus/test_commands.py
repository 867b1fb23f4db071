"""Commands between a Bus and a Dispatcher over a real server: every way one can end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from shared.bus import messages
from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply
from shared.contracts.credentials import (
    CREATE_ACCOUNT,
    CREATE_API_KEY,
    LIST_ACCOUNTS,
    LIST_CREDENTIALS,
    AccountChanged,
    AccountRef,
    ApiKeyCreate,
    ApiKeyCreated,
    Nothing,
)
from shared.contracts.declaration import Command
from shared.errors import CommandError, ErrorBody, ErrorCode, FieldError
from shared.service import Health
from shared.settings import Settings

PLACE = Command(
    "credentials", "session", "place", AccountRef, list[str], "A command on a session.", owner_keys=("account_name",)
)
Make = Callable[..., Dispatcher]


def healthy() -> Health:
    return Health(True, figures=(("lag", 3),))


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    bus = Bus(settings, "gateway_api")
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def make(settings: Settings) -> AsyncIterator[Make]:
    made: list[Dispatcher] = []

    def dispatcher(**bounds: int) -> Dispatcher:
        made.append(Dispatcher(settings, "credentials", **bounds))
        return made[-1]

    yield dispatcher
    for one in made:
        await one.drain()


async def refusal(work: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        await work
    return caught.value


async def test_a_plain_handler_answers_with_its_response(bus: Bus, make: Make) -> None:
    dispatcher = make()
    dispatcher.on(LIST_ACCOUNTS, lambda request, call: ["main", call.actor])
    await dispatcher.start(healthy)
    assert await bus.request(LIST_ACCOUNTS, Nothing(), actor="ann.b") == ["main", "ann.b"]


async def test_an_encoded_reply_passes_with_its_event_ids(bus: Bus, make: Make) -> None:
    dispatcher = make()
    dispatcher.on(LIST_ACCOUNTS, lambda request, call: Reply(b'["x"]', (4, 7)))
    await dispatcher.start(healthy)
    assert await bus.request_raw(LIST_ACCOUNTS, b"", actor="ann") == Reply(b'["x"]', (4, 7))


async def test_the_handler_is_told_what_goes_with_the_command(bus: Bus, make: Make) -> None:
    calls: list[Call] = []

    async def create(request: AccountRef, call: Call) -> AccountChanged:
        calls.append(call)
        return AccountChanged(request.account_name, 1)

    dispatcher = make()
    dispatcher.on(CREATE_ACCOUNT, create)
    await dispatcher.start(healthy)
    others = {"credentials": (7,), "marketdata": (8, 9)}
    await bus.request(
        CREATE_ACCOUNT, AccountRef("main"), actor="ann", key="k-1", after=(3, 5), after_others=others, timeout=2
    )
    (call,) = calls
    assert (call.command, call.actor, call.key, call.after) == ("credentials.account.create", "ann", "k-1", (3, 5))
    assert call.after_others == others
    assert msgspec.json.decode(call.body) == {"account_name": "main"}
    assert 0 < call.seconds_left() <= 2.001  # the header has whole milliseconds


async def test_slow_handlers_hold_up_nobody(bus: Bus, make: Make) -> None:
    release = asyncio.Event()

    async def slow(request: AccountRef, call: Call) -> list[str]:
        await release.wait()
        return []

    dispatcher = make()
    dispatcher.on(LIST_CREDENTIALS, slow)
    dispatcher.on(LIST_ACCOUNTS, lambda request, call: ["main"])
    await dispatcher.start(healthy)
    waiting = [asyncio.create_task(bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x")) for _ in range(20)]
    assert await bus.request(LIST_ACCOUNTS, Nothing(), actor="x") == ["main"]
    assert not any(task.done() for task in waiting)
    release.set()
    assert await asyncio.gather(*waiting) == [[]] * 20


async def test_work_is_bounded_and_what_is_too_much_is_refused_at_once(bus: Bus, make: Make) -> None:
    release, running, most = asyncio.Event(), 0, 0

    async def slow(request: AccountRef, call: Call) -> list[str]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        return []

    dispatcher = make(concurrency=2, queue=3)
    dispatcher.on(LIST_CREDENTIALS, slow)
    await dispatcher.start(healthy)
    tasks = [asyncio.create_task(bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x")) for _ in range(8)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    while len(done) < 3:
        more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        done |= more
    assert {(await refusal(task)).code for task in done} == {ErrorCode.BUSY}
    release.set()
    assert await asyncio.gather(*pending) == [[]] * 5
    assert most == 2


async def test_a_refusal_keeps_its_code_text_and_fields(bus: Bus, make: Make) -> None:
    async def create(request: AccountRef, call: Call) -> AccountChanged:
        raise CommandError(ErrorCode.EXISTS, "the account main exists", (FieldError(("account_name",), "taken", "x"),))

    dispatcher = make()
    dispatcher.on(CREATE_ACCOUNT, create)
    await dispatcher.start(healthy)
    error = await refusal(bus.request(CREATE_ACCOUNT, AccountRef("main"), actor="x"))
    assert (error.code, error.detail) == (ErrorCode.EXISTS, "the account main exists")
    assert error.fields == (FieldError(("account_name",), "taken", "x"),)


async def test_an_exception_is_a_reply_without_its_text(bus: Bus, make: Make) -> None:
    def fails(request: Nothing, call: Call) -> list[str]:
        raise RuntimeError("s3cret")

    async def fails_later(request: AccountRef, call: Call) -> list[str]:
        raise RuntimeError("s3cret")

    dispatcher = make()
    dispatcher.on(LIST_ACCOUNTS, fails)
    dispatcher.on(LIST_CREDENTIALS, fails_later)
    await dispatcher.start(healthy)
    for work in (
        bus.request(LIST_ACCOUNTS, Nothing(), actor="x"),
        bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x"),
    ):
        error = await refusal(work)
        assert error.code == ErrorCode.INTERNAL
        assert "s3cret" not in error.detail


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"account_name": "a.b"}', b"[]", b"null", b"{}", b"[" * 100_000, b'{"account_name": 1e400}'],
)
async def test_rubbish_is_refused_as_invalid(bus: Bus, make: Make, body: bytes) -> None:
    dispatcher = make()
    dispatcher.on(LIST_CREDENTIALS, lambda request, call: [])
    await dispatcher.start(healthy)
    assert (await refusal(bus.request_raw(LIST_CREDENTIALS, body, actor="x"))).code == ErrorCode.INVALID


async def test_nobody_there_is_told_at_once(bus: Bus) -> None:
    started = time.monotonic()
    error = await refusal(bus.request(CREATE_ACCOUNT, AccountRef("main"), actor="x"))
    assert error.code == ErrorCode.UNAVAILABLE
    assert "credentials" in error.detail
    assert time.monotonic() - started < CREATE_ACCOUNT.timeout / 2


async def test_no_answer_in_time_leaves_a_change_unknown_and_a_query_unavailable(bus: Bus, make: Make) -> None:
    async def never(request: AccountRef, call: Call) -> Any:
        await asyncio.Event().wait()

    dispatcher = make()
    dispatcher.on(CREATE_ACCOUNT, never)
    dispatcher.on(LIST_CREDENTIALS, never)
    await dispatcher.start(healthy)
    error = await refusal(bus.request(CREATE_ACCOUNT, AccountRef("a"), actor="x", key="k", timeout=0.05))
    assert (error.code, error.key) == (ErrorCode.OUTCOME_UNKNOWN, "k")
    error = await refusal(bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x", timeout=0.05))
    assert error.code == ErrorCode.UNAVAILABLE
    for task in dispatcher._running:
        task.cancel()


async def test_work_past_its_deadline_is_not_begun(bus: Bus, make: Make) -> None:
    begun: list[str] = []
    busy, release = asyncio.Event(), asyncio.Event()

    async def create(request: AccountRef, call: Call) -> AccountChanged:
        begun.append(request.account_name)
        busy.set()
        await release.wait()
        return AccountChanged(request.account_name, 1)

    dispatcher = make(concurrency=1)
    dispatcher.on(CREATE_ACCOUNT, create)
    await dispatcher.start(healthy)
    first = asyncio.create_task(bus.request(CREATE_ACCOUNT, AccountRef("first"), actor="x"))
    await busy.wait()
    late = await refusal(bus.request(CREATE_ACCOUNT, AccountRef("late"), actor="x", timeout=0.05))
    assert late.code == ErrorCode.OUTCOME_UNKNOWN
    release.set()
    await first
    await bus.request(CREATE_ACCOUNT, AccountRef("last"), actor="x")
    assert begun == ["first", "last"]


@pytest.mark.parametrize("deadline", ["1", "nan", "-5", "soon"])
async def test_a_stale_or_unreadable_deadline_is_refused(settings: Settings, make: Make, deadline: str) -> None:
    dispatcher = make()
    dispatcher.on(LIST_ACCOUNTS, lambda request, call: ["main"])
    await dispatcher.start(healthy)
    raw = await connect(settings, "outside")
    subject = dispatcher.subjects.command(LIST_ACCOUNTS, "outside")
    answer = await raw.request(subject, b"", timeout=10, headers={messages.DEADLINE: deadline})
    assert answer.headers is not None
    assert answer.headers[messages.ERROR_CODE] in {ErrorCode.EXPIRED, ErrorCode.INVALID}
    assert msgspec.json.decode(answer.data, type=ErrorBody).code == answer.headers[messages.ERROR_CODE]
    await raw.close()


async def test_a_command_without_an_inbox_is_dropped(settings: Settings, bus: Bus, make: Make) -> None:
    done: list[str] = []

    def create(request: AccountRef, call: Call) -> AccountChanged:
        done.append(request.account_name)
        return AccountChanged(request.account_name, 1)

    dispatcher = make()
    dispatcher.on(CREATE_ACCOUNT, create)
    await dispatcher.start(healthy)
    raw = await connect(settings, "outside")
    subject = dispatcher.subjects.command(CREATE_ACCOUNT, "outside")
    for reply in ("", "$JS.ACK.x", dispatcher.subjects.command(LIST_ACCOUNTS, "admin")):
        await raw.publish(subject, b'{"account_name": "stored"}', reply=reply)
    await raw.flush()
    await bus.request(CREATE_ACCOUNT, AccountRef("asked"), actor="x")
    assert done == ["asked"]
    await raw.close()


@pytest.mark.parametrize("key", ["", "a b", "a.b", "k" * 129])
async def test_a_bad_idempotency_key_is_refused(bus: Bus, make: Make, key: str) -> None:
    dispatcher = make()
    dispatcher.on(CREATE_ACCOUNT, lambda request, call: AccountChanged("a", 1))
    await dispatcher.start(healthy)
    error = await refusal(bus.request(CREATE_ACCOUNT, AccountRef("a"), actor="x", key=key))
    assert error.code == ErrorCode.INVALID


async def test_a_command_that_stores_no_reply_takes_no_key(bus: Bus, make: Make) -> None:
    dispatcher = make()
    dispatcher.on(CREATE_API_KEY, lambda request, call: ApiKeyCreated("i", "n", "k", None))
    await dispatcher.start(healthy)
    request = ApiKeyCreate("ann", "pw", "laptop")
    assert (await refusal(bus.request(CREATE_API_KEY, request, actor="x", key="k"))).code == ErrorCode.INVALID


async def test_a_session_command_reaches_its_owner_and_nobody_else(bus: Bus, make: Make) -> None:
    first, second = make(), make()
    for name, dispatcher in (("first", first), ("second", second)):
        dispatcher.on(PLACE, lambda request, call, name=name: [name])  # type: ignore[misc]
        await dispatcher.start(healthy)
    await first.own([PLACE], ("a",))
    await second.own([PLACE], ("b",))
    assert await bus.request(PLACE, AccountRef("a"), actor="x") == ["first"]
    assert await bus.request(PLACE, AccountRef("b"), actor="x") == ["second"]
    assert (await refusal(bus.request(PLACE, AccountRef("c"), actor="x"))).code == ErrorCode.UNAVAILABLE
    await first.release(("a",))
    assert (await refusal(bus.request(PLACE, AccountRef("a"), actor="x"))).code == ErrorCode.UNAVAILABLE


async def test_draining_one_of_two_replicas_under_load_fails_nothing(bus: Bus, make: Make) -> None:
    async def answer(request: AccountRef, call: Call) -> list[str]:
        await asyncio.sleep(0)
        return ["x"]

    old, new = make(), make()
    for dispatcher in (old, new):
        dispatcher.on(LIST_CREDENTIALS, answer)
        await dispatcher.start(healthy)
    drained = asyncio.Event()
    started = asyncio.Semaphore(0)

    async def load() -> None:
        while not drained.is_set():
            await bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x")
            started.release()

    workers = [asyncio.create_task(load()) for _ in range(16)]
    for _ in range(200):
        await started.acquire()
    await old.drain()
    drained.set()
    await asyncio.gather(*workers)


async def test_draining_answers_what_has_arrived(bus: Bus, make: Make) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow(request: AccountRef, call: Call) -> list[str]:
        begun.set()
        await release.wait()
        return ["done"]

    dispatcher = make(concurrency=1)
    dispatcher.on(LIST_CREDENTIALS, slow)
    await dispatcher.start(healthy)
    asked = [asyncio.create_task(bus.request(LIST_CREDENTIALS, AccountRef("a"), actor="x")) for _ in range(3)]
    await begun.wait()
    draining = asyncio.create_task(dispatcher.drain())
    release.set()
    assert await asyncio.gather(*asked) == [["done"]] * 3
    await draining


async def test_discovery_tells_of_every_replica(bus: Bus, make: Make) -> None:
    for _ in range(2):
        dispatcher = make()
        dispatcher.on(LIST_ACCOUNTS, lambda request, call: [])
        await dispatcher.start(healthy)
    await bus.request(LIST_ACCOUNTS, Nothing(), actor="x")
    for verb, kind in (("PING", "ping"), ("INFO", "info"), ("STATS", "stats")):
        answers = await bus.discover(verb, wait=0.2)  # type: ignore[arg-type]
        if len(answers) < 2:  # who is busy may come too late
            answers = await bus.discover(verb, wait=3.0)  # type: ignore[arg-type]
        assert [answer["name"] for answer in answers] == ["credentials"] * 2
        assert len({answer["id"] for answer in answers}) == 2
        assert {answer["type"] for answer in answers} == {f"io.nats.micro.v1.{kind}_response"}
        assert {answer["metadata"]["state"] for answer in answers} == {"ready"}
        assert {answer["metadata"]["lag"] for answer in answers} == {"3"}
    assert sum(endpoint["num_requests"] for answer in answers for endpoint in answer["endpoints"]) == 1
