"""`GET /events`: position, events, filters, resuming, gaps, keep-alives, limits and the end."""

import asyncio

import aiohttp
import pytest

from services.gateway_api.stream.feed import EventFeed
from services.gateway_api.stream.filters import EventFilter
from services.gateway_api.stream.ring import EventRing
from shared.contracts.credentials import (
    ACCOUNT_CREATED,
    API_KEY_REVOKED,
    CREDENTIAL_STORED,
    USER_CHANGED,
    AccountChanged,
    ApiKeyChanged,
    CredentialChanged,
    UserChanged,
)
from shared.contracts.marketdata import SERVICE as MARKETDATA
from shared.contracts.marketdata.candles import DOWNLOAD_PROGRESSED, DownloadProgress
from shared.errors import CommandError, ErrorCode
from shared.events import reader as reader_module
from shared.events.range import EventRange
from shared.settings import Settings
from tests.eventually import eventually
from tests.services.gateway_api.conftest import Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import API_KEY, CredentialsStandIn
from tests.services.gateway_api.published import Published, at
from tests.services.gateway_api.sse import SseReader


async def created(published: Published, *names: str) -> None:
    for name in names:
        await published.add(ACCOUNT_CREATED, AccountChanged(name, 1))


async def knows(edge: Edge, seq: int, marketdata: int = 0) -> None:
    """Wait until the edge has seen the event `seq`."""
    position = at(seq).replace("m0", f"m{marketdata}")

    async def at_seq() -> bool:
        async with edge.client.get(f"{edge.url}/events") as answer:
            if answer.status != 200:
                return False
            lines = [await answer.content.readline() for _ in range(2)]
            return lines[1] == f"id: {position}\n".encode()

    await eventually(at_seq)


@pytest.fixture
async def following(edge: Edge, published: Published) -> Edge:
    """An edge that has found the stream."""
    await knows(edge, 0)
    return edge


async def test_the_first_lines_tell_the_position(following: Edge, published: Published) -> None:
    await created(published, "alice")
    await knows(following, 1)
    async with SseReader(following) as reader:
        assert reader.answer.content_type == "text/event-stream"
        assert reader.answer.headers["Cache-Control"] == "no-store"
        assert "Content-Encoding" not in reader.answer.headers
        assert reader.id == at(1)


async def test_events_come_as_they_happen(following: Edge, published: Published) -> None:
    async with SseReader(following) as reader:
        envelope = await published.add(ACCOUNT_CREATED, AccountChanged("alice", 1))
        frame = await reader.next()
        assert frame is not None
        assert (frame.id, frame.kind) == (at(1), "credentials.account.created")
        assert frame.data["seq"] == 1
        assert frame.data["account"] == "alice"
        assert frame.data["data"] == {"account_name": "alice", "version": 1}
        assert frame.data["event_id"] == envelope.event_id


async def test_many_readers_get_the_same(following: Edge, published: Published) -> None:
    readers = [SseReader(following) for _ in range(20)]
    for reader in readers:
        await reader.__aenter__()
    await created(published, *"abc")
    for reader in readers:
        assert [frame.id for frame in await reader.take(3)] == [at(1), at(2), at(3)]
        reader.answer.close()


@pytest.mark.parametrize("kept", [1, 10_000])
async def test_a_reader_that_comes_back_misses_nothing(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published, kept: int
) -> None:
    edge = await start_edge(EVENTS_KEPT=kept)
    await knows(edge, 0)
    async with SseReader(edge) as reader:
        await created(published, "a", "b")
        last = (await reader.take(2))[-1].id
    await created(published, "c", "d", "e")
    await knows(edge, 5)
    async with SseReader(edge, last_event_id=last) as reader:
        assert [frame.data["account"] for frame in await reader.take(3)] == ["c", "d", "e"]
    async with SseReader(edge, f"?last_event_id={last}") as reader:
        await created(published, "f")
        assert [frame.data["account"] for frame in await reader.take(4)] == ["c", "d", "e", "f"]
    async with SseReader(edge, "?last_event_id=c0", last_event_id="c4") as reader:
        assert [frame.id for frame in await reader.take(2)] == [at(5), at(6)]


