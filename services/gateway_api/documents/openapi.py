"""The OpenAPI document, made from the routes as they are registered."""

from collections.abc import Mapping
from typing import Any

from litestar import Litestar
from litestar._openapi.plugin import OpenAPIPlugin
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Server, Tag

from shared.service import VERSION

_DESCRIPTION = """\
Accounts, exchange keys, balances, orders and prices for crypto trading bots, with the routes of the Hummingbot API.

Every route but those under *System* needs an identity: HTTP Basic, or an API key in `X-API-KEY`. Errors are
`{"detail": ...}`; input that does not fit is 422 with the place and the reason of each fault. Lists answer with and
without the slash at their end. Every answer has an `X-Request-ID`; send one to find your request in the logs.

503 says that nothing was done and names the part that is away. 504 says that a change was sent and no answer came:
send it again with the `idempotency_key` of the answer, as the header `Idempotency-Key`, and you get the first outcome.
A key of your own makes it safe to repeat any change. An order is repeated under its `client_order_id`.
"""

#: How the Hummingbot API writes paths; the form without the slash is answered too.
_WITH_SLASH = frozenset({"/accounts", "/connectors"})

_TAGS = [
    Tag("Accounts", "Accounts and their encrypted exchange keys."),
    Tag("Connectors", "Exchanges: what their credentials consist of, which orders they take."),
    Tag("Portfolio", "Balances and their value in USD. Values are JSON numbers with all their digits."),
    Tag("Trading", "Orders and their fills."),
    Tag("Market data", "Prices, candles, order books, funding. A feed exists once however many ask for it."),
    Tag("Rate oracle", "Where rates between tokens come from."),
    Tag("Events", "Everything that happens, as it happens."),
    Tag("System", "What the API says of itself; no identity needed."),
]

_SCHEMES: dict[str, Any] = {
    "basicAuth": SecurityScheme(type="http", scheme="basic", description="User name and password."),
    "apiKeyAuth": SecurityScheme(
        type="apiKey", security_scheme_in="header", name="X-API-KEY", description="A key of `hummingbus keys add`."
    ),
}


class _Document(OpenAPIPlugin):
    """Litestar's own generator without the routes that come with it: one of them would answer any path."""

    def __init__(self, app: Litestar, config: OpenAPIConfig) -> None:
        super().__init__(app)
        self._openapi_config = config


def openapi_document(app: Litestar) -> dict[str, Any]:
    """Return the document of all routes of `app` that are in the schema."""
    config = OpenAPIConfig(
        title="Hummingbot API",
        version=VERSION,
        description=_DESCRIPTION,
        components=Components(security_schemes=_SCHEMES),
        servers=[Server(url="/")],
        tags=_TAGS,
    )
    document = _Document(app, config)
    for route in app.routes:
        document.receive_route(route)
    schema: dict[str, Any] = document.provide_openapi().to_schema()
    for item in schema["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                _without_null(parameter)
    schema["paths"] = _written_as_upstream(schema["paths"])
    return schema


def _without_null(parameter: dict[str, Any]) -> None:
    """Take null from the values of a parameter: one that may be left out is no value that could be sent."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.pop("oneOf", ()) if kind != {"type": "null"}]
    for kind in kinds:
        schema.update(kind)


def _written_as_upstream(paths: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{path}/" if path in _WITH_SLASH else path: paths[path] for path in sorted(paths)}
