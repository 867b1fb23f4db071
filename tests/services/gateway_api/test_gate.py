"""What every request passes: identity, routes, rates, ids, methods, and the form of each refusal."""

import asyncio
import re

import aiohttp
import pytest
import yarl

from tests.services.gateway_api.conftest import AUTH, Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import API_KEY, PASSWORD, USERNAME, CredentialsStandIn
from tests.services.gateway_api.raw_http import raw

PUBLIC = ["/", "/health", "/ready", "/docs", "/redoc", "/openapi.json", "/asyncapi", "/asyncapi.json"]
PRIVATE = ["/accounts/", "/connectors", "/accounts/x/credentials", "/connectors/binance/config-map", "/events"]


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(username, password)}


async def stranger(edge: Edge, path: str, headers: dict[str, str] | None = None) -> aiohttp.ClientResponse:
    async with aiohttp.ClientSession() as client, client.get(edge.url + path, headers=headers) as answer:
        await answer.read()
        return answer


@pytest.mark.usefixtures("portfolio", "marketdata")
async def test_public_routes_need_no_identity_and_take_any(edge: Edge) -> None:
    for path in [*PUBLIC, "/docs/", "/ready/", "/docs/assets/swagger-ui.css"]:
        for headers in (None, basic("nobody", "wrong")):
            assert (await stranger(edge, path, headers)).status == 200, path


async def test_all_others_need_one(edge: Edge) -> None:
    for path in PRIVATE:
        answer = await stranger(edge, path)
        assert answer.status == 401, path
        assert answer.headers["WWW-Authenticate"] == "Basic"
        assert (await answer.json()) == {"detail": "Not authenticated"}


