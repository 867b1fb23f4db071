"""Parameters that many routes share, with their rules and examples."""

from typing import Annotated

from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, PathParameter

from shared.bus.messages import KEY_MAX_LENGTH
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN

AccountName = Annotated[
    str,
    PathParameter(
        pattern=NAME_PATTERN,
        max_length=NAME_MAX_LENGTH,
        description="The name of an account.",
        examples=[Example(value="master_account")],
    ),
]
ConnectorName = Annotated[
    str,
    PathParameter(
        pattern=NAME_PATTERN,
        max_length=NAME_MAX_LENGTH,
        description="The name of a connector, as `GET /connectors/` lists it.",
        examples=[Example(value="binance")],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        pattern=NAME_PATTERN,
        max_length=KEY_MAX_LENGTH,
        required=False,
        description=(
            "A key of your own for this change: a repetition with the same key and content gives the first outcome and"
            " changes nothing. Without one the server makes a key and tells it in the answer."
        ),
    ),
]
