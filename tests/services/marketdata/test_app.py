"""The service as a process of its own, under the permissions that its contracts give it."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from nats.aio.msg import Msg

from shared.bus.client import Bus
from shared.bus.connection import connect
from shared.bus.subjects import Subjects
from shared.contracts.credentials import Nothing
from shared.contracts.declaration import OUTSIDE
from shared.contracts.marketdata import LIVE, SERVICE
from shared.contracts.marketdata.books import GET_BOOK, BookFilter
from shared.contracts.marketdata.candles import CANDLE_HISTORY, CandleRange
from shared.contracts.marketdata.feeds import FEED_SETTINGS
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation
from shared.contracts.marketdata.rules import LIST_RULES, RulesFilter
from shared.errors import CommandError
from shared.settings import EXIT_CONFIG, Settings
from tests.children import ends_with_us
from tests.eventually import eventually
from tests.servers import strict_nats
from tests.services.simulator.process import SimulatorProcess

ROOT = Path(__file__).parents[3]


class Replicas:
    """Processes of the service on a NATS that holds every user to its permissions."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._database_url = database_url
        self.server, self.seeds = strict_nats(folder / "nats", "hb")
        self.processes: list[asyncio.subprocess.Process] = []

    def settings_of(self, user: str) -> Settings:
        return Settings.model_validate({"NATS_URL": self.server.url, "NATS_SEED": self.seeds[user]})

    async def start(self, **more: str) -> asyncio.subprocess.Process:
        environment = {
            "PATH": os.environ["PATH"],
            "HUMMINGBUS_ENV_FILE": str(self._folder / "no.env"),
            "NATS_URL": self.server.url,
            "NATS_SEED": self.seeds[SERVICE],
            "DATABASE_URL": self._database_url,
            **more,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.marketdata",
            cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            preexec_fn=ends_with_us(),
        )  # fmt: skip
        self.processes.append(process)
        return process


@pytest.fixture
async def replicas(folder: Path, database_url: str) -> AsyncIterator[Replicas]:
    made = Replicas(folder, database_url)
    await made.server.start()
    yield made
    for process in made.processes:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await made.server.stop()


@pytest.fixture
async def bus(replicas: Replicas) -> AsyncIterator[Bus]:
    made = Bus(replicas.settings_of(OUTSIDE), OUTSIDE)
    await made.start()
    yield made
    await made.stop()


async def count(bus: Bus) -> int:
    """Return how many replicas say that they are ready."""
    answers = await bus.discover("PING", wait=0.1)
    return sum(answer["name"] == SERVICE and answer["metadata"]["state"] == "ready" for answer in answers)


async def serving(bus: Bus, replicas: int) -> None:
    """Wait until so many replicas serve."""

    async def all_there() -> bool:
        return await count(bus) == replicas

    await eventually(all_there, seconds=30)


async def test_replicas_serve_under_their_permissions_and_one_may_die(
    replicas: Replicas, simulator: SimulatorProcess, bus: Bus
) -> None:
    first = await replicas.start(SIMULATOR_URL=simulator.url)
    second = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 2)
    live: set[str] = set()

    async def take(message: Msg) -> None:
        live.add(message.subject)

    follower = await connect(replicas.settings_of(OUTSIDE), OUTSIDE)
    subjects = Subjects()
    for kind in LIVE:
        await follower.subscribe_directly(subjects.live_of(kind), take)
    await follower.flush()

    async def all_answers() -> None:
        assert await bus.request(LIST_RULES, RulesFilter("paper"), actor=OUTSIDE)
        assert (await bus.request(GET_BOOK, BookFilter("paper", "BTC-USDT"), actor=OUTSIDE)).bids
        worth = await bus.request(VALUE_TOKENS, Valuation("paper", ("BTC",)), actor=OUTSIDE)
        assert worth.prices["BTC"] > 0

    await asyncio.gather(*(all_answers() for _ in range(10)))
    await eventually(lambda: "hb.live.book.paper.BTC-USDT" in live)
    first.send_signal(signal.SIGKILL)
    await first.wait()
    # What the dead one had taken is lost without harm; the others are answered by the one that lives.
    answered = 0
    while answered < 10:
        try:
            await bus.request(FEED_SETTINGS, Nothing(), actor=OUTSIDE, timeout=1.0)
            answered += 1
        except CommandError:
            answered = 0
    await all_answers()
    second.send_signal(signal.SIGTERM)
    assert await second.wait() == 0
    await follower.close()


async def test_what_is_under_way_is_answered_at_the_end(
    replicas: Replicas, simulator: SimulatorProcess, bus: Bus
) -> None:
    process = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    await simulator.admin("POST", "/faults", {"kind": "latency", "path": "/api/*", "delay": 0.5})
    rules = asyncio.create_task(bus.request(LIST_RULES, RulesFilter("paper"), actor=OUTSIDE))

    async def asked() -> bool:
        _, faults = await simulator.admin("GET", "/faults")
        return bool(faults[0]["met"])

    await eventually(asked)
    process.send_signal(signal.SIGTERM)
    assert "BTC-USDT" in await rules
    assert await process.wait() == 0


async def test_a_wrong_setting_is_refused_at_the_start(replicas: Replicas) -> None:
    process = await replicas.start(MARKET_DATA_FEED_TIMEOUT="soon")
    output, _ = await process.communicate()
    assert process.returncode == EXIT_CONFIG
    assert b"MARKET_DATA_FEED_TIMEOUT" in output
    assert b"soon" not in output


async def test_a_replica_killed_during_a_download_leaves_nothing_half_stored(
    replicas: Replicas, simulator: SimulatorProcess, bus: Bus
) -> None:
    first = await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    start = 1_772_496_000
    wanted = CandleRange("paper", "BTC-USDT", "1m", start, start + 40_000 * 60 - 1)
    pieces = bus.stream(CANDLE_HISTORY, msgspec.json.encode(wanted), actor=OUTSIDE, timeout=5.0)
    assert (await anext(pieces)).startswith(b"[")
    first.send_signal(signal.SIGKILL)
    await first.wait()
    with pytest.raises(CommandError):
        async for _ in pieces:
            pass
    await simulator.admin("POST", "/faults", {"kind": "latency", "path": "/api/v3/klines", "delay": 0.0})
    await replicas.start(SIMULATOR_URL=simulator.url)
    await serving(bus, 1)
    candles = await bus.request(CANDLE_HISTORY, wanted, actor=OUTSIDE)
    assert len(candles) == 40_000
    assert all(later.timestamp - sooner.timestamp == 60 for sooner, later in itertools.pairwise(candles))
    # Some of it was stored before; the rest is asked for now.
    _, faults = await simulator.admin("GET", "/faults")
    assert 0 < faults[0]["met"] < 40