async def test_a_wrong_one_is_told_apart(edge: Edge) -> None:
    details = set()
    for headers in (basic(USERNAME, "wrong"), basic("nobody", PASSWORD), {"X-API-KEY": "wrong"}):
        answer = await stranger(edge, "/accounts/", headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Basic"
        details.add((await answer.json())["detail"])
    assert "Not authenticated" not in details
    assert len(details) == 2  # one for passwords, one for keys; a user's existence shows in neither


async def test_a_key_is_as_good_as_a_password(edge: Edge) -> None:
    assert (await stranger(edge, "/accounts/", {"X-API-KEY": API_KEY})).status == 200


async def test_an_identity_is_verified_once(edge: Edge, credentials: CredentialsStandIn) -> None:
    statuses = await asyncio.gather(*(edge.ask("GET", "/accounts/") for _ in range(30)))
    assert {status for status, _ in statuses} == {200}
    assert credentials.verifications == 1


async def test_a_restart_of_the_service_logs_nobody_out(edge: Edge, credentials: CredentialsStandIn) -> None:
    assert (await edge.ask("GET", "/accounts/"))[0] == 200
    await credentials.stop()
    assert (await edge.ask("GET", "/accounts/"))[0] == 503
    answer = await stranger(edge, "/accounts/", {"X-API-KEY": API_KEY})
    assert answer.status == 503
    assert "credentials" in (await answer.json())["detail"]
    await credentials.restart()
    assert (await edge.ask("GET", "/accounts/"))[0] == 200
    assert credentials.verifications == 1


async def test_guessing_makes_one_address_wait(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    edge = await start_edge(AUTH_FAILURE_LIMIT=3)
    for number in range(3):
        assert (await stranger(edge, "/accounts/", basic(USERNAME, f"guess-{number}"))).status == 401
    answer = await stranger(edge, "/accounts/", basic(USERNAME, "guess"))
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert isinstance((await answer.json())["detail"], str)
    assert credentials.verifications == 3
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    neighbour = aiohttp.ClientSession(connector=connector, headers=AUTH)
    async with neighbour, neighbour.get(f"{edge.url}/accounts/") as other:
        assert other.status == 200


@pytest.mark.parametrize(("trusted", "expected"), [("127.0.0.1", 401), ("", 429)])
async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    start_edge: StartEdge, credentials: CredentialsStandIn, trusted: str, expected: int
) -> None:
    edge = await start_edge(AUTH_FAILURE_LIMIT=2, TRUSTED_PROXIES=trusted)
    for number in range(2):
        headers = basic(USERNAME, f"guess-{number}") | {"X-Forwarded-For": "198.51.100.1"}
        assert (await stranger(edge, "/accounts/", headers)).status == 401
    # Only the last address is the proxy's own word; what stands before it the client may have made up.
    headers = basic(USERNAME, "guess") | {"X-Forwarded-For": "198.51.100.1, 198.51.100.2"}
    assert (await stranger(edge, "/accounts/", headers)).status == expected


async def test_a_rate_can_be_set(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    edge = await start_edge(RATE_LIMIT_PER_SECOND=0.01, RATE_LIMIT_BURST=3)
    statuses = [(await edge.ask("GET", "/accounts/"))[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    async with edge.client.get(f"{edge.url}/accounts/") as answer:
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await stranger(edge, "/accounts/", {"X-API-KEY": API_KEY})).status == 200  # another identity
    assert [(await stranger(edge, "/nowhere")).status for _ in range(4)] == [404, 404, 404, 429]
    assert {(await stranger(edge, "/health")).status for _ in range(5)} == {200}


async def test_an_unknown_route_is_404_for_everybody(edge: Edge) -> None:
    for path in ("/nowhere", "/favicon.ico", "/accounts/x/y/z", "/accounts/gateway/wallets", "/portfolio/history"):
        assert (await stranger(edge, path)).status == 404, path
        assert await edge.ask("GET", path) == (404, {"detail": "Not Found"})


async def test_the_wrong_method_is_405_and_names_the_right_ones(edge: Edge) -> None:
    for method, path, allowed in (
        ("DELETE", "/accounts/", "GET, HEAD, OPTIONS"),
        ("GET", "/accounts/add-account", "OPTIONS, POST"),
        ("PUT", "/", "GET, HEAD, OPTIONS"),
        ("HEAD", "/accounts/add-account", "OPTIONS, POST"),
    ):
        async with edge.client.request(method, edge.url + path) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == allowed


async def test_head_is_answered_as_get_without_a_body(edge: Edge) -> None:
    for path in ("/", "/accounts/", "/openapi.json"):
        async with edge.client.get(edge.url + path) as full, edge.client.head(edge.url + path) as head:
            assert head.status == 200
            assert head.headers["Content-Length"] == full.headers["Content-Length"]
            assert await head.read() == b""


async def test_every_answer_has_an_id_and_a_given_one_is_kept(edge: Edge) -> None:
    for path, status in (("/", 200), ("/nowhere", 404), ("/accounts/", 401)):
        answer = await stranger(edge, path)
        assert answer.status == status
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
        answer = await stranger(edge, path, {"X-Request-ID": "my-request_1.2"})
        assert answer.headers["X-Request-ID"] == "my-request_1.2"
    for odd in ("a b", "x" * 129, "ä", "<script>", ""):
        answer = await stranger(edge, "/", {"X-Request-ID": odd})
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"]), odd


async def test_a_trace_goes_on_and_a_broken_one_does_no_harm(edge: Edge, credentials: CredentialsStandIn) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await edge.ask("GET", "/accounts/", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert credentials.calls[-1].trace.trace_id == trace
    for odd in ("", "x", "00-0-0-0", "\xff" * 10, "00-" + "z" * 32 + "-00f067aa0ba902b7-01"):
        assert (await edge.ask("GET", "/accounts/", headers={"traceparent": odd}))[0] == 200
        assert len(credentials.calls[-1].trace.trace_id) == 32


async def test_odd_queries_are_no_defect_of_ours(edge: Edge) -> None:
    for query in ("a=1&a=2", "%ff=%ff", "%00", "=", "&&&", "a" * 10_000, "account_name=x&account_name=y", "a[b][c]=1"):
        async with edge.client.get(yarl.URL(f"{edge.url}/accounts/?{query}", encoded=True)) as answer:
            assert answer.status == 200, query
    for query in ("kind=%ff", "last_event_id=%00", "last_event_id=c1&last_event_id=x"):
        async with edge.client.get(yarl.URL(f"{edge.url}/events?{query}", encoded=True)) as answer:
            assert answer.status in (422, 503), query


async def test_odd_paths_are_no_defect_of_ours(edge: Edge) -> None:
    paths = (
        "//",
        "///accounts//",
        "/accounts/..;/",
        "/%00",
        "/%",
        "/%zz",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/.",
        "/*",
        "/a" * 3000,
    )
    for path in paths:
        async with raw(edge) as connection:
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH['Authorization']}\r\n\r\n"
            await connection.send(head.encode())
            assert (await connection.answer()).status in (200, 404), path


@pytest.mark.usefixtures("portfolio", "marketdata")
async def test_nothing_is_compressed_or_redirected_that_is_small(edge: Edge) -> None:
    for path in (*PUBLIC[:3], "/accounts", "/accounts/"):
        async with edge.client.get(edge.url + path, allow_redirects=False) as answer:
            assert answer.status == 200
            assert "Content-Encoding" not in answer.headers


async def test_cors_is_closed_unless_it_is_opened(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    closed = await start_edge()
    answer = await stranger(closed, "/", {"Origin": "https://app.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    opened = await start_edge(CORS_ORIGINS="https://app.example, https://other.example")
    answer = await stranger(opened, "/accounts/", {"Origin": "https://app.example"})
    assert answer.status == 401  # a page may read why it was refused
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    answer = await stranger(opened, "/", {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with aiohttp.ClientSession() as client:
        async with client.options(f"{opened.url}/accounts/add-account", headers=asks) as answer:
            assert answer.status == 204
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
            assert answer.headers["Vary"] == "Origin"
        async with client.options(f"{closed.url}/accounts/add-account", headers=asks) as answer:
            assert answer.status == 401


async def test_a_page_of_another_origin_cannot_change_anything(
    start_edge: StartEdge, credentials: CredentialsStandIn
) -> None:
    edge = await start_edge(CORS_ORIGINS="https://app.example")
    path = "/accounts/add-account?account_name=alice"
    for headers, expected in (
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example"}, 201),
        ({"Sec-Fetch-Site": "same-origin", "Origin": edge.url}, 400),  # there is one now
    ):
        assert (await edge.ask("POST", path, headers=headers))[0] == expected, headers
    assert (await edge.ask("GET", "/accounts/", headers={"Sec-Fetch-Site": "cross-site"}))[0] == 200


async def test_cors_may_be_open_for_all(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    edge = await start_edge(CORS_ORIGINS="*")
    answer = await stranger(edge, "/", {"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
