"""What ends by itself is started again; what can't be helped by that is not."""

import asyncio

import pytest

from hummingbus.stack.errors import StartError
from hummingbus.stack.keeper import Keeper


class _Part:
    """A part whose starts fail as `faults` says, one after the other, and which then ends when told."""

    def __init__(self, *faults: StartError | None) -> None:
        self.pid: int | None = None
        self.starts = 0
        self._faults = iter(faults)
        self._ends: asyncio.Queue[int] = asyncio.Queue()

    async def start(self) -> None:
        self.starts += 1
        if (fault := next(self._faults, None)) is not None:
            raise fault
        self.pid = self.starts

    async def wait(self) -> int:
        return await self._ends.get()

    async def stop(self) -> None:
        self.hasten()

    def hasten(self) -> None:
        self._ends.put_nowait(-9)


class _Lines:
    """What was said, and a way to wait for it."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str] = asyncio.Queue()

    def say(self, text: str) -> None:
        self._said.put_nowait(text)

    async def next(self) -> str:
        return await self._said.get()


def _keeper(part: _Part, lines: _Lines, changes: list[int | None], attempts: int = 3) -> Keeper:
    return Keeper("edge", part, lines.say, lambda: changes.append(part.pid), first_attempts=attempts)


async def test_a_first_start_that_fails_is_tried_again() -> None:
    part, lines, changes = _Part(StartError("no luck")), _Lines(), list[int | None]()
    await _keeper(part, lines, changes).first_start()
    assert await lines.next() == "no luck; trying again"
    assert part.starts == 2
    assert changes == [2]


async def test_a_first_start_gives_up() -> None:
    part, lines = _Part(*[StartError("no luck")] * 9), _Lines()
    with pytest.raises(StartError, match="no luck"):
        await _keeper(part, lines, []).first_start()
    assert part.starts == 3


async def test_wrong_settings_are_not_tried_again() -> None:
    part = _Part(StartError("CONFIG_PASSWORD is wrong", 78))
    with pytest.raises(StartError, match="CONFIG_PASSWORD"):
        await _keeper(part, _Lines(), []).first_start()
    assert part.starts == 1


async def test_what_ends_is_started_again_until_it_runs_whatever_the_fault() -> None:
    part, lines, changes = _Part(None, StartError("no luck"), StartError("wrong", 78)), _Lines(), list[int | None]()
    keeper = _keeper(part, lines, changes)
    await keeper.first_start()
    keeping = asyncio.ensure_future(keeper.keep())
    part.hasten()
    assert [await lines.next() for _ in range(4)] == [
        "edge ended (killed by signal 9), starting it again",
        "no luck; trying again",
        "wrong; trying again",
        "edge is back",
    ]
    assert part.starts == 4
    keeping.cancel()
