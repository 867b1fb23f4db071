"""`/accounts`: accounts and their credentials."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.openapi.spec import Example, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import QueryParameter

from services.gateway_api.answers import Answer
from services.gateway_api.bodies import json_object, too_large
from services.gateway_api.commands import Commands
from services.gateway_api.documents.operation import OF_A_BODY, PlainOperation, json_body, operation
from services.gateway_api.errors import Headers, unprocessable
from services.gateway_api.routes.parameters import AccountName, ConnectorName, IdempotencyKey
from shared.bus.invalid import field_error
from shared.contracts.credentials import (
    CREATE_ACCOUNT,
    DELETE_ACCOUNT,
    DELETE_CREDENTIAL,
    LIST_ACCOUNTS,
    LIST_CREDENTIALS,
    PUT_CREDENTIAL,
    AccountRef,
    CredentialPut,
    CredentialRef,
)
from shared.errors import FieldError
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN

_TAG = "Accounts"
#: A credential is a few kilobytes; the bus takes 1 MiB.
_CREDENTIAL_LIMIT = 256 * 1024
#: Errors of every route that changes something.
_CHANGE = (*OF_A_BODY, 409, 504)

_NAMED = 'The name may also stand in a JSON body, as `{"account_name": "alice"}`; one in the query goes before it.'

_encoder = msgspec.json.Encoder()


class Message(msgspec.Struct, frozen=True):
    """What was done, as a sentence."""

    message: str


QueryAccountName = Annotated[
    str | None,
    QueryParameter(
        name="account_name",
        pattern=NAME_PATTERN,
        max_length=NAME_MAX_LENGTH,
        required=False,
        description="The name of an account.",
        examples=[Example(value="alice")],
    ),
]


@dataclass
class _NamedOperation(PlainOperation):
    """An operation on the account that the query or the body names.

    OpenAPI cannot say that it is one or the other. What the document says is what the official client does.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter in self.parameters or ():
            if isinstance(parameter, Parameter) and parameter.name == "account_name":
                parameter.required = True


_CREDENTIAL_BODY = json_body(
    Schema(type=OpenAPIType.OBJECT, additional_properties=True),
    "Values by the names of the connector's config map. An unknown name is refused.",
    {"binance_api_key": "your key", "binance_api_secret": "your secret"},
    required=True,
)


def account_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""

    @get("/", **operation("list_accounts", "List accounts", list[str], ["master_account"], tag=_TAG))
    async def list_accounts() -> Answer:
        return await commands.query(LIST_ACCOUNTS)

    @get(
        "/{account_name:str}/credentials",
        **operation(
            "list_account_credentials",
            "List the connectors that an account has credentials for",
            list[str],
            ["binance", "kucoin"],
            tag=_TAG,
            errors=(404, 422),
        ),
    )
    async def list_account_credentials(account_name: AccountName) -> Answer:
        return await commands.query(LIST_CREDENTIALS, AccountRef(account_name))

    @post(
        "/add-account",
        **operation(
            "add_account",
            "Create an account",
            Message,
            {"message": "Account 'alice' was created"},
            tag=_TAG,
            status=201,
            errors=(400, *_CHANGE),
            description=_NAMED,
            kind=_NamedOperation,
        ),
    )
    async def add_account(
        request: Request[Any, Any, Any], account_name: QueryAccountName = None, idempotency_key: IdempotencyKey = None
    ) -> Answer:
        account = await _account(request, account_name)
        _, headers = await commands.change(CREATE_ACCOUNT, account, idempotency_key)
        return _done(f"Account '{account.account_name}' was created", headers, status=201)

    @post(
        "/delete-account",
        **operation(
            "delete_account",
            "Delete an account with its credentials",
            Message,
            {"message": "Account 'alice' was deleted"},
            tag=_TAG,
            errors=(400, 404, *_CHANGE),
            description=_NAMED,
            kind=_NamedOperation,
        ),
    )
    async def delete_account(
        request: Request[Any, Any, Any], account_name: QueryAccountName = None, idempotency_key: IdempotencyKey = None
    ) -> Answer:
        account = await _account(request, account_name)
        _, headers = await commands.change(DELETE_ACCOUNT, account, idempotency_key)
        return _done(f"Account '{account.account_name}' was deleted", headers)

    @post(
        "/add-credential/{account_name:str}/{connector_name:str}",
        **operation(
            "add_credential",
            "Store a credential, in place of an earlier one",
            Message,
            {"message": "The credential for binance was stored; its keys are not verified yet"},
            tag=_TAG,
            status=201,
            errors=(400, 404, *_CHANGE),
            kind=_CREDENTIAL_BODY,
        ),
    )
    async def add_credential(
        request: Request[Any, Any, Any],
        account_name: AccountName,
        connector_name: ConnectorName,
        idempotency_key: IdempotencyKey = None,
    ) -> Answer:
        body = await request.body()
        if len(body) > _CREDENTIAL_LIMIT:
            raise too_large(_CREDENTIAL_LIMIT)
        values = json_object(body, request.headers.get("content-type", ""))
        credential = CredentialPut(account_name, connector_name, values)
        stored, headers = await commands.change(PUT_CREDENTIAL, credential, idempotency_key)
        return _done(stored.message, headers, status=201)

    @post(
        "/delete-credential/{account_name:str}/{connector_name:str}",
        **operation(
            "delete_credential",
            "Delete a credential",
            Message,
            {"message": "The credential for binance was deleted"},
            tag=_TAG,
            errors=(404, *_CHANGE),
        ),
    )
    async def delete_credential(
        account_name: AccountName, connector_name: ConnectorName, idempotency_key: IdempotencyKey = None
    ) -> Answer:
        credential = CredentialRef(account_name, connector_name)
        _, headers = await commands.change(DELETE_CREDENTIAL, credential, idempotency_key)
        return _done(f"The credential for {connector_name} was deleted", headers)

    return Router(
        "/accounts",
        route_handlers=[
            list_accounts,
            list_account_credentials,
            add_account,
            delete_account,
            add_credential,
            delete_credential,
        ],
    )


async def _account(request: Request[Any, Any, Any], name: str | None) -> AccountRef:
    """Return the account that the query names, else the one that the body names.

    Raises:
        HttpError: 422 if neither does, or with what does not fit.
    """
    if name is not None:
        return AccountRef(name)
    body = await request.body()
    if not body:
        raise unprocessable(FieldError(("query", "account_name"), "Field required", "missing"))
    try:
        return msgspec.convert(json_object(body, request.headers.get("content-type", "")), AccountRef)
    except msgspec.ValidationError as error:
        fault = field_error(error)
        raise unprocessable(FieldError(("body", *fault.loc), fault.msg, fault.type)) from None


def _done(message: str, headers: Headers, status: int = 200) -> Answer:
    return Answer(_encoder.encode(Message(message)), status, headers)
