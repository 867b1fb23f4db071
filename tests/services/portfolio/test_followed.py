"""The views of the portfolio together: one read of the tables, one stream, whatever comes late, twice or not at all."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from services.portfolio.followed import PortfolioViews
from services.portfolio.sessions.desired import SessionKey
from shared.bus.connection import connect
from shared.bus.messages import MESSAGE_ID
from shared.bus.subjects import Subjects
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.balances import BALANCES_CHANGED
from shared.contracts.portfolio.orders import ORDER_CHANGED, OrderFilter, OrderPage, OrderStatus
from shared.contracts.portfolio.sessions import SESSION_CHANGED, SessionState
from shared.database.change import Told
from shared.database.pool import Database
from shared.events.envelope import Envelope, encode
from tests.conftest import SettingsFor
from tests.eventually import eventually
from tests.services.portfolio.recorded import Recorder, balances, order, session, trade

MAIN = SessionKey("main", "paper")


@pytest.fixture
def attention() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def views(
    settings_for: SettingsFor, database: Database, attention: asyncio.Event
) -> AsyncIterator[PortfolioViews]:
    """Views of a replica, not started."""
    views = PortfolioViews(settings_for("portfolio"), database, attention)
    yield views
    await views.stop()


def active(views: PortfolioViews) -> dict[str, int]:
    """Return the versions of the active orders."""
    sessions = {(account, "paper") for account in ("main", "other", "z")}
    page = views.orders.page(OrderFilter(limit=1000), sessions)
    found = msgspec.json.decode(msgspec.json.encode(page), type=OrderPage)
    return {one.client_order_id: one.version for one in found.orders}


async def test_they_are_filled_from_the_tables_and_follow_the_stream(views: PortfolioViews, recorder: Recorder) -> None:
    await recorder(order("a"), balances({"BTC": "1"}), session())
    await views.start()
    assert active(views) == {"a": 1}
    assert views.balances.get(MAIN) == balances({"BTC": "1"})
    assert views.sessions.get(MAIN) == session()
    waiting = session(SessionState.WAITING, version=2, reason="maintenance")
    await recorder(
        order("a", status=OrderStatus.FILLED, version=2), trade(order_id="a"), order("b"),
        balances({"BTC": "2"}, version=2), waiting,
    )  # fmt: skip
    await eventually(lambda: views.position == 8)
    assert active(views) == {"b": 1}
    assert views.balances.get(MAIN) == balances({"BTC": "2"}, version=2)
    assert views.sessions.get(MAIN) == waiting


async def test_an_own_commit_is_seen_before_the_stream_brings_it(views: PortfolioViews, recorder: Recorder) -> None:
    await views.start()
    told: Told = [
        (ORDER_CHANGED, order("a")), (BALANCES_CHANGED, balances({"BTC": "1"})), (SESSION_CHANGED, session()),
    ]  # fmt: skip
    views.committed(told, (10**9,))
    assert active(views) == {"a": 1}
    assert views.balances.get(MAIN) is not None
    assert views.holds((10**9,))


async def test_an_order_that_ended_here_is_not_brought_back_by_the_stream(
    views: PortfolioViews, recorder: Recorder
) -> None:
    await views.start()
    views.committed([(ORDER_CHANGED, order("a", version=3, status=OrderStatus.CANCELLED))], ())
    await recorder(order("a", version=1), order("a", version=2, status=OrderStatus.PARTIALLY_FILLED))
    await recorder(order("b"))
    await eventually(lambda: views.position == 3)
    assert active(views) == {"b": 1}


async def test_what_the_stream_has_left_out_is_repaired_from_the_tables(
    views: PortfolioViews, recorder: Recorder, settings_for: SettingsFor, attention: asyncio.Event
) -> None:
    await recorder(order("ends"))
    await views.start()
    await eventually(lambda: views.position == 1)
    await recorder.stop()
    # Written by somebody whose events never get into the stream.
    await recorder(order("ends", version=2, status=OrderStatus.FILLED), order("new"), balances({"SOL": "4"}))
    settings = settings_for("portfolio")
    event = Envelope(99, SERVICE, "x", datetime.now(UTC), "x", None, None, None, 99, msgspec.Raw(b"{}"))
    client = await connect(settings, "portfolio")
    subject = Subjects(settings.namespace).event(SESSION_CHANGED, ("main", "paper"))
    await client.jetstream().publish(subject, encode(event), headers={MESSAGE_ID: event.id})
    await client.close()
    await asyncio.wait_for(attention.wait(), 30)
    assert active(views) == {"ends": 1}
    await views.repair()
    assert active(views) == {"new": 1}
    assert views.balances.get(MAIN) == balances({"SOL": "4"})


async def test_several_replicas_hold_what_the_tables_hold(
    seed: int, recorder: Recorder, settings_for: SettingsFor, database: Database
) -> None:
    """Orders live and end at random, told to one replica at once and to the others by the stream, while one reloads."""
    chance = random.Random(seed)
    replicas = [PortfolioViews(settings_for("portfolio"), database, asyncio.Event()) for _ in range(3)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    versions: dict[str, int] = {}
    ended: set[str] = set()
    told = 0

    async def change(name: str) -> None:
        nonlocal told
        versions[name] = versions.get(name, 0) + 1
        status = chance.choice([OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED])
        if status.is_final or name in ended:
            ended.add(name)
            status = OrderStatus.CANCELLED
        changed = order(name, version=versions[name], status=status)
        told += 1
        event_ids = await recorder(changed)
        replicas[chance.randrange(3)].committed([(ORDER_CHANGED, changed)], event_ids)

    for _ in range(40):
        names = chance.sample([f"o{number}" for number in range(30)], 4)
        await asyncio.gather(*(change(name) for name in names), replicas[chance.randrange(3)].reload())
    await eventually(lambda: all(replica.position == told for replica in replicas))
    expected = {name: version for name, version in versions.items() if name not in ended}
    assert [active(replica) for replica in replicas] == [expected] * 3
    await asyncio.gather(*(replica.stop() for replica in replicas))
