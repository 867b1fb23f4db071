"""The one table of status codes."""

import json
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.testing import AsyncTestClient

from services.gateway_api.application import application
from services.gateway_api.errors import STATUS, STATUS_OF_COMMAND, RefusedCommand, of_command, of_exception
from shared.contracts.catalogue import COMMANDS
from shared.contracts.credentials import CREATE_ACCOUNT, PUT_CREDENTIAL
from shared.errors import CommandError, ErrorCode, FieldError

EXPECTED = {
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


def body(error: Exception) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(of_exception(error).body())
    return parsed


def test_every_code_has_its_status() -> None:
    assert dict(STATUS) == EXPECTED
    assert set(STATUS) == set(ErrorCode)


def test_exceptions_are_for_commands_that_can_end_so() -> None:
    declared = {(command.key, code) for command in COMMANDS for code in command.errors}
    assert set(STATUS_OF_COMMAND) <= declared
    assert of_command(CommandError(ErrorCode.EXISTS, "x"), CREATE_ACCOUNT).status == 400
    assert of_command(CommandError(ErrorCode.EXISTS, "x"), PUT_CREDENTIAL).status == 409


@pytest.mark.parametrize("code", sorted(set(ErrorCode) - {ErrorCode.INVALID, ErrorCode.OUTCOME_UNKNOWN}))
def test_a_body_is_a_sentence(code: ErrorCode) -> None:
    assert body(CommandError(code, "why")) == {"detail": "why"}


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.BUSY, ErrorCode.EXPIRED])
def test_what_was_not_done_may_be_repeated_soon(code: ErrorCode) -> None:
    assert ("retry-after", "1") in of_command(CommandError(code, "why")).headers


def test_an_unknown_outcome_has_the_key_to_ask_by() -> None:
    error = CommandError(ErrorCode.OUTCOME_UNKNOWN, "why", key="k-1")
    assert body(error) == {"detail": "why", "idempotency_key": "k-1"}
    assert ("idempotency-key", "k-1") in of_command(error).headers
    assert body(CommandError(ErrorCode.OUTCOME_UNKNOWN, "why")) == {"detail": "why"}


def test_fields_stand_where_they_do_in_the_request() -> None:
    faults = tuple(
        FieldError(loc, "m", "t") for loc in (("account_name",), ("values", "key", 0), ("body", "x"), ("other",), ())
    )
    error = of_command(CommandError(ErrorCode.INVALID, "d", faults), PUT_CREDENTIAL, frozenset({"account_name"}))
    assert [fault["loc"] for fault in json.loads(error.body())["detail"]] == [
        ["path", "account_name"],
        ["body", "key", 0],
        ["body", "x"],
        ["body", "other"],
        ["body"],
    ]


def test_without_fields_it_is_a_list_all_the_same() -> None:
    detail = body(CommandError(ErrorCode.INVALID, "too odd"))["detail"]
    assert detail == [{"loc": ["body"], "msg": "too odd", "type": "value_error"}]


def failing() -> Litestar:
    @get("/defect", sync_to_thread=False)
    def defect() -> None:
        raise RuntimeError("a secret: hunter2")

    @get("/refused", sync_to_thread=False)
    def refused() -> None:
        raise RefusedCommand(CREATE_ACCOUNT, CommandError(ErrorCode.EXISTS, "there is one"))

    return application([defect, refused], 1000)


async def test_a_defect_of_ours_says_nothing_of_itself() -> None:
    async with AsyncTestClient(failing()) as client:
        answer = await client.get("/defect")
        assert answer.status_code == 500
        assert answer.json() == {"detail": "Internal Server Error"}
        assert (await client.get("/refused")).status_code == 400
