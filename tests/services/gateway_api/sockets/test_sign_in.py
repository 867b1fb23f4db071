"""Who may open a socket, and how it is refused."""

import base64
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from shared.contracts.credentials import API_KEY_REVOKED, USER_CHANGED, ApiKeyChanged, UserChanged
from tests.eventually import eventually
from tests.services.gateway_api.conftest import AUTH, Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import API_KEY, PASSWORD, USERNAME, CredentialsStandIn
from tests.services.gateway_api.published import Published
from tests.services.gateway_api.sockets.conftest import SocketClient, figures

TOKEN = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


async def opened(session: aiohttp.ClientSession, edge: Edge, query: str = "", **headers: str) -> SocketClient:
    return SocketClient(await session.ws_connect(f"{edge.url}/ws/market-data{query}", headers=headers))


@pytest.fixture
async def session() -> Any:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", AUTH),
        ("", {"X-API-KEY": API_KEY}),
        (f"?token={TOKEN}", {}),
        (f"?token={TOKEN.replace('+', '%20')}", {}),
        (f"?username={quote(USERNAME)}&password={quote(PASSWORD)}", {}),
        ("?token=wrong", AUTH),
    ],
)
async def test_proofs(session: aiohttp.ClientSession, edge: Edge, query: str, headers: dict[str, str]) -> None:
    client = await opened(session, edge, query, **headers)
    frame = await client.next()
    assert (frame["type"], len(frame["connection_id"])) == ("connected", 8)
    assert figures(edge.service)["sockets"] == 1


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("", {"Authorization": "Basic ????"}),
        ("", {"X-API-KEY": "hb_wrong"}),
        (f"?token={TOKEN}", {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}),  # it does not fall through
        ("?token=", {}),
        ("?token=%ff%fe", {}),
        ("?username=admin", {}),
        ("?username=admin&password=wrong", {}),
        ("", {**AUTH, "Origin": "https://elsewhere.example"}),  # the browser's own doing
    ],
)
async def test_no_proof_is_told_and_ends(
    session: aiohttp.ClientSession, edge: Edge, query: str, headers: dict[str, str]
) -> None:
    client = await opened(session, edge, query, **headers)
    frame = await client.next()
    assert frame["type"] == "error"
    assert frame["message"]
    assert (await client.closed())[0] == 4001
    assert figures(edge.service)["sockets"] == 0


async def test_a_page_of_this_origin_or_an_allowed_one_may(
    start_edge: StartEdge, credentials: CredentialsStandIn, session: aiohttp.ClientSession
) -> None:
    edge = await start_edge(CORS_ORIGINS="https://mine.example")
    for origin in (edge.url, "https://mine.example"):
        client = await opened(session, edge, **AUTH, Origin=origin)
        assert (await client.next())["type"] == "connected"
    client = await opened(session, edge, f"?token={TOKEN}", Origin="https://elsewhere.example")
    assert (await client.next())["type"] == "connected"  # it knows the password


async def test_guesses_are_counted_with_those_of_requests(
    start_edge: StartEdge, credentials: CredentialsStandIn, session: aiohttp.ClientSession
) -> None:
    edge = await start_edge(AUTH_FAILURE_LIMIT=3)
    for number in range(3):
        client = await opened(session, edge, f"?username=admin&password=wrong{number}")
        assert (await client.next())["type"] == "error"
    client = await opened(session, edge, f"?token={TOKEN}")
    assert "Too many" in (await client.next())["message"]
    assert (await client.closed())[0] == 4001
    assert (await edge.ask("GET", "/accounts/"))[0] == 429


async def test_while_nobody_can_verify_it_is_no_wrong_password(
    start_edge: StartEdge, session: aiohttp.ClientSession
) -> None:
    edge = await start_edge()
    client = await opened(session, edge, **AUTH)
    message = (await client.next())["message"]
    assert "credentials" in message
    assert not any(code in message for code in ("401", "403", "404"))
    assert (await client.closed())[0] == 1013


async def test_too_many_sockets_are_told(
    start_edge: StartEdge, credentials: CredentialsStandIn, session: aiohttp.ClientSession
) -> None:
    edge = await start_edge(MARKET_DATA_WS_CONNECTIONS=1)
    first = await opened(session, edge, **AUTH)
    assert (await first.next())["type"] == "connected"
    second = await opened(session, edge, **AUTH)
    assert (await second.next())["type"] == "error"
    assert (await second.closed())[0] == 1013
    await first.socket.close()
    await eventually(lambda: figures(edge.service)["sockets"] == 0)
    third = await opened(session, edge, **AUTH)
    assert (await third.next())["type"] == "connected"


async def test_who_is_shut_out_loses_the_socket(
    start_edge: StartEdge, credentials: CredentialsStandIn, published: Published, session: aiohttp.ClientSession
) -> None:
    edge = await start_edge()

    async def placed() -> bool:
        async with edge.client.get(f"{edge.url}/events") as answer:
            return answer.status == 200

    await eventually(placed)
    by_key = await opened(session, edge, **{"X-API-KEY": API_KEY})
    by_password = await opened(session, edge, **AUTH)
    for client in (by_key, by_password):
        assert (await client.next())["type"] == "connected"
    key_id = next(one.caller.key_id for one in edge.service._sockets._connections if one.caller.key_id)
    await published.add(API_KEY_REVOKED, ApiKeyChanged(key_id, "bot", USERNAME))
    assert (await by_key.next())["type"] == "error"
    assert (await by_key.closed())[0] == 4001
    assert (await by_password.ask(action="ping"))["type"] == "pong"
    await published.add(USER_CHANGED, UserChanged(USERNAME))
    assert (await by_password.next())["type"] == "error"
    assert (await by_password.closed())[0] == 4001


async def test_no_secret_of_the_address_is_logged(
    edge: Edge, session: aiohttp.ClientSession, capfd: pytest.CaptureFixture[str]
) -> None:
    for query in (f"?token={TOKEN}", "?username=admin&password=wrong-Xq81"):
        await (await opened(session, edge, query)).next()
    written = "".join(capfd.readouterr())
    assert TOKEN not in written
    assert "wrong-Xq81" not in written
