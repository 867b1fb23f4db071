"""A session lets go of its exchange to the end, whatever it was doing when it is stopped."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.portfolio.sessions.desired import SessionKey
from services.portfolio.sessions.session import OwnedSession
from shared.exchanges.errors import KeysRefused
from shared.leases import Lease


class SlowDesk:
    """What is open of a session; it takes a moment to be closed."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self.closed = False

    async def stop(self) -> None:
        self.closing.set()
        await asyncio.sleep(0.05)
        self.closed = True


async def _release(_: SessionKey) -> None:
    """Answer no more commands."""


async def test_a_session_that_is_stopped_while_it_closes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    tools: Any = SimpleNamespace(dispatcher=SimpleNamespace(release=_release), commits=None)
    key = SessionKey("main", "paper")
    session, desk = OwnedSession(tools, key, Lease(key.lease, "here", 1), 1), SlowDesk()

    async def refused_when_open(_: Any) -> None:
        monkeypatch.setattr(session, "_desk", desk)
        raise KeysRefused("its keys are not valid any more")

    monkeypatch.setattr(session, "_open_and_serve", refused_when_open)
    session.start()
    async with asyncio.timeout(10):
        await desk.closing.wait()
        await session.stop()
    assert desk.closed
