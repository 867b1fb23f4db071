"""The documents and their pages: what there is over HTTP, and what there is on the bus. All of it works offline."""

import asyncio
from typing import Any

import msgspec
from litestar import Litestar, Request, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from services.gateway_api.answers import Answer
from services.gateway_api.documents.assets import SWAGGER_PAGE, asset
from services.gateway_api.documents.bus_reference import bus_reference_page
from services.gateway_api.documents.openapi import openapi_document
from services.gateway_api.documents.reference import reference_page
from services.gateway_api.gate import ASSETS
from shared.contracts import asyncapi
from shared.service import VERSION

#: Pages may load what the edge itself serves and nothing else, and nobody may put them into a frame.
_PAGE_HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
_ASSET_HEADERS = (("cache-control", "public, max-age=86400"), ("x-content-type-options", "nosniff"))
_HTML = "text/html; charset=utf-8"

_encoder = msgspec.json.Encoder()


def document_routes(namespace: str) -> list[HTTPRouteHandler]:
    """Return the routes of the documents; `namespace` is that of the bus."""
    # Made when they are first asked for: most starts of the edge need none of them.
    made: dict[str, bytes] = {}

    def openapi(app: Litestar) -> bytes:
        if "openapi" not in made:
            made["openapi"] = _encoder.encode(openapi_document(app))
        return made["openapi"]

    def bus() -> bytes:
        if "bus" not in made:
            made["bus"] = _encoder.encode(asyncapi.document(VERSION, namespace))
        return made["bus"]

    @get("/openapi.json", include_in_schema=False)
    async def get_openapi(request: Request[Any, Any, Any]) -> Answer:
        return Answer(openapi(request.app))

    @get("/asyncapi.json", include_in_schema=False)
    async def get_asyncapi() -> Answer:
        return Answer(bus())

    @get("/docs", include_in_schema=False)
    async def get_docs() -> Answer:
        return Answer(SWAGGER_PAGE, headers=_PAGE_HEADERS, media_type=_HTML)

    @get("/redoc", include_in_schema=False)
    async def get_redoc(request: Request[Any, Any, Any]) -> Answer:
        body = reference_page(msgspec.json.decode(openapi(request.app)))
        return Answer(body, headers=_PAGE_HEADERS, media_type=_HTML)

    @get("/asyncapi", include_in_schema=False)
    async def get_asyncapi_page() -> Answer:
        return Answer(bus_reference_page(msgspec.json.decode(bus())), headers=_PAGE_HEADERS, media_type=_HTML)

    @get(ASSETS + "{name:str}", include_in_schema=False)
    async def get_asset(name: FromPath[str]) -> Answer:
        found = await asyncio.to_thread(asset, name)
        if found is None:
            raise NotFoundException
        body, media_type = found
        return Answer(body, headers=_ASSET_HEADERS, media_type=media_type)

    return [get_openapi, get_asyncapi, get_docs, get_redoc, get_asyncapi_page, get_asset]
