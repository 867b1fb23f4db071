"""Parameters that many routes share, with their rules and examples."""

from typing import Annotated

from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from services.gateway_api.inputs.fields import ORDER_ID_PATTERN, PAIR_PATTERN
from shared.bus.messages import KEY_MAX_LENGTH
from shared.names import NAME_MAX_LENGTH, NAME_PATTERN


def _key(description: str) -> HeaderParameter:
    return HeaderParameter(
        name="Idempotency-Key",
        pattern=NAME_PATTERN,
        max_length=KEY_MAX_LENGTH,
        required=False,
        description=description,
    )


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
ConnectorInQuery = Annotated[
    str | None,
    QueryParameter(
        name="connector",
        pattern=NAME_PATTERN,
        max_length=NAME_MAX_LENGTH,
        required=False,
        description="The connector whose prices are taken; the rate source when left out.",
        examples=[Example(value="binance")],
    ),
]
IgnoredAccount = Annotated[
    str | None,
    QueryParameter(
        name="account_name",
        required=False,
        description="Without a meaning: all accounts share what is followed.",
    ),
]
TradingPairInPath = Annotated[
    str,
    PathParameter(
        pattern=PAIR_PATTERN,
        description="Base and quote token, with a hyphen between.",
        examples=[Example(value="BTC-USDT")],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    _key(
        "A key of your own for this change: a repetition with the same key and content gives the first outcome and"
        " changes nothing. Without one the server makes a key and tells it in the answer."
    ),
]
ClientOrderIdInPath = Annotated[
    str,
    PathParameter(
        pattern=ORDER_ID_PATTERN,
        description="The client order id of the order, or the exchange's id of it.",
        examples=[Example(value="hb-0000000000000-00000000000000")],
    ),
]
TradingPairsInQuery = Annotated[
    list[str] | None,
    QueryParameter(
        name="trading_pairs",
        required=False,
        description="Only these pairs. The key may be repeated, and a value may name several pairs with commas.",
        examples=[Example(value=["BTC-USDT"])],
    ),
]
OrderKey = Annotated[
    str | None,
    _key(
        "A key of your own for an order without a `client_order_id`: the id is made from it, so that a repetition"
        " with the same key gives the first outcome."
    ),
]
CancelKey = Annotated[
    str | None,
    _key("A key of your own for this cancellation. A cancellation may be repeated without one, too."),
]
