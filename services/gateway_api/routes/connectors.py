"""`/connectors`: which exchanges there are, what their credentials consist of and which orders they take."""

from dataclasses import dataclass

from litestar import Router, get
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway_api.answers import Answer
from services.gateway_api.commands import Commands
from services.gateway_api.documents.operation import OF_AN_EXCHANGE, PlainOperation, operation
from services.gateway_api.inputs import fields
from services.gateway_api.inputs.schema import LISTED_PAIRS
from services.gateway_api.reshaped import Reshaped
from services.gateway_api.routes.parameters import ConnectorName, TradingPairsInQuery
from services.gateway_api.shapes.market_data import UnknownPair, rules
from shared.contracts.credentials import CONFIG_MAP, LIST_CONNECTORS, ConfigField, ConnectorRef
from shared.contracts.marketdata.fields import MAX_PAIRS, MarketRef
from shared.contracts.marketdata.rules import LIST_ORDER_TYPES, LIST_RULES, OrderTypes, RulesFilter, TradingRule

_TAG = "Connectors"

_CONFIG_EXAMPLE = {
    "binance_api_key": {
        "type": "SecretStr",
        "required": True,
        "prompt": "Enter your Binance API key",
        "is_secure": True,
        "is_connect_key": True,
    }
}
_RULES_EXAMPLE = {
    "BTC-USDT": {
        "min_order_size": 0.00001,
        "max_order_size": 9000,
        "min_price_increment": 0.01,
        "min_base_amount_increment": 0.00001,
        "min_quote_amount_increment": 0.00000001,
        "min_notional_size": 5,
        "min_order_value": 5,
        "max_price_significant_digits": 0,
        "supports_limit_orders": True,
        "supports_market_orders": True,
        "buy_order_collateral_token": "USDT",
        "sell_order_collateral_token": "USDT",
    },
    "NOPE-USDT": {"error": "Trading pair 'NOPE-USDT' not found"},
}


@dataclass
class _PairsOperation(PlainOperation):
    """An operation with trading pairs in its query: what each value may be, which Litestar has no word for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter in self.parameters or ():
            if isinstance(parameter, Parameter) and parameter.name == "trading_pairs":
                item = Schema(type=OpenAPIType.STRING, pattern=LISTED_PAIRS)
                parameter.schema = Schema(type=OpenAPIType.ARRAY, items=item, max_items=MAX_PAIRS)


def connector_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""

    @get("/", **operation("list_connectors", "List connectors", list[str], ["binance", "paper"], tag=_TAG))
    async def list_connectors() -> Answer:
        return await commands.query(LIST_CONNECTORS)

    @get(
        "/{connector_name:str}/config-map",
        **operation(
            "get_config_map",
            "List the fields of a connector's credential",
            dict[str, ConfigField],
            _CONFIG_EXAMPLE,
            tag=_TAG,
            errors=(404, 422),
        ),
    )
    async def get_config_map(connector_name: ConnectorName) -> Answer:
        return await commands.query(CONFIG_MAP, ConnectorRef(connector_name))

    shaped_rules = Reshaped(rules)

    @get(
        "/{connector_name:str}/trading-rules",
        **operation(
            "get_trading_rules",
            "What orders of each pair must keep to",
            dict[str, TradingRule | UnknownPair],
            _RULES_EXAMPLE,
            tag=_TAG,
            errors=OF_AN_EXCHANGE,
            description=(
                "Sizes are in base units, prices and notional values in quote units; 0 is no rule. Of the pairs that"
                " are asked for, an unknown one has an error in its place; 404 when all of them are unknown."
            ),
            kind=_PairsOperation,
        ),
    )
    async def get_trading_rules(connector_name: ConnectorName, trading_pairs: TradingPairsInQuery = None) -> Answer:
        asked = fields.query_pairs(trading_pairs, "trading_pairs")
        reply = await commands.ask(LIST_RULES, RulesFilter(connector_name, asked))
        return Answer(shaped_rules.of(reply, connector_name, asked))

    @get(
        "/{connector_name:str}/order-types",
        **operation(
            "get_order_types",
            "List the order types that a connector takes",
            OrderTypes,
            {"connector": "binance", "supported_order_types": ["LIMIT", "LIMIT_MAKER", "MARKET"]},
            tag=_TAG,
            errors=OF_AN_EXCHANGE,
        ),
    )
    async def get_order_types(connector_name: ConnectorName) -> Answer:
        return await commands.query(LIST_ORDER_TYPES, MarketRef(connector_name))

    return Router("/connectors", route_handlers=[list_connectors, get_config_map, get_trading_rules, get_order_types])
