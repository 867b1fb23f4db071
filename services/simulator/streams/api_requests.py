"""Requests of the WebSocket API as they come: JSON objects with `id`, `method` and `params`."""

import msgspec

from services.simulator.rest import refusals
from services.simulator.rest.parameters import Parameters

#: The parameter that says whether the answer is to have `rateLimits`.
RATE_LIMITS = "returnRateLimits"


def decoded(message: str | bytes) -> dict[str, object]:
    """Return a message as the object that it must be.

    Raises:
        Refusal: -1135.
    """
    try:
        request = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusals.invalid_json("request") from error
    if not isinstance(request, dict):
        raise refusals.invalid_json("request")
    return request


def request_id(request: dict[str, object]) -> object:
    """Return what the answer is to be known by: a text, a number or None.

    Raises:
        Refusal: -1100.
    """
    found = request.get("id")
    if found is not None and not isinstance(found, str | int):
        raise refusals.illegal("id", "^[a-zA-Z0-9-_]{1,36}$")
    return found


def method(request: dict[str, object]) -> str:
    """Return what is asked for, without the version of the API.

    Raises:
        Refusal: -1105.
    """
    found = request.get("method")
    if not isinstance(found, str):
        raise refusals.empty("method")
    return found.removeprefix("v3/")


def sent(request: dict[str, object]) -> dict[str, object]:
    """Return the parameters.

    Raises:
        Refusal: -1135.
    """
    found = request.get("params", {})
    if not isinstance(found, dict):
        raise refusals.invalid_json("params")
    return found


def wants_rate_limits(parameters: dict[str, object]) -> bool | None:
    """Return whether the answer is to have `rateLimits`, None if the request does not say.

    Raises:
        Refusal: -1130.
    """
    if RATE_LIMITS not in parameters:
        return None
    return Parameters({RATE_LIMITS: text(parameters[RATE_LIMITS])}).flag(RATE_LIMITS)


def text(value: object) -> str:
    """Return a parameter as the text that is signed: JSON's own but for texts, which go as they are."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
