"""What the OpenAPI document says of the routes of candles."""

import msgspec

from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation
from services.gateway_api.inputs.candles import CANDLES_SCHEMA, HISTORY_SCHEMA
from shared.contracts.marketdata.candles import Candle

_TAG = "Market data"
_ERRORS = (*OF_AN_EXCHANGE, *OF_A_BODY)

_CANDLE = {
    "timestamp": 1767225600.0,
    "open": 65000.5,
    "high": 65010.0,
    "low": 64990.25,
    "close": 65001.0,
    "volume": 12.5,
    "quote_asset_volume": 812506.25,
    "n_trades": 340.0,
    "taker_buy_base_volume": 6.1,
    "taker_buy_quote_volume": 396503.05,
}


class FeedsStarted(msgspec.Struct, frozen=True):
    """The feeds that run now; `feed_id` is the first of `feed_ids`."""

    feed_id: str
    status: str
    feed_ids: list[str]


CandlesOfPairs = dict[str, dict[str, list[Candle]]]

RECENT = operation(
    "get_candles",
    "The last candles of a pair",
    list[Candle] | FeedsStarted,
    [_CANDLE],
    tag=_TAG,
    errors=_ERRORS,
    description=(
        "Oldest first, the running candle last; they come from a feed that goes on while somebody asks. What an"
        " exchange does not tell is 0. With `trading_pairs` instead of `trading_pair` the feeds of all pairs and"
        " `intervals` are started, and the answer names them."
    ),
    kind=json_body(
        CANDLES_SCHEMA,
        "Which candles.",
        {"connector_name": "binance", "trading_pair": "BTC-USDT", "interval": "1m", "max_records": 100},
        required=True,
    ),
)
HISTORY = operation(
    "get_historical_candles",
    "The candles of a time",
    list[Candle] | CandlesOfPairs,
    [_CANDLE],
    tag=_TAG,
    errors=_ERRORS,
    description=(
        "Oldest first. What was asked for once is stored. A large answer comes in chunks, and a connection that closes"
        " before their end means that the answer is not whole. 404 when there are no candles in this time. With several"
        " `trading_pairs` or `intervals` the answer is a map of pairs to maps of intervals to lists; some may be"
        " empty."
    ),
    kind=json_body(
        HISTORY_SCHEMA,
        "Which candles.",
        {
            "connector_name": "binance",
            "trading_pair": "BTC-USDT",
            "interval": "1m",
            "start_time": 1767225600,
            "end_time": 1767312000,
        },
        required=True,
    ),
)
CONNECTORS = operation(
    "get_available_candle_connectors",
    "List the connectors that have candles",
    list[str],
    ["binance", "binance_perpetual"],
    tag=_TAG,
)
