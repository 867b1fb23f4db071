"""What each error is to an HTTP client: the one table of status codes, and the body `{"detail": …}`."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.params import ParameterKwarg

from shared.bus.invalid import field_error
from shared.contracts.credentials import CREATE_ACCOUNT
from shared.contracts.declaration import AnyCommand
from shared.errors import CommandError, ErrorCode, FieldError
from shared.telemetry.logs import logger

STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.INVALID: 422,
    ErrorCode.REFUSED: 400,
    ErrorCode.EXISTS: 409,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.BUSY: 503,
    ErrorCode.EXPIRED: 503,
    ErrorCode.OUTCOME_UNKNOWN: 504,
    ErrorCode.UPSTREAM: 502,
    ErrorCode.INTERNAL: 500,
}

#: Where the Hummingbot API has another code for a command than the table.
STATUS_OF_COMMAND: Mapping[tuple[str, ErrorCode], int] = {(CREATE_ACCOUNT.key, ErrorCode.EXISTS): 400}

_NOT_DONE = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.BUSY, ErrorCode.EXPIRED})
#: Seconds after which a request that found a service away may be worth repeating.
_RETRY_AFTER = "1"

Headers = tuple[tuple[str, str], ...]

_encoder = msgspec.json.Encoder()
_log = logger("edge")


class HttpError(Exception):
    """A request that ends with `status` and a body `{"detail": …, **more}`."""

    def __init__(self, status: int, detail: object, headers: Headers = (), **more: object) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more

    def body(self) -> bytes:
        """Return the body as JSON."""
        return _encoder.encode({"detail": self.detail, **self.more})


class RefusedCommand(Exception):
    """A command that ended in an error, with the command, as some have codes of their own."""

    def __init__(self, command: AnyCommand, error: CommandError) -> None:
        super().__init__(str(error))
        self.command = command
        self.error = error


def unprocessable(*faults: FieldError) -> HttpError:
    """Return the error for input that does not fit, with each field's fault."""
    return HttpError(422, [{"loc": list(fault.loc), "msg": fault.msg, "type": fault.type} for fault in faults])


def of_command(
    error: CommandError, command: AnyCommand | None = None, path_names: frozenset[str] = frozenset()
) -> HttpError:
    """Return the HTTP error for `error`; `path_names` are the request's fields that stand in the path."""
    status = STATUS[error.code]
    if command is not None:
        status = STATUS_OF_COMMAND.get((command.key, error.code), status)
    if status == 422:
        faults = error.fields or (FieldError((), error.detail, "value_error"),)
        return unprocessable(*(FieldError(_place(f.loc, path_names), f.msg, f.type) for f in faults))
    if error.code is ErrorCode.OUTCOME_UNKNOWN:
        more = {} if error.key is None else {"idempotency_key": error.key}
        headers = () if error.key is None else (("idempotency-key", error.key),)
        return HttpError(status, error.detail, headers, **more)
    return HttpError(status, error.detail, (("retry-after", _RETRY_AFTER),) if error.code in _NOT_DONE else ())


def _place(loc: tuple[str | int, ...], path_names: frozenset[str]) -> tuple[str | int, ...]:
    """Return where a field of a command stands in the HTTP request."""
    if loc and loc[0] in path_names:
        return ("path", *loc)
    if loc and loc[0] == "values":  # the whole body is the map of values
        return ("body", *loc[1:])
    return loc if loc and loc[0] == "body" else ("body", *loc)


def of_exception(  # noqa: PLR0911
    exception: Exception, request: Request[Any, Any, Any] | None = None
) -> HttpError:
    """Return the HTTP error for whatever ended a request; a defect of ours is logged and says nothing of itself."""
    match exception:
        case HttpError():
            return exception
        case RefusedCommand():
            path_names = frozenset(request.path_params) if request is not None else frozenset()
            return of_command(exception.error, exception.command, path_names)
        case CommandError():
            return of_command(exception)
        case ValidationException() if request is not None:
            return unprocessable(*_faults(exception, request))
        case NotFoundException():
            return HttpError(404, "Not Found")
        case MethodNotAllowedException():
            return HttpError(405, "Method Not Allowed", (("allow", _allowed(exception)),))
        case HTTPException() if exception.status_code < 500:
            return HttpError(exception.status_code, exception.detail)
        case _:
            _log.error("request failed", exc_info=exception)
            return HttpError(500, "Internal Server Error")


def _allowed(exception: MethodNotAllowedException) -> str:
    """Return the methods that a path has, HEAD included, which the gate turns into a GET."""
    methods = {method.strip() for method in (exception.headers or {}).get("allow", "").split(",")}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _faults(exception: ValidationException, request: Request[Any, Any, Any]) -> list[FieldError]:
    """Return what Litestar found wrong with the parameters of a request, in our own form and without their values."""
    faults = []
    for found in exception.extra if isinstance(exception.extra, list) else ():
        fault = field_error(msgspec.ValidationError(str(found.get("message", ""))))
        faults.append(FieldError(_parameter(str(found.get("key", "")), request), fault.msg, fault.type))
    return faults or [FieldError(("query",), "A parameter is missing or cannot be read", "value_error")]


def _parameter(key: str, request: Request[Any, Any, Any]) -> tuple[str, ...]:
    """Return where the parameter of a route stands in the request, by the name that it has there."""
    name, *rest = key.split(".")
    field = request.route_handler.parsed_fn_signature.parameters.get(name)
    definition = field.kwarg_definition if field is not None else None
    if isinstance(definition, ParameterKwarg):
        return (definition.param_type.value, definition.name or name, *rest)
    return ("query", name, *rest)


def respond(request: Request[Any, Any, Any], exception: Exception) -> Response[bytes]:
    """Answer a request that ended in `exception`; Litestar's handler for all of them."""
    error = of_exception(exception, request)
    return Response(error.body(), status_code=error.status, headers=dict(error.headers), media_type="application/json")