async def test_a_new_edge_knows_old_ids(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    await created(published, *"abcdef")
    edge = await start_edge()
    await knows(edge, 6)
    async with SseReader(edge, last_event_id="c2") as reader:
        assert [frame.id for frame in await reader.take(4)] == [at(3), at(4), at(5), at(6)]


async def test_what_is_no_longer_kept_is_a_gap_first(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    await created(published, *"abcdef")
    await published.lose(4)
    edge = await start_edge()
    await knows(edge, 6)
    async with SseReader(edge, last_event_id="c1") as reader:
        gap, *others = await reader.take(3)
        assert (gap.kind, gap.id) == ("gap", at(4))
        assert gap.data == {"service": "credentials", "after": 1, "next": 5, "missing": 3, "reason": "expired"}
        assert [frame.id for frame in others] == [at(5), at(6)]


@pytest.fixture
async def without_marketdata(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published, monkeypatch: pytest.MonkeyPatch
) -> Edge:
    """An edge that knows that marketdata never had a stream."""
    monkeypatch.setattr(reader_module, "_NEVER_THERE", 0.2)
    await published.never_made(MARKETDATA)
    edge = await start_edge()
    await knows(edge, 0)
    return edge


_PROGRESS = DownloadProgress("paper", "BTC-USDT", "1m", 0.0, 60.0, 0.5)


async def test_a_stream_that_never_was_there_counts_as_empty(without_marketdata: Edge, published: Published) -> None:
    async with SseReader(without_marketdata) as reader:
        await created(published, "alice")
        assert [frame.id for frame in await reader.take(1)] == [at(1)]
        await published.ensure()
        await published.publish(DOWNLOAD_PROGRESSED, _PROGRESS, 1)
        (frame,) = await reader.take(1)
        assert (frame.kind, frame.id) == ("marketdata.download.progressed", at(1).replace("m0", "m1"))
    await created(published, "bob")
    async with SseReader(without_marketdata, last_event_id=at(1)) as reader:
        assert {frame.data["service"] for frame in await reader.take(2)} == {"credentials", "marketdata"}


async def test_what_a_new_stream_does_not_hold_is_a_gap(without_marketdata: Edge, published: Published) -> None:
    async with SseReader(without_marketdata) as reader:
        await published.ensure()
        await published.publish(DOWNLOAD_PROGRESSED, _PROGRESS, 3)
        gap, frame = await reader.take(2)
        assert gap.data == {"service": "marketdata", "after": 0, "next": 3, "missing": 2, "reason": "expired"}
        assert (frame.kind, frame.data["seq"]) == ("marketdata.download.progressed", 3)


async def test_a_stream_that_is_missing_for_a_moment_is_waited_for(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    await published.never_made(MARKETDATA)
    edge = await start_edge()
    async with edge.client.get(f"{edge.url}/events") as answer:
        assert answer.status == 503
        assert "marketdata" in (await answer.json())["detail"]
    await published.ensure()
    await published.publish(DOWNLOAD_PROGRESSED, _PROGRESS, 1)
    await knows(edge, 0, marketdata=1)


async def test_a_wiped_stream_does_not_repeat_or_lose(following: Edge, published: Published) -> None:
    async with SseReader(following) as reader:
        await created(published, "a", "b")
        assert len(await reader.take(2)) == 2
        await published.wipe_and_restore()
        await created(published, "c")
        assert [frame.id for frame in await reader.take(1)] == [at(3)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?kind=credentials.credential", [at(2)]),
        ("?kind=credentials.account,credentials.user", [at(1), at(3), at(4)]),
        ("?kind=credentials.account&kind=credentials.user", [at(1), at(3), at(4)]),
        ("?account=alice", [at(1), at(2)]),
        ("?account=alice,bob", [at(1), at(2), at(3)]),
        ("?account=bob&kind=credentials.account.created", [at(3)]),
        ("?service=credentials", [at(1), at(2), at(3), at(4)]),
        ("?service=portfolio", []),
        ("?bot=grid-1", []),
    ],
)
async def test_filters(following: Edge, published: Published, query: str, expected: list[str]) -> None:
    async with SseReader(following, query, last_event_id="c0") as reader:
        await created(published, "alice")
        await published.add(CREDENTIAL_STORED, CredentialChanged("alice", "binance", ("binance",), 1))
        await created(published, "bob")
        await published.add(USER_CHANGED, UserChanged("admin"))
        await knows(following, 4)
        assert [frame.id for frame in await reader.take(len(expected))] == expected


@pytest.mark.parametrize(
    ("query", "header", "loc"),
    [
        ("?last_event_id=garbage", None, ["query", "last_event_id"]),
        ("", "garbage", ["header", "Last-Event-ID"]),
        ("", "c1.c2", ["header", "Last-Event-ID"]),
        ("?last_event_id=" + "c1" * 300, None, ["query", "last_event_id"]),
        ("?service=nowhere", None, ["query", "service"]),
        ("?kind=", None, ["query", "kind"]),
        ("?kind=" + "x" * 300, None, ["query", "kind"]),
        ("?account=" + ",".join("a" * 200), None, ["query", "account"]),
    ],
)
async def test_what_is_no_id_or_filter_is_refused(
    following: Edge, query: str, header: str | None, loc: list[str]
) -> None:
    headers = {} if header is None else {"Last-Event-ID": header}
    status, body = await following.ask("GET", f"/events{query}", headers=headers)
    assert status == 422
    assert body["detail"][0]["loc"] == loc


async def test_a_quiet_connection_is_kept_alive_and_its_id_moves_on(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    edge = await start_edge(EVENTS_KEEP_ALIVE=0.1)
    await knows(edge, 0)
    async with SseReader(edge, "?account=nobody") as reader:
        await created(published, "alice")
        async with asyncio.timeout(30):
            while reader.id != at(1):
                await reader._block()
        assert reader.comments > 0


async def test_an_id_from_the_future_is_answered_with_a_gap(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    edge = await start_edge()  # long before a keep-alive is due
    await created(published, "alice")
    await knows(edge, 1)
    async with SseReader(edge, last_event_id="c99") as reader:
        (gap,) = await reader.take(1)
        assert (gap.kind, gap.id) == ("gap", at(1))
        assert (gap.data["missing"], gap.data["reason"]) == (None, "unknown_id")
        await created(published, "bob")
        assert [frame.id for frame in await reader.take(1)] == [at(2)]


async def test_a_reader_that_does_not_read_costs_no_memory_and_misses_nothing(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    edge = await start_edge(EVENTS_KEPT=100)
    await knows(edge, 0)
    async with SseReader(edge) as slow, SseReader(edge) as quick:
        slow.answer.connection.transport.pause_reading()  # type: ignore[union-attr]
        long = "x" * 60
        total = 1500
        for number in range(total):
            await created(published, f"{number}-{long}"[:64])
        assert len(await quick.take(total)) == total
        slow.answer.connection.transport.resume_reading()  # type: ignore[union-attr]
        assert [frame.data["seq"] for frame in await slow.take(total)] == list(range(1, total + 1))


async def test_the_number_of_readers_is_bounded(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published
) -> None:
    edge = await start_edge(EVENTS_READERS=2)
    await knows(edge, 0)
    async with SseReader(edge), SseReader(edge):
        status, _ = await edge.ask("GET", "/events")
        assert status == 503

    async def again() -> bool:
        async with edge.client.get(f"{edge.url}/events") as answer:
            return answer.status == 200

    await eventually(again)


async def test_services_that_have_published_nothing_hold_nobody_up(edge: Edge, settings: Settings) -> None:
    await knows(edge, 0)
    async with SseReader(edge) as reader:
        late = Published(settings)
        await late.start()
        await created(late, "alice", "bob")
        assert [frame.data["seq"] for frame in await reader.take(2)] == [1, 2]
        await late.stop()


async def test_while_it_is_not_known_where_the_events_stand_they_cannot_be_read() -> None:
    async def kept(service: str, after: int, most: int) -> EventRange:
        raise AssertionError("nothing is read")

    feed = EventFeed(EventRing(10), kept, lambda: ["credentials"], 15, 5)
    with pytest.raises(CommandError, match="credentials") as caught:
        feed.open(EventFilter(), None)
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_they_are_for_known_callers_only_and_never_end_for_head(following: Edge) -> None:
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{following.url}/events") as answer:
        assert answer.status == 401
    async with following.client.head(f"{following.url}/events") as answer:
        assert answer.status == 405


async def test_a_stop_ends_the_streams(following: Edge, published: Published) -> None:
    async with SseReader(following) as reader:
        await created(published, "alice")
        assert len(await reader.take(1)) == 1
        async with asyncio.timeout(8):  # a stop waits 10 s for what does not end
            await following.service.drain()
            assert await reader.next() is None


async def test_a_reader_that_left_is_forgotten(following: Edge) -> None:
    async with SseReader(following):
        assert dict(following.service.health().figures)["event_readers"] == 1
    await eventually(lambda: dict(following.service.health().figures)["event_readers"] == 0)


async def test_a_revoked_key_and_a_changed_password_end_at_once(
    following: Edge, credentials: CredentialsStandIn, published: Published
) -> None:
    key = {"X-API-KEY": API_KEY, "Authorization": ""}
    assert (await following.ask("GET", "/accounts/", headers=key))[0] == 200
    assert (await following.ask("GET", "/accounts/"))[0] == 200
    credentials.keys.clear()
    credentials.password = "another"
    assert (await following.ask("GET", "/accounts/", headers=key))[0] == 200  # remembered
    await published.add(API_KEY_REVOKED, ApiKeyChanged("key-1", "name", "admin"))
    await eventually(lambda: _refused(following, key))
    assert (await following.ask("GET", "/accounts/"))[0] == 200
    await published.add(USER_CHANGED, UserChanged("admin"))
    await eventually(lambda: _refused(following, {}))


async def _refused(edge: Edge, headers: dict[str, str]) -> bool:
    return (await edge.ask("GET", "/accounts/", headers=headers))[0] == 401
