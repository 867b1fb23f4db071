"""What the OpenAPI document says of prices: a map of them, and each once more under its pair's name."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIResponse, Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation
from services.gateway_api.inputs.market_data import PRICES_SCHEMA
from shared.contracts.marketdata.tickers import Prices

#: A pair's name has a hyphen; no other field of the answer does.
_A_PAIR = "-"
_NUMBER = Schema(type=OpenAPIType.NUMBER)
_PRICE = Schema(
    type=OpenAPIType.OBJECT,
    properties={"price": _NUMBER, "timestamp": _NUMBER},
    required=["price", "timestamp"],
    description="A price and its time, in Unix seconds.",
)
_BODY = json_body(
    PRICES_SCHEMA, "Whose prices.", {"connector_name": "binance", "trading_pairs": ["BTC-USDT"]}, required=True
)


@dataclass
class _WithEachPair(_BODY):  # type: ignore[misc, valid-type]
    """An operation whose answer has fields named after pairs, which no struct can say."""

    def __post_init__(self) -> None:
        super().__post_init__()
        answer = (self.responses or {}).get("200")
        content = answer.content if isinstance(answer, OpenAPIResponse) else None
        for media in (content or {}).values():
            if media.schema is not None:
                media.schema = Schema(all_of=[media.schema], pattern_properties={_A_PAIR: _PRICE})


PRICES = operation(
    "get_prices",
    "The prices of pairs",
    Prices,
    {
        "connector": "binance",
        "prices": {"BTC-USDT": 65000.5},
        "timestamp": 1767225600.0,
        "BTC-USDT": {"price": 65000.5, "timestamp": 1767225600.0},
    },
    tag="Market data",
    errors=(*OF_AN_EXCHANGE, *OF_A_BODY),
    description=(
        "Mid prices, or last ones where a side of the book is empty. Each price also stands under its pair's name. A"
        " pair that the connector does not have is left out; 404 when it has none of them."
    ),
    kind=_WithEachPair,
)
