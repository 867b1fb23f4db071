"""The OpenAPI document as a page to read: no scripts, nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from services.gateway_api.documents.html import Schemas, details, example, links, page, section, table, text

_METHODS = ("get", "post", "put", "patch", "delete")


def reference_page(document: Mapping[str, Any]) -> bytes:
    """Return the page of an OpenAPI document."""
    info = document["info"]
    schemas = Schemas(document["components"]["schemas"])
    tags = document["tags"]
    body = [text(info["description"]), links(tag["name"] for tag in tags)]
    for tag in tags:
        entries = [
            _operation(method, path, operation, schemas)
            for path, method, operation in _operations(document)
            if tag["name"] in operation["tags"]
        ]
        body.append(section(tag["name"], [text(tag.get("description")), *entries]))
    return page(info["title"], info["version"], body)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Schemas) -> str:
    body = [text(operation.get("description")), _parameters(operation.get("parameters", ()), schemas)]
    request = operation.get("requestBody")
    if request is not None:
        body += ["<h4>Body</h4>", text(request.get("description")), *_contents(request, schemas)]
    for status, response in operation["responses"].items():
        body += [f"<h4>{escape(status)} {escape(response['description'])}</h4>", *_contents(response, schemas)]
    if not operation.get("security"):
        body.append('<p class="soft">Needs no identity.</p>')
    return details(method.upper(), path, operation["summary"], body)


def _parameters(parameters: list[Mapping[str, Any]], schemas: Schemas) -> str:
    rows = (
        (
            f"<code>{escape(parameter['name'])}</code>" + (" <b>*</b>" if parameter.get("required") else ""),
            escape(parameter["in"]),
            schemas.words(parameter["schema"]) + text(parameter.get("description")),
        )
        for parameter in parameters
    )
    return table(("Parameter", "In", "Value"), rows)


def _contents(holder: Mapping[str, Any], schemas: Schemas) -> Iterator[str]:
    for media_type, content in holder.get("content", {}).items():
        yield f"<p><code>{escape(media_type)}</code>: {schemas.words(content['schema'])}</p>"
        yield schemas.fields(content["schema"])
        for shown in content.get("examples", {}).values():
            yield example(shown["value"])
