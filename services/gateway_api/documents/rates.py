"""What the OpenAPI document says of tickers, funding, feeds, rates and the rate oracle."""

from typing import Any

from services.gateway_api.documents.operation import OF_A_BODY, OF_AN_EXCHANGE, json_body, operation
from services.gateway_api.inputs.market_data import FUNDING_SCHEMA
from services.gateway_api.inputs.rates import CONFIG_SCHEMA, ORACLE_RATES_SCHEMA, RATES_SCHEMA
from services.gateway_api.shapes.rates import (
    ConfigChanged,
    ConfigView,
    OraclePricesView,
    OracleRateView,
    RatesView,
    RateView,
)
from shared.contracts.marketdata.feeds import ActiveFeed
from shared.contracts.marketdata.funding import FundingInfo
from shared.contracts.marketdata.rates import Rates
from shared.contracts.marketdata.tickers import Tickers

_TAG = "Market data"
_ORACLE = "Rate oracle"
_ERRORS = (*OF_AN_EXCHANGE, *OF_A_BODY)

_FUNDING = {
    "trading_pair": "BTC-USDT",
    "funding_rate": 0.0001,
    "next_funding_time": 1767254400.0,
    "mark_price": 65000.5,
    "index_price": 65001.0,
    "timestamp": 1767225600.0,
}
_TICKERS = {
    "tickers": {
        "binance": {
            "BTC-USDT": {
                "price": 65000.5,
                "base_volume": 12345.6,
                "quote_volume": 802470172.8,
                "timestamp": 1767225600.0,
            }
        }
    },
    "counts": {"binance": 1},
    "updated_at": {"binance": 1767225600.0},
    "errors": {"kucoin": "kucoin: the connection was refused"},
}
_CONFIG = {
    "rate_oracle_source": {"name": "paper"},
    "global_token": {"global_token_name": "USDT", "global_token_symbol": "$"},
    "available_sources": ["binance", "gate_io", "paper"],
}
_NO_WAY = "A pair without a way to a rate has null, and `reasons` says why: rates of prices that are old are refused."

FEEDS = operation(
    "get_active_feeds",
    "The feeds that run",
    dict[str, ActiveFeed],
    {
        "candles_binance_BTC-USDT_1m": {
            "feed_type": "candles",
            "last_access_time": 1767225600.0,
            "seconds_since_access": 1.5,
            "will_expire_in": 598.5,
            "config": "1m candles of BTC-USDT on binance",
        }
    },
    tag=_TAG,
    description="A feed exists once however many ask, and ends when nobody has asked for a while.",
)
FUNDING = operation(
    "get_funding_info",
    "The next funding of a perpetual",
    FundingInfo | list[FundingInfo],
    _FUNDING,
    tag=_TAG,
    errors=_ERRORS,
    description=(
        "Several `trading_pairs` give a list; those that the connector does not have are left out, 404 when it has none"
        " of them. 400 for a connector without perpetuals."
    ),
    kind=json_body(
        FUNDING_SCHEMA,
        "Which perpetual.",
        {"connector_name": "binance_perpetual", "trading_pair": "BTC-USDT"},
        required=True,
    ),
)


def _tickers(operation_id: str, summary: str, description: str) -> Any:
    return operation(operation_id, summary, Tickers, _TICKERS, tag=_TAG, errors=OF_AN_EXCHANGE, description=description)


TICKERS = _tickers(
    "get_tickers",
    "The tickers of connectors",
    "All pairs of each. A connector that fails, or has no such list, stands in `errors`; 502 or 503 when all do.",
)
TICKERS_OF_ONE = _tickers("get_connector_tickers", "The tickers of a connector", "All of its pairs.")

RATES = operation(
    "get_rates",
    "Rates of pairs",
    RatesView,
    {
        "quote_token": "USDT",
        "connector": None,
        "source": "gate_io",
        "rates": {"BTC-USDT": 65000.5, "ETH-BTC": 0.046, "X-Y": None},
        "reasons": {"X-Y": "no price of X"},
        "timestamp": 1767225600.0,
    },
    tag=_TAG,
    errors=_ERRORS,
    description=f"Directly, reversed, or over other tokens. {_NO_WAY}",
    kind=json_body(RATES_SCHEMA, "Which rates.", {"trading_pairs": ["BTC-USDT", "ETH-BTC", "X-Y"]}, required=True),
)
RATE = operation(
    "get_rate",
    "The rate of a pair",
    RateView,
    {
        "trading_pair": "BTC-USDT",
        "rate": 65000.5,
        "connector": None,
        "quote_token": "USDT",
        "timestamp": 1767225600.0,
    },
    tag=_TAG,
    errors=OF_AN_EXCHANGE,
    description="404, with the reason, when there is none.",
)

SOURCES = operation(
    "get_rate_sources", "List the sources that rates can come from", list[str], ["binance", "gate_io"], tag=_ORACLE
)
CONFIG = operation("get_rate_oracle_config", "How the rate oracle is configured", ConfigView, _CONFIG, tag=_ORACLE)
CONFIGURE = operation(
    "update_rate_oracle_config",
    "Configure the rate oracle",
    ConfigChanged,
    {"success": True, "message": "Rates come from paper and are given in USDT", "config": _CONFIG},
    tag=_ORACLE,
    errors=(400, *OF_A_BODY, 504),
    description="What is left out stays as it is. 400 for an unknown source.",
    kind=json_body(
        CONFIG_SCHEMA,
        "What is to be another.",
        {"rate_oracle_source": {"name": "paper"}, "global_token": {"global_token_name": "USDT"}},
        required=True,
    ),
)
ORACLE_RATES = operation(
    "get_oracle_rates",
    "Rates of pairs by the rate source",
    Rates,
    {
        "source": "gate_io",
        "quote_token": "USDT",
        "rates": {"BTC-USDT": 65000.5, "X-Y": None},
        "reasons": {"X-Y": "no price of X"},
        "timestamp": 1767225600.0,
    },
    tag=_ORACLE,
    errors=_ERRORS,
    description=_NO_WAY,
    kind=json_body(ORACLE_RATES_SCHEMA, "Which rates.", {"trading_pairs": ["BTC-USDT", "X-Y"]}, required=True),
)


def _oracle_rate(operation_id: str, summary: str) -> Any:
    return operation(
        operation_id,
        summary,
        OracleRateView,
        {
            "trading_pair": "BTC-USDT",
            "rate": 65000.5,
            "source": "gate_io",
            "quote_token": "USDT",
            "timestamp": 1767225600.0,
        },
        tag=_ORACLE,
        errors=OF_AN_EXCHANGE,
        description="Null when there is none, and `reason` says why: a rate of prices that are old is refused.",
    )


ORACLE_RATE = _oracle_rate("get_oracle_rate", "The rate of a pair by the rate source")
FRESH_RATE = _oracle_rate("get_fresh_oracle_rate", "The rate of a pair, the exchange asked for it now")
PRICES = operation(
    "get_oracle_prices",
    "All prices of the rate source",
    OraclePricesView,
    {
        "source": "gate_io",
        "quote_token": "USDT",
        "prices_count": 1,
        "prices": {"BTC-USDT": 65000.5},
        "timestamp": 1767225600.0,
    },
    tag=_ORACLE,
    errors=(400, 404, 502),
)
