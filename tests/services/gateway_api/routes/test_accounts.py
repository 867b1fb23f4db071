"""Accounts and credentials over HTTP: every form of a request, and what is sent to the service for it."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
import yarl

from shared.contracts.credentials import MASTER_ACCOUNT
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.credentials_stand_in import USERNAME, WRONG_KEY, CredentialsStandIn


@pytest.mark.parametrize("path", ["/accounts", "/accounts/"])
async def test_accounts_are_listed_with_and_without_a_slash(edge: Edge, path: str) -> None:
    async with edge.client.get(edge.url + path, allow_redirects=False) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert await answer.json() == [MASTER_ACCOUNT]


async def test_the_caller_asks_as_their_own_actor(edge: Edge, credentials: CredentialsStandIn) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await edge.ask("GET", "/accounts/", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert credentials.calls[-1].actor == USERNAME
    assert credentials.calls[-1].trace.trace_id == trace


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "form",
    [
        {"params": {"account_name": "alice"}},
        {"json": {"account_name": "alice"}},
        {"json": {"account_name": "alice", "note": "fields that we do not know are ignored"}},
        {"params": {"account_name": "alice"}, "json": {"account_name": "bob"}},
        {"params": {"account_name": "alice"}, "data": b"\xff not JSON", "headers": {"content-type": "text/plain"}},
        {"data": b'{"account_name":"alice"}', "headers": {"content-type": "application/json; charset=utf-8"}},
    ],
)
async def test_an_account_is_created_and_deleted(
    edge: Edge, credentials: CredentialsStandIn, form: dict[str, Any], slash: str
) -> None:
    status, body = await edge.ask("POST", f"/accounts/add-account{slash}", **form)
    assert status == 201
    assert "alice" in body["message"]
    assert set(credentials.accounts) == {MASTER_ACCOUNT, "alice"}
    status, body = await edge.ask("POST", f"/accounts/delete-account{slash}", **form)
    assert status == 200
    assert "alice" in body["message"]
    assert set(credentials.accounts) == {MASTER_ACCOUNT}


_BAD_FORMS: list[tuple[dict[str, Any], list[str], str]] = [
    ({}, ["query", "account_name"], "missing"),
    ({"params": {"account_name": ""}}, ["query", "account_name"], "string_pattern_mismatch"),
    ({"params": {"account_name": "a.b"}}, ["query", "account_name"], "string_pattern_mismatch"),
    ({"params": {"account_name": "a\x00b"}}, ["query", "account_name"], "string_pattern_mismatch"),
    ({"params": {"account_name": "alice\n"}}, ["query", "account_name"], "string_pattern_mismatch"),
    ({"params": {"account_name": "x" * 300}}, ["query", "account_name"], "length_error"),
    ({"json": {}}, ["body", "account_name"], "missing"),
    ({"json": {"account_name": 7}}, ["body", "account_name"], "type_error"),
    ({"json": {"account_name": None}}, ["body", "account_name"], "type_error"),
    ({"json": {"account_name": "a/b"}}, ["body", "account_name"], "string_pattern_mismatch"),
    ({"json": {"account_name": "x" * 300}}, ["body", "account_name"], "length_error"),
    ({"json": ["alice"]}, ["body"], "type_error"),
    ({"json": None, "data": b"null"}, ["header", "content-type"], "content_type"),
    ({"data": b'{"account_name":', "headers": {"content-type": "application/json"}}, ["body"], "json_invalid"),
    ({"data": {"account_name": "alice"}}, ["header", "content-type"], "content_type"),
]


@pytest.mark.parametrize("path", ["/accounts/add-account", "/accounts/delete-account"])
async def test_a_name_that_does_not_fit_is_refused(edge: Edge, credentials: CredentialsStandIn, path: str) -> None:
    for form, loc, kind in _BAD_FORMS:
        status, body = await edge.ask("POST", path, **form)
        assert status == 422, form
        (fault,) = body["detail"]
        assert set(fault) == {"loc", "msg", "type"}
        assert (fault["loc"], fault["type"]) == (loc, kind), form
    assert set(credentials.accounts) == {MASTER_ACCOUNT}


_BAD_NAMES = ["a.b", "a/b", "a b", "*", ">", "a\x00b", "ä", "..", "x" * 300, "a\n", "\ufffd", "%2F"]


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/accounts/{}/credentials", "account_name"),
        ("GET", "/connectors/{}/config-map", "connector_name"),
        ("POST", "/accounts/add-credential/{}/binance", "account_name"),
        ("POST", "/accounts/add-credential/alice/{}", "connector_name"),
        ("POST", "/accounts/delete-credential/{}/binance", "account_name"),
        ("POST", "/accounts/delete-credential/alice/{}", "connector_name"),
    ],
)
async def test_a_name_in_the_path_that_does_not_fit_is_refused(edge: Edge, method: str, path: str, field: str) -> None:
    body = {"binance_api_key": "k"} if method == "POST" else None
    for name in _BAD_NAMES:
        quoted = quote(name, safe="").replace(".", "%2E")  # clients resolve plain dots by themselves
        url = yarl.URL(edge.url + path.format(quoted), encoded=True)
        async with edge.client.request(method, url, json=body) as answer:
            assert answer.status == 422, ascii(name)
            (fault,) = (await answer.json())["detail"]
        assert fault["loc"] == ["path", field], ascii(name)
        assert fault["type"] in ("string_pattern_mismatch", "length_error")


async def test_bytes_that_are_no_text_in_a_name_are_refused(edge: Edge) -> None:
    for path in ("/accounts/%ff/credentials", "/accounts/%C0%AF/credentials"):
        async with edge.client.get(yarl.URL(edge.url + path, encoded=True)) as answer:
            assert answer.status == 422
    async with edge.client.post(yarl.URL(edge.url + "/accounts/add-account?account_name=%ff", encoded=True)) as answer:
        assert answer.status == 422


async def test_faults_that_the_service_finds_keep_their_code_and_name(edge: Edge) -> None:
    for method, path, expected, named in (
        ("POST", f"/accounts/add-account?account_name={MASTER_ACCOUNT}", 400, MASTER_ACCOUNT),
        ("POST", f"/accounts/delete-account?account_name={MASTER_ACCOUNT}", 400, MASTER_ACCOUNT),
        ("POST", "/accounts/delete-account?account_name=nobody", 404, "nobody"),
        ("GET", "/accounts/nobody/credentials", 404, "nobody"),
        ("POST", "/accounts/delete-credential/nobody/binance", 404, "nobody"),
        ("POST", f"/accounts/delete-credential/{MASTER_ACCOUNT}/binance", 404, "binance"),
    ):
        status, body = await edge.ask(method, path)
        assert status == expected
        assert named in body["detail"]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_credential_is_stored_listed_and_deleted(
    edge: Edge, credentials: CredentialsStandIn, slash: str
) -> None:
    values = {"binance_api_key": {"nested": ["anything"], "number": 7}}
    status, body = await edge.ask("POST", f"/accounts/add-credential/{MASTER_ACCOUNT}/binance{slash}", json=values)
    assert (status, body) == (201, {"message": "Stored, unverified"})
    assert credentials.accounts[MASTER_ACCOUNT] == {"binance": values}
    status, body = await edge.ask("GET", f"/accounts/{MASTER_ACCOUNT}/credentials{slash}")
    assert (status, body) == (200, ["binance"])
    status, body = await edge.ask("POST", f"/accounts/delete-credential/{MASTER_ACCOUNT}/binance{slash}")
    assert status == 200
    assert "binance" in body["message"]
    assert credentials.accounts[MASTER_ACCOUNT] == {}


_JSON = {"content-type": "application/json"}


_BAD_BODIES: list[tuple[dict[str, Any], list[str] | None, str]] = [
    ({"json": {}}, ["body", "binance_api_key"], "missing"),
    ({"json": []}, ["body"], "type_error"),
    ({"json": "text"}, ["body"], "type_error"),
    ({"data": b"", "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b"{", "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b'{"a": NaN}', "headers": _JSON}, ["body", "a"], "json_invalid"),
    ({"data": b'{"a": "\xff"}', "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b'{"a": "\\ud800"}', "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b'{"a":' + b"[" * 100_000, "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b"[" * 50_000 + b"]" * 50_000, "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": b'{"binance_api_key":' + b"9" * 5_000 + b"}", "headers": _JSON}, ["body"], "json_invalid"),
    ({"data": {"binance_api_key": "form"}}, ["header", "content-type"], "content_type"),
    ({"data": b"binance_api_key=1", "headers": {"content-type": "text/plain"}}, None, "content_type"),
]


async def test_a_body_that_is_no_object_of_values_is_refused(edge: Edge, credentials: CredentialsStandIn) -> None:
    for form, loc, kind in _BAD_BODIES:
        status, body = await edge.ask("POST", f"/accounts/add-credential/{MASTER_ACCOUNT}/binance", **form)
        assert status == 422, str(form)[:80]
        (fault,) = body["detail"]
        assert fault["type"] == kind, str(form)[:80]
        assert loc is None or fault["loc"] == loc
    assert credentials.accounts[MASTER_ACCOUNT] == {}


@pytest.mark.parametrize(
    "value",
    [2**63, -(2**70), 10**400, 1e308, "\x00", "\U0001f600", [[[[[{}]]]]], None, True],
    ids=lambda v: ascii(v)[:20],
)
async def test_odd_values_reach_the_service_as_they_are(
    edge: Edge, credentials: CredentialsStandIn, value: object
) -> None:
    body = json.dumps({"binance_api_key": value}).encode()
    status, _ = await edge.ask("POST", f"/accounts/add-credential/{MASTER_ACCOUNT}/binance", data=body, headers=_JSON)
    assert status == 201
    sent = msgspec.json.decode(credentials.calls[-1].body)
    assert sent["values"] == msgspec.json.decode(body)


async def test_a_credential_that_the_bus_cannot_carry_is_too_large(edge: Edge) -> None:
    values = {"binance_api_key": "x" * 2_000_000}
    status, body = await edge.ask("POST", f"/accounts/add-credential/{MASTER_ACCOUNT}/binance", json=values)
    assert status == 413
    assert "bytes" in body["detail"]


async def test_a_secret_is_not_repeated_in_an_error(edge: Edge) -> None:
    path = f"/accounts/add-credential/{MASTER_ACCOUNT}/binance"
    async with edge.client.post(edge.url + path, json={"wrong": "my-secret-value"}) as answer:
        assert answer.status == 422
        assert "my-secret-value" not in await answer.text()


async def test_a_change_without_a_key_gets_one(edge: Edge, credentials: CredentialsStandIn) -> None:
    async with edge.client.post(f"{edge.url}/accounts/add-account?account_name=alice") as answer:
        assert answer.status == 201
        key = answer.headers["Idempotency-Key"]
    assert credentials.calls[-1].key == key


async def test_the_same_key_gives_the_first_outcome_and_another_content_a_conflict(
    edge: Edge, credentials: CredentialsStandIn
) -> None:
    headers = {"Idempotency-Key": "my-key_1"}
    for _ in range(2):
        async with edge.client.post(f"{edge.url}/accounts/add-account?account_name=alice", headers=headers) as answer:
            assert answer.status == 201
            assert answer.headers["Idempotency-Key"] == "my-key_1"
    assert credentials.calls[-1].key == "my-key_1"
    status, body = await edge.ask("POST", "/accounts/add-account?account_name=bob", headers=headers)
    assert status == 409
    assert isinstance(body["detail"], str)


@pytest.mark.parametrize("key", ["a b", "a.b", "x" * 129, "ä", ""])
async def test_a_key_that_does_not_fit_is_refused(edge: Edge, key: str) -> None:
    headers = {"Idempotency-Key": key}
    status, body = await edge.ask("POST", "/accounts/add-account?account_name=alice", headers=headers)
    assert status == 422
    assert body["detail"][0]["loc"] == ["header", "Idempotency-Key"]


async def test_a_question_after_a_change_names_its_events(edge: Edge, credentials: CredentialsStandIn) -> None:
    await edge.ask("GET", "/accounts/")
    assert not credentials.calls[-1].after
    await edge.ask("POST", "/accounts/add-account?account_name=alice")
    await edge.ask("POST", "/accounts/add-account?account_name=bob")
    await edge.ask("GET", "/accounts/")
    assert credentials.calls[-1].after == (1, 2)


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_does_not_come_leaves_the_outcome_unknown(
    edge: Edge, credentials: CredentialsStandIn
) -> None:
    credentials.hangs = True
    async with edge.client.post(f"{edge.url}/accounts/add-account?account_name=alice") as answer:
        assert answer.status == 504
        body = await answer.json()
        assert body["idempotency_key"] == answer.headers["Idempotency-Key"] == credentials.calls[-1].key
        assert "credentials" in body["detail"]
    status, body = await edge.ask("GET", "/accounts/")
    assert status == 503  # a question that was not answered has changed nothing
    assert "credentials" in body["detail"]


async def test_a_service_that_is_away_is_named(edge: Edge, credentials: CredentialsStandIn) -> None:
    assert (await edge.ask("GET", "/accounts/"))[0] == 200
    await credentials.stop()
    for method, path in (("GET", "/accounts/"), ("POST", "/accounts/add-account?account_name=alice")):
        async with edge.client.request(method, edge.url + path) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
            assert "credentials" in (await answer.json())["detail"]
    await credentials.restart()
    assert (await edge.ask("GET", "/accounts/"))[0] == 200


async def test_many_requests_at_once_each_get_their_answer(edge: Edge, credentials: CredentialsStandIn) -> None:
    async def create(name: str) -> None:
        status, body = await edge.ask("POST", f"/accounts/add-account?account_name={name}")
        assert status == 201
        assert name in body["message"]

    await asyncio.gather(*(create(f"account-{number}") for number in range(100)))
    assert len(credentials.accounts) == 101


async def test_a_large_answer_is_compressed_for_those_who_take_it(edge: Edge, credentials: CredentialsStandIn) -> None:
    credentials.accounts |= {f"account-{number:04}": {} for number in range(2_000)}
    raw = aiohttp.ClientSession(auto_decompress=False, headers=dict(edge.client.headers))
    async with raw, raw.get(f"{edge.url}/accounts/", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert int(answer.headers["Content-Length"]) < 16_000
    async with edge.client.get(f"{edge.url}/accounts/", headers={"Accept-Encoding": "identity, gzip;q=0"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert len(await answer.json()) == 2_001
    assert len((await edge.ask("GET", "/accounts/"))[1]) == 2_001


async def test_keys_that_the_exchange_refuses_are_told_with_its_reason(
    edge: Edge, credentials: CredentialsStandIn
) -> None:
    path = f"/accounts/add-credential/{MASTER_ACCOUNT}/binance"
    assert (await edge.ask("POST", path, json={"binance_api_key": "right"}))[0] == 201
    status, body = await edge.ask("POST", path, json={"binance_api_key": WRONG_KEY})
    assert status == 400
    assert "Invalid API-key" in body["detail"]
    assert WRONG_KEY not in body["detail"]
    assert credentials.accounts[MASTER_ACCOUNT]["binance"] == {"binance_api_key": "right"}
