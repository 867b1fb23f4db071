"""Request bodies: how large, and JSON that may be anything until it has been read."""

import asyncio
import re
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.types import HTTPRequestEvent, Receive, Send

from services.gateway_api.errors import HttpError, unprocessable
from shared.bus.invalid import field_error
from shared.errors import FieldError

B = TypeVar("B")

#: What a client still sends when its body was refused is read and dropped up to here, so that it sees the answer
#: instead of a broken connection.
_LINGER_BYTES = 256 * 1024 * 1024
_LINGER_SECONDS = 10.0

_JSON_TYPES = frozenset({"", "application/json", "text/json"})
#: A string, with the value behind it where it is the name of a number that JSON does not know. One without an end goes
#: to the end of all, so that no text is looked at twice.
_STRING = re.compile(
    rb'"(?P<name>(?:[^"\\]|\\.|\\\Z)*+)(?:"|\Z)(?:\s*:\s*(?P<value>[-+]?(?:NaN|nan|Infinity|inf))\b)?', re.DOTALL
)
#: What a field is called; other text is not repeated.
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
#: What bytes that are no JSON end in. ValueError: not UTF-8, or a number of 5,000 digits.
_NOT_JSON = (msgspec.DecodeError, ValueError, RecursionError)


def too_large(limit: int) -> HttpError:
    """Return the error for a body of more than `limit` bytes."""
    return HttpError(413, f"The request body is larger than {limit} bytes")


async def read_unsized(receive: Receive, limit: int) -> bytes:
    """Return a body that came without a length.

    Raises:
        HttpError: 413 as soon as it turns out larger than `limit` bytes.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)  # the client is gone
        body += message["body"]
        if len(body) > limit:
            raise too_large(limit)
        if not message["more_body"]:
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body` first, as if it had come in one piece."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        event: HTTPRequestEvent = {"type": "http.request", "body": body, "more_body": False}
        return event

    return again


async def answer(error: HttpError, send: Send) -> None:
    """Send `error`."""
    await _start(error, send)
    await send({"type": "http.response.body", "body": error.body(), "more_body": False})


async def answer_and_linger(error: HttpError, receive: Receive, send: Send) -> None:
    """Send `error` at once and close the connection when the rest of the request has come, or too much of it."""
    await _start(error, send, (b"connection", b"close"))
    await send({"type": "http.response.body", "body": error.body(), "more_body": True})
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            dropped, more = 0, True
            while more and dropped < _LINGER_BYTES:
                message = await receive()
                more = message["type"] == "http.request" and message["more_body"]
                dropped += len(message["body"]) if message["type"] == "http.request" else 0
    except TimeoutError:
        pass  # a client that is this slow may well see a broken connection
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _start(error: HttpError, send: Send, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(error.body())), *more]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in error.headers]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})


async def read_body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[B], limit: int) -> B:
    """Return what the body of `request` holds; no body stands for an empty object.

    Raises:
        HttpError: 413 if it has more than `limit` bytes, 422 with what does not fit.
    """
    return decode(await read_json(request, limit), decoder)


async def read_json(request: Request[Any, Any, Any], limit: int) -> bytes:
    """Return the body of `request`, which is said to be JSON; no body stands for an empty object.

    Raises:
        HttpError: 413 if it has more than `limit` bytes, 422 if it is said to be something else.
    """
    body = await _whole_body(request.receive)
    if not body:
        return b"{}"
    if len(body) > limit:
        raise too_large(limit)
    _check_type(_content_type(request.scope["headers"]))
    return body


def decode(body: bytes, decoder: msgspec.json.Decoder[B]) -> B:
    """Return what `body` holds.

    Decoded from the bytes themselves: a decimal that is written as a number never becomes a double.

    Raises:
        HttpError: 422 with what does not fit.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        fault = field_error(error)
        raise unprocessable(FieldError(("body", *fault.loc), fault.msg, fault.type)) from None
    except _NOT_JSON:
        raise _not_json(body) from None


async def _whole_body(receive: Receive) -> bytes:
    """Return a body that the gate has let in, and so is not endless. Litestar's own way costs a third of the edge."""
    message = await receive()
    if message["type"] != "http.request":
        return b""  # the client is gone
    if not message["more_body"]:
        return message["body"]
    return message["body"] + await read_unsized(receive, sys.maxsize)


def json_object(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON object that `body` holds.

    Raises:
        HttpError: 422 if it is not said to be JSON, or is not, or is something else than an object.
    """
    _check_type(content_type)
    try:
        value = msgspec.json.decode(body)
    except _NOT_JSON:
        raise _not_json(body) from None
    if not isinstance(value, dict):
        raise unprocessable(FieldError(("body",), "Expected an object", "type_error"))
    return value


def _check_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _JSON_TYPES and not media_type.endswith("+json"):
        raise unprocessable(FieldError(("header", "content-type"), "Expected application/json", "content_type"))


def _not_json(body: bytes) -> HttpError:
    for found in _STRING.finditer(body):
        if found["value"] is not None:
            # Python's json writes these, and so do clients that have divided by zero.
            text = f"{found['value'].decode()} is not a number that JSON knows"
            name = found["name"].decode(errors="replace")
            loc = ("body", name) if _FIELD.fullmatch(name) else ("body",)
            return unprocessable(FieldError(loc, text, "json_invalid"))
    return unprocessable(FieldError(("body",), "Not valid JSON", "json_invalid"))


def _content_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the header; Litestar's own way to it makes objects of all of them, which costs more than the body."""
    return next((value.decode("latin-1") for name, value in headers if name == b"content-type"), "")
