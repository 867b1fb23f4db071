"""Answers in pieces: complete, in order, made only as they are asked for, and broken off cleanly."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shared.bus import streaming
from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Streamed
from shared.bus.streaming import PIECE_BYTES
from shared.contracts.credentials import Nothing
from shared.contracts.declaration import Command
from shared.errors import CommandError, ErrorCode
from shared.service import Health
from shared.settings import Settings

HISTORY = Command("credentials", "history", "get", Nothing, list[int], "A large answer.", streams=True)
Serve = Callable[[Callable[[], AsyncIterator[bytes]]], object]


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    bus = Bus(settings, "gateway_api")
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def dispatcher(settings: Settings) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(settings, "credentials")
    yield dispatcher
    await dispatcher.drain()


async def serve(dispatcher: Dispatcher, pieces: Callable[[], AsyncIterator[bytes]]) -> None:
    async def handler(_: Nothing, __: Call) -> Streamed:
        return Streamed(pieces())

    dispatcher.on(HISTORY, handler)
    await dispatcher.start(lambda: Health(True))


async def collected(bus: Bus) -> bytes:
    return b"".join([piece async for piece in bus.stream(HISTORY, b"", actor="ann")])


@pytest.mark.parametrize(
    "sizes",
    [(), (1,), (PIECE_BYTES,), (PIECE_BYTES + 1,), (10,) * 500, (3 * PIECE_BYTES, 5, PIECE_BYTES), (1, 4_000_000, 1)],
    ids=str,
)
async def test_the_pieces_are_the_whole_answer(bus: Bus, dispatcher: Dispatcher, sizes: tuple[int, ...]) -> None:
    parts = [bytes([number % 251]) * size for number, size in enumerate(sizes)]

    async def pieces() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    await serve(dispatcher, pieces)
    assert await collected(bus) == b"".join(parts)
    assert (await bus.request_raw(HISTORY, b"", actor="ann")).body == b"".join(parts)


async def test_who_asks_for_the_answer_at_once_gets_all_of_it_or_the_error(bus: Bus, dispatcher: Dispatcher) -> None:
    breaks = False

    async def pieces() -> AsyncIterator[bytes]:
        yield b"["
        yield b"1, " * PIECE_BYTES
        if breaks:
            raise CommandError(ErrorCode.UNAVAILABLE, "the disk is gone")
        yield b"2]"

    await serve(dispatcher, pieces)
    found = await bus.request(HISTORY, Nothing(), actor="ann")
    assert len(found) == PIECE_BYTES + 1
    breaks = True
    with pytest.raises(CommandError, match="the disk is gone"):
        await bus.request(HISTORY, Nothing(), actor="ann")


async def test_answers_to_several_callers_do_not_mix(bus: Bus, dispatcher: Dispatcher) -> None:
    started = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal started
        started += 1
        mark = str(started).encode()
        for _ in range(6):
            yield mark * PIECE_BYTES

    await serve(dispatcher, pieces)
    answers = await asyncio.gather(*(collected(bus) for _ in range(5)))
    assert {answer[:1] for answer in answers} == {b"1", b"2", b"3", b"4", b"5"}
    assert all(answer == answer[:1] * (6 * PIECE_BYTES) for answer in answers)


async def test_nothing_is_made_before_it_is_asked_for_and_a_caller_who_leaves_ends_it(
    bus: Bus, dispatcher: Dispatcher
) -> None:
    made, ended = 0, asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal made
        try:
            while True:
                made += 1
                yield b"x" * PIECE_BYTES
        finally:
            ended.set()

    await serve(dispatcher, pieces)
    answer = bus.stream(HISTORY, b"", actor="ann")
    for _ in range(3):
        await anext(answer)
    assert made <= 4  # the ones taken, and one ahead
    await answer.aclose()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_caller_who_is_gone_is_forgotten(
    bus: Bus, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "IDLE", 0.05)
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * PIECE_BYTES
        finally:
            ended.set()

    await serve(dispatcher, pieces)
    answer = bus.stream(HISTORY, b"", actor="ann")
    await anext(answer)
    async with asyncio.timeout(5):
        await ended.wait()
    with pytest.raises(CommandError) as caught:
        await anext(answer)
    assert caught.value.code is ErrorCode.EXPIRED


@pytest.mark.parametrize(
    ("fault", "code"),
    [(CommandError(ErrorCode.UPSTREAM, "no more"), ErrorCode.UPSTREAM), (RuntimeError("secret"), ErrorCode.INTERNAL)],
)
async def test_a_fault_on_the_way_is_an_error_and_not_a_short_answer(
    bus: Bus, dispatcher: Dispatcher, fault: Exception, code: ErrorCode
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * PIECE_BYTES * 2
        raise fault

    await serve(dispatcher, pieces)
    with pytest.raises(CommandError) as caught:
        await collected(bus)
    assert caught.value.code is code
    assert "secret" not in caught.value.detail


async def test_a_fault_before_the_first_piece_is_a_plain_refusal(bus: Bus, dispatcher: Dispatcher) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        if dispatcher:
            raise CommandError(ErrorCode.NOT_FOUND, "nothing there")
        yield b""

    await serve(dispatcher, pieces)
    with pytest.raises(CommandError, match="nothing there"):
        await collected(bus)


async def test_the_service_dies_on_the_way(bus: Bus, dispatcher: Dispatcher) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * PIECE_BYTES

    await serve(dispatcher, pieces)
    answer = bus.stream(HISTORY, b"", actor="ann")
    await anext(answer)
    await dispatcher.drain()
    with pytest.raises(CommandError) as caught:
        await anext(answer)
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_who_waits_for_a_piece_when_the_service_stops_is_told(bus: Bus, dispatcher: Dispatcher) -> None:
    waited_for = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 2 * PIECE_BYTES
        waited_for.set()
        await asyncio.Event().wait()

    await serve(dispatcher, pieces)
    answer = bus.stream(HISTORY, b"", actor="ann")
    await anext(answer)
    asking = asyncio.create_task(anext(answer))
    await waited_for.wait()
    await dispatcher.drain()
    with pytest.raises(CommandError) as caught:
        async with asyncio.timeout(2):  # long before the ask would be given up
            await asking
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_an_ask_that_comes_twice_gets_one_piece(settings: Settings, dispatcher: Dispatcher, bus: Bus) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(4):
            yield bytes([number]) * PIECE_BYTES

    await serve(dispatcher, pieces)
    connection = await connect(settings, "gateway_api")
    first = await connection.request(dispatcher.subjects.command(HISTORY, "ann"), b"", timeout=5)
    second = await connection.request(first.reply, b"", timeout=5)
    again = await connection.request(first.reply, b"", timeout=5)
    assert second.data[:1] == b"\x01"
    assert (again.headers or {})["Nats-Service-Error-Code"] == "expired"
    third = await connection.request(second.reply, b"", timeout=5)
    assert third.data[:1] == b"\x02"
    await connection.close()
