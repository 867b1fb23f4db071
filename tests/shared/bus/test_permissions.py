"""The server itself holds every user to its contracts: what each must not do is tried, and refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from hummingbus.stack.nats_server import NatsServer
from shared.bus.client import Bus
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Streamed
from shared.bus.permissions import LIVE_READERS, READERS_OF_ALL, permissions_for
from shared.bus.streaming import PIECE_BYTES
from shared.bus.subjects import Subjects
from shared.contracts.catalogue import COMMANDS, EVENTS, LIVE, USERS
from shared.contracts.credentials import LIST_ACCOUNTS, RELEASE_SECRET, VERIFY_PASSWORD, Nothing
from shared.contracts.declaration import EDGE, OUTSIDE
from shared.service import Health
from shared.settings import Settings
from tests.servers import TEST_USER, short_folder, strict_nats

SUBJECTS = Subjects("hb")
Try = Callable[[str, str, str], Awaitable[bool]]
Strict = tuple[NatsServer, dict[str, str]]


@pytest.fixture(scope="module")
def strict() -> Any:
    with short_folder() as folder:
        server, seeds = strict_nats(Path(folder), "hb")
        asyncio.run(server.start())
        yield server, seeds
        asyncio.run(server.stop())


def settings_of(strict: Strict, user: str) -> Settings:
    server, seeds = strict
    return Settings.model_validate({"NATS_URL": server.url, "NATS_SEED": seeds[user]})


@pytest.fixture
async def allowed(strict: Strict) -> AsyncIterator[Try]:
    """Say whether the server lets `user` do `verb` (pub or sub) on `subject`."""
    server, seeds = strict
    open_: list[Client] = []

    async def attempt(user: str, verb: str, subject: str) -> bool:
        refusals: list[str] = []

        async def refused(error: Exception) -> None:
            refusals.append(str(error).lower())

        client = await nats.connect(
            server.url, nkeys_seed_str=seeds[user], inbox_prefix=SUBJECTS.inbox(user), error_cb=refused
        )
        open_.append(client)
        if verb == "pub":
            await client.publish(subject, b"{}")
        else:
            await client.subscribe(subject)
        # The second round trip begins after the first: by its end the server has judged what came before.
        await client.flush()
        await client.flush()
        assert all("permissions violation" in refusal for refusal in refusals)
        return not refusals

    yield attempt
    for client in open_:
        await client.close()


@pytest.mark.parametrize("user", [user for user in USERS if user != EDGE])
async def test_nobody_but_the_edge_speaks_for_others(allowed: Try, user: str) -> None:
    for command in COMMANDS:
        assert not await allowed(user, "pub", SUBJECTS.command(command, "admin", ("x",) * len(command.owner_keys)))


@pytest.mark.parametrize("user", USERS)
async def test_a_command_is_sent_by_its_callers_alone(allowed: Try, user: str) -> None:
    for command in COMMANDS:
        subject = SUBJECTS.command(command, user, ("x",) * len(command.owner_keys))
        assert await allowed(user, "pub", subject) == (user in command.callers), command.key


@pytest.mark.parametrize("user", USERS)
async def test_an_event_is_published_by_its_service_alone(allowed: Try, user: str) -> None:
    for event in EVENTS:
        subject = SUBJECTS.event(event, ("x",) * len(event.keys))
        assert await allowed(user, "pub", subject) == (user == event.service), event.kind


@pytest.mark.parametrize("user", USERS)
async def test_live_data_are_sent_by_their_service_alone_and_read_by_few(allowed: Try, user: str) -> None:
    for live in LIVE:
        subject = SUBJECTS.live(live, "paper", "BTC-USDT", *("x",) * len(live.keys))
        assert await allowed(user, "pub", subject) == (user == live.service)
        reads = user in READERS_OF_ALL | LIVE_READERS
        assert await allowed(user, "sub", subject) == reads
        assert await allowed(user, "sub", SUBJECTS.live_of(live)) == reads
    assert not await allowed(user, "pub", "hb.live.another.paper.BTC-USDT")
    assert not await allowed(user, "sub", "hb.live.>")


@pytest.mark.parametrize("user", USERS)
async def test_nobody_reads_the_commands_or_the_inbox_of_another(allowed: Try, user: str) -> None:
    for other in USERS:
        assert await allowed(user, "sub", SUBJECTS.inbox(other) + ".x") == (user == other)
    for command in COMMANDS:
        subject = SUBJECTS.command_from_anyone(command, ("*",) * len(command.owner_keys))
        assert not await allowed(user, "sub", subject.replace("=2a", "*")) or user == command.service
    for everything in (">", "hb.>", "hb.cmd.>", "hb.cmd.*.credentials.>", "_INBOX.>", "$SYS.>", "$JS.>"):
        assert not await allowed(user, "sub", everything), everything


@pytest.mark.parametrize("user", USERS)
async def test_nobody_changes_streams_but_their_owner(allowed: Try, user: str) -> None:
    for service in {event.service for event in EVENTS}:
        stream = SUBJECTS.stream(service)
        for verb in ("DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"):
            assert not await allowed(user, "pub", f"$JS.API.STREAM.{verb}.{stream}")
        for verb in ("CREATE", "UPDATE"):
            assert await allowed(user, "pub", f"$JS.API.STREAM.{verb}.{stream}") == (user == service)
            assert not await allowed(user, "pub", f"$JS.API.STREAM.{verb}.another")


async def test_outside_programs_reply_to_nobody(allowed: Try) -> None:
    assert not await allowed(OUTSIDE, "pub", SUBJECTS.inbox(EDGE) + ".x.y")
    assert not await allowed(OUTSIDE, "sub", "$SRV.PING")


async def test_no_seed_no_entry(strict: Strict) -> None:
    server, _ = strict
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(server.url, allow_reconnect=False, max_reconnect_attempts=1)


@pytest.mark.parametrize("user", USERS)
def test_what_may_be_asked_is_neither_too_wide_nor_empty(user: str) -> None:
    permissions = permissions_for(user, SUBJECTS)
    assert permissions.subscribe
    assert permissions.publish
    for subject in permissions.publish:
        assert not subject.startswith((">", "*", "hb.>", "hb.*"))
        assert subject.startswith("_INBOX.hb.") or ">" not in subject.removesuffix(".>")


async def test_each_user_can_do_its_work_under_its_permissions(strict: Strict) -> None:
    service = Dispatcher(settings_of(strict, "credentials"), "credentials")
    service.on(LIST_ACCOUNTS, lambda request, call: [call.actor])
    await service.start(lambda: Health(True))
    for user, actor in ((EDGE, "admin"), (OUTSIDE, OUTSIDE)):
        bus = Bus(settings_of(strict, user), user)
        await bus.start()
        assert await bus.request(LIST_ACCOUNTS, Nothing(), actor=actor) == [actor]
        # Who is busy may come too late for the first question.
        answers = await bus.discover("PING", wait=0.1) or await bus.discover("PING", wait=3.0)
        assert [answer["name"] for answer in answers] == ["credentials"]
        await bus.stop()
    await service.drain()


async def test_outside_programs_ask_for_the_next_piece_of_their_answer_and_write_to_no_other_inbox(
    strict: Strict,
) -> None:
    large = replace(LIST_ACCOUNTS, streams=True)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * PIECE_BYTES

    async def answer(_: Nothing, __: Call) -> Streamed:
        return Streamed(pieces())

    service = Dispatcher(settings_of(strict, "credentials"), "credentials")
    service.on(large, answer)
    await service.start(lambda: Health(True))
    for user in (EDGE, OUTSIDE):
        bus = Bus(settings_of(strict, user), user)
        await bus.start()
        size = 0
        async for piece in bus.stream(large, b"", actor=user):
            size += len(piece)
        assert size == 3 * PIECE_BYTES
        await bus.stop()
    await service.drain()


def test_secrets_are_released_to_services_alone() -> None:
    assert not RELEASE_SECRET.callers & {EDGE, OUTSIDE, TEST_USER}
    assert VERIFY_PASSWORD.callers == {EDGE}
