"""Every path of the REST API asks for what it is documented to ask for, and none is left out of these tests."""

import time
from urllib.parse import urlencode

import pytest

from services.simulator.rest.catalogue import ROUTES
from tests.services.simulator.rest.paths import PATHS, Asked, of
from tests.services.simulator.rest.venue_server import Client, signature


def test_every_path_that_is_served_is_documented_here() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == {asked.name for asked in PATHS}
    for route in ROUTES:
        if route.names is not None:
            (asked,) = (one for one in PATHS if one.name == f"{route.method} {route.path}")
            assert route.names == set(asked.parameters), asked.name


def _ask(client: Client, asked: Asked, api_key: str | None, query: str = "") -> tuple[int, int]:
    headers = {} if api_key is None else {"X-MBX-APIKEY": api_key}
    answer = client.http.request(asked.method, f"{asked.path}?{query}", headers=headers)
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("asked", [*of("signed"), *of("key")], ids=lambda asked: asked.name)
def test_who_has_no_key_is_refused(anonymous: Client, asked: Asked) -> None:
    query = f"timestamp={int(time.time() * 1000)}&signature=0"

    assert _ask(anonymous, asked, None, query) == (401, -2014)
    assert _ask(anonymous, asked, "k" * 64, query) == (401, -2015)


@pytest.mark.parametrize("asked", of("signed"), ids=lambda asked: asked.name)
def test_what_is_unsigned_or_stale_is_refused(trader: Client, asked: Asked) -> None:
    assert trader.account is not None
    key, secret, now = trader.account.api_key, trader.account.api_secret, int(time.time() * 1000)

    def signed(**parameters: object) -> str:
        query = urlencode(parameters)
        return f"{query}&signature={signature(secret, query)}"

    assert _ask(trader, asked, key, "signature=0") == (400, -1102)
    assert _ask(trader, asked, key, f"timestamp={now}") == (400, -1102)
    assert _ask(trader, asked, key, f"timestamp={now}&signature={'0' * 64}") == (400, -1022)
    assert _ask(trader, asked, key, signed(timestamp="soon")) == (400, -1100)
    assert _ask(trader, asked, key, signed(timestamp=now - 60_000)) == (400, -1021)
    assert _ask(trader, asked, key, signed(timestamp=now + 60_000)) == (400, -1021)
    assert _ask(trader, asked, key, signed(timestamp=now, recvWindow=60_001)) == (400, -1131)


def test_a_path_that_is_not_there_is_refused(trader: Client) -> None:
    for method, path in (
        ("GET", "/api/v3/nothing"),
        ("POST", "/api/v3/ping"),
        ("PATCH", "/api/v3/order"),
        ("GET", "/"),
    ):
        answer = trader.public(path, method)
        assert (answer.status_code, answer.json()["code"]) == (404, -5000)
