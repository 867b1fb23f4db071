"""How a route says what it is in the OpenAPI document: what it answers and which errors it has, with examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.header import OpenAPIHeader

SECURITY: tuple[dict[str, list[str]], ...] = ({"basicAuth": []}, {"apiKeyAuth": []})

#: Errors of every route that may be sent a body: by whose page, how large, what stands in it.
OF_A_BODY = (403, 413, 422)
#: Errors of every route that answers with what an exchange says: against a rule, not there, unfit, not reached.
OF_AN_EXCHANGE = (400, 404, 422, 502)

_NULL = msgspec.Raw(b"null")


class Error(msgspec.Struct, frozen=True):
    """Why a request was refused, as a sentence."""

    detail: str


class Fault(msgspec.Struct, frozen=True):
    """One part of the input that does not fit: where it stands, what is wrong and what kind of fault that is."""

    loc: list[str | int]
    msg: str
    type: str


class ValidationError(msgspec.Struct, frozen=True):
    """Every part of the input that does not fit. Values are not repeated: they could be secrets."""

    detail: list[Fault]


class OutcomeUnknown(msgspec.Struct, frozen=True, omit_defaults=True):
    """The change was sent, but no answer came: it may have been made. Asking again with the key is safe."""

    detail: str
    idempotency_key: str | None = None


_SENTENCES: dict[int, tuple[str, str]] = {
    400: ("Against a rule", "master_account cannot be deleted"),
    401: ("Missing or wrong credentials", "Incorrect username or password"),
    403: ("Sent by a page of another origin", "Pages of other origins may change nothing; see CORS_ORIGINS"),
    404: ("Unknown name", "Account 'alice' does not exist"),
    409: ("The idempotency key was used for another request", "The key was used with another content before"),
    413: ("Body too large", "The request body is larger than 10485760 bytes"),
    429: ("Too many requests, or too many wrong passwords from this address", "Too many requests"),
    502: ("An exchange failed", "binance could not be asked: the connection was refused"),
    503: ("A part of the system is away; nothing was done", "the service credentials is not running"),
}
_FAULT_EXAMPLE = {"loc": ["path", "account_name"], "msg": "Only letters, digits, hyphens and underscores are allowed"}


def error(status: int, example: str | None = None) -> ResponseSpec:
    """Return what the document says of the error `status`."""
    if status == 422:
        value: Any = {"detail": [{**_FAULT_EXAMPLE, "type": "string_pattern_mismatch"}]}
        return response(ValidationError, "The input does not fit", value)
    if status == 504:
        value = {"detail": "credentials did not answer within 5 s; it may have been done", "idempotency_key": "5f1c0a"}
        return response(OutcomeUnknown, "The outcome is unknown", value)
    description, detail = _SENTENCES[status]
    return response(Error, description, {"detail": example or detail})


def response(kind: Any, description: str, value: object, media_type: str = "application/json") -> ResponseSpec:
    return ResponseSpec(
        kind,
        generate_examples=False,
        description=description,
        media_type=media_type,
        examples=[Example(summary="Example", value=_with_nulls(value))],
    )


def _with_nulls(value: Any) -> Any:
    """Return `value` with each None as what is written for it: Litestar leaves out the keys of an example's Nones."""
    if isinstance(value, dict):
        return {key: _with_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    return _NULL if value is None else value


@dataclass
class PlainOperation(Operation):
    """An operation without the 400 that Litestar adds to each one that has parameters: we answer 422."""

    def __post_init__(self) -> None:
        responses = self.responses or {}
        for status, response in list(responses.items()):
            if isinstance(response, OpenAPIResponse):
                if _is_added(response):
                    del responses[status]
                elif status in ("429", "503"):
                    response.headers = {"Retry-After": OpenAPIHeader(schema=Schema(type="integer"))}  # type: ignore[arg-type]


def _is_added(response: OpenAPIResponse) -> bool:
    content = (response.content or {}).get("application/json")
    schema = content.schema if content is not None else None
    return isinstance(schema, Schema) and "status_code" in (schema.properties or {})


def json_body(schema: Schema, description: str, example: object, *, required: bool) -> type[Operation]:
    """Return the class of an operation that takes a JSON body which its route reads by itself."""

    @dataclass
    class WithBody(PlainOperation):
        def __post_init__(self) -> None:
            super().__post_init__()
            examples = {"example": Example(summary="Example", value=example)}
            content = {"application/json": OpenAPIMediaType(schema=schema, examples=examples)}  # type: ignore[arg-type]
            self.request_body = RequestBody(content, description, required)

    return WithBody


def operation(
    operation_id: str,
    summary: str,
    result: Any,
    example: object,
    *,
    tag: str,
    status: int = 200,
    errors: Iterable[int] = (),
    public: bool = False,
    description: str | None = None,
    media_type: str = "application/json",
    success: str = "Done",
    kind: type[Operation] = PlainOperation,
    more: Mapping[int, ResponseSpec] | None = None,
) -> dict[str, Any]:
    """Return the keyword arguments of a route's decorator that document it.

    `result` is the type of the body that a success has, `errors` the codes besides those of every route,
    `more` answers with bodies of their own.
    """
    codes = sorted({*errors, *(() if public else (401, 503)), 429})
    responses = {code: error(code) for code in codes} | dict(more or {})
    responses[status] = response(result, success, example, media_type)
    return {
        "operation_id": operation_id,
        "operation_class": kind,
        "summary": summary,
        "description": description,
        "responses": responses,
        "security": [] if public else list(SECURITY),
        "status_code": status,
        "tags": [tag],
    }
