"""A simulator for each test of streams."""

from collections.abc import AsyncIterator

import pytest

from tests.services.simulator.streams.running import Running, running


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """A running simulator."""
    async with running() as simulator:
        yield simulator
