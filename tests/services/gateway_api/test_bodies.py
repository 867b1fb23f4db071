"""Bodies that are too large, with and without a length, and what their sender sees."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway_api.bodies import json_object
from services.gateway_api.errors import HttpError
from tests.services.gateway_api.conftest import AUTH, Edge, StartEdge
from tests.services.gateway_api.credentials_stand_in import CredentialsStandIn
from tests.services.gateway_api.raw_http import raw

MEBIBYTE = 1024 * 1024
PATH = "/accounts/add-account"


async def chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // MEBIBYTE):
        yield b" " * MEBIBYTE


@pytest.mark.parametrize("authorized", [True, False])
async def test_a_body_of_50_mb_is_refused_and_its_sender_sees_why(edge: Edge, authorized: bool) -> None:
    headers = {} if authorized else {"Authorization": ""}
    before = psutil.Process().memory_info().rss
    for body in (b" " * (50 * MEBIBYTE), chunks(50 * MEBIBYTE)):
        async with edge.client.post(edge.url + PATH, data=body, headers=headers) as answer:
            # Without a length nobody reads the body before it is known who sends it.
            assert answer.status == (413 if authorized or isinstance(body, bytes) else 401)
            assert isinstance((await answer.json())["detail"], str)
        del body
    assert psutil.Process().memory_info().rss - before < 150 * MEBIBYTE  # the client's own copy among it
    assert (await edge.ask("GET", "/accounts/"))[0] == 200


async def test_it_is_refused_before_it_is_sent(edge: Edge) -> None:
    async with raw(edge) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {50 * MEBIBYTE}\r\n\r\n"
        await connection.send(head.encode())
        answer = await connection.answer()
        assert answer.status == 413
        assert answer.headers["connection"] == "close"
        assert answer.headers["x-request-id"]


async def test_a_client_that_waits_for_leave_to_send_gets_none(edge: Edge) -> None:
    async with raw(edge) as connection:
        length = 50 * MEBIBYTE
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        await connection.send(head.encode())
        assert (await connection.answer()).status == 413


async def test_chunks_are_counted(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    edge = await start_edge(BODY_LIMIT_MB=0.001)
    async with raw(edge) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH['Authorization']}\r\n"
        await connection.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        await connection.send(b"400\r\n" + b" " * 1024 + b"\r\n400\r\n" + b" " * 1024 + b"\r\n")
        assert (await connection.answer()).status == 413


async def test_the_limit_itself_passes(start_edge: StartEdge, credentials: CredentialsStandIn) -> None:
    edge = await start_edge(BODY_LIMIT_MB=1)
    name = b'{"account_name": "alice"}'
    for length, status in ((MEBIBYTE, 201), (MEBIBYTE + 1, 413)):
        body = name + b" " * (length - len(name))
        given_status, _ = await edge.ask("POST", PATH, data=body, headers={"content-type": "application/json"})
        assert given_status == status


async def test_a_body_in_chunks_is_read_whole(edge: Edge, credentials: CredentialsStandIn) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"account', b'_name":', b'"alice"}'):
            yield piece
            await asyncio.sleep(0)

    status, _ = await edge.ask("POST", PATH, data=pieces(), headers={"content-type": "application/json"})
    assert status == 201
    assert "alice" in credentials.accounts


async def test_a_length_that_no_number_holds_is_refused(edge: Edge) -> None:
    for length in ("9" * 30, "-1", "abc"):
        async with raw(edge) as connection:
            await connection.send(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            assert (await connection.answer()).status in (400, 413)


@pytest.mark.parametrize(
    ("body", "loc", "named"),
    [
        (b'{"amount": NaN}', ["body", "amount"], "NaN"),
        (b'{"a": "x\\": NaN", "price" :\n-Infinity, "b": 1}', ["body", "price"], "-Infinity"),
        (b'{"nested": {"deep": [1], "price": Infinity}}', ["body", "price"], "Infinity"),
        (b'{"s3cret of somebody": NaN}', ["body"], "NaN"),
    ],
)
def test_a_number_that_json_does_not_know_is_named(body: bytes, loc: list[str], named: str) -> None:
    with pytest.raises(HttpError) as caught:
        json_object(body, "application/json")
    (fault,) = json.loads(caught.value.body())["detail"]
    assert fault == {"loc": loc, "msg": f"{named} is not a number that JSON knows", "type": "json_invalid"}


@pytest.mark.parametrize("body", [b'{"a": "b: NaN"', b'{"a": NaNs}', b'{"a": "NaN}', b"[NaN]", b'{"a": "\\'])
def test_what_is_no_json_otherwise_is_just_that(body: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        json_object(body, "application/json")
    (fault,) = json.loads(caught.value.body())["detail"]
    assert (fault["loc"], fault["msg"]) == (["body"], "Not valid JSON")


@pytest.mark.parametrize("piece", [b'"', b'\\"', b'"a":', b'"a": ', b"\\"])
def test_what_is_no_json_is_looked_at_once(piece: bytes) -> None:
    began = time.process_time()
    with pytest.raises(HttpError):
        json_object(b'{"' + piece * 100_000 + b"\\", "application/json")
    assert time.process_time() - began < 1.0


_TYPES = st.sampled_from(["", "application/json", "application/problem+json", "text/plain", "application/x-www-form"])


@given(st.binary(max_size=100) | st.text().map(str.encode), _TYPES)
def test_whatever_comes_is_an_object_or_refused(body: bytes, content_type: str) -> None:
    with suppress(HttpError):
        assert isinstance(json_object(body, content_type), dict)
