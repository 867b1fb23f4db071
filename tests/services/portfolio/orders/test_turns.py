"""Turns of the same name come one after the other, in the order of their coming; others do not wait."""

import asyncio

from services.portfolio.orders.turns import Turns


async def test_the_same_name_waits_in_order_and_others_do_not() -> None:
    turns = Turns()
    seen: list[str] = []
    let_go = asyncio.Event()

    async def take(name: str, label: str, hold: asyncio.Event | None = None) -> None:
        async with turns.of(name):
            seen.append(label)
            if hold is not None:
                await hold.wait()

    first = asyncio.create_task(take("a", "a1", let_go))
    others = [asyncio.create_task(take(name, label)) for name, label in (("a", "a2"), ("a", "a3"), ("b", "b1"))]
    await others[2]
    assert seen == ["a1", "b1"]
    let_go.set()
    await asyncio.gather(first, *others)
    assert seen == ["a1", "b1", "a2", "a3"]


async def test_one_who_gives_up_does_not_keep_the_others() -> None:
    turns = Turns()
    let_go = asyncio.Event()

    async def take(hold: asyncio.Event) -> None:
        async with turns.of("a"):
            await hold.wait()

    first, second = asyncio.create_task(take(let_go)), asyncio.create_task(take(let_go))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with turns.of("a"):
        pass
