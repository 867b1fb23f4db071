"""`/connectors`: which exchanges there are and what their credentials consist of."""

from litestar import Router, get

from services.gateway_api.answers import Answer
from services.gateway_api.commands import Commands
from services.gateway_api.documents.operation import operation
from services.gateway_api.routes.parameters import ConnectorName
from shared.contracts.credentials import CONFIG_MAP, LIST_CONNECTORS, ConfigField, ConnectorRef

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

    return Router("/connectors", route_handlers=[list_connectors, get_config_map])
