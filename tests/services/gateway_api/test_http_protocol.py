"""What is no HTTP, or too much of it."""

import json

import pytest

from shared.http.protocol import HEAD_LIMIT
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.raw_http import raw


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Request-ID: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /accounts/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    ],
)
async def test_what_is_no_http_is_refused_in_the_form_of_all_errors(edge: Edge, sent: bytes) -> None:
    async with raw(edge) as connection:
        await connection.send(sent)
        answer = await connection.answer()
        assert answer.status in (400, 401, 404)
        assert isinstance(json.loads(answer.body)["detail"], str)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * (2 * HEAD_LIMIT),
        b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 20_000,
        b"GET /" + b"x" * (2 * HEAD_LIMIT),
    ],
)
async def test_a_head_without_an_end_is_refused(edge: Edge, head: bytes) -> None:
    async with raw(edge) as connection:
        await connection.send(head)
        answer = await connection.answer()
        assert answer.status == 431
        assert "header" in json.loads(answer.body)["detail"]
        assert await connection.ended()


async def test_requests_on_one_connection_are_answered_in_their_order(edge: Edge) -> None:
    async with raw(edge) as connection:
        paths = ["/health", "/", "/nowhere", "/health"] * 5
        await connection.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
        statuses = [(await connection.answer()).status for _ in paths]
        assert statuses == [200, 200, 404, 200] * 5


async def test_a_large_body_does_not_count_as_a_head(edge: Edge) -> None:
    async with raw(edge) as connection:
        length = 4 * HEAD_LIMIT
        await connection.send(f"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        for _ in range(8):
            await connection.send(b"x" * (length // 8))
        assert (await connection.answer()).status == 405
