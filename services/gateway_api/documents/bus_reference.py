"""The AsyncAPI document of the bus as a page to read: no scripts, nothing from elsewhere.

The web component that `litestar-offline-docs` brings reads AsyncAPI up to 2.6 only.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from services.gateway_api.documents.html import Schemas, details, links, page, section, text

#: The sections of the page, with what each of their entries is called.
_SECTIONS = {"Commands": "command", "Events": "event", "Live data": "live"}


def bus_reference_page(document: Mapping[str, Any]) -> bytes:
    """Return the page of an AsyncAPI document."""
    info = document["info"]
    schemas = Schemas(document["components"]["schemas"])
    body = [text(info["description"]), links(_SECTIONS)]
    for title, word in _SECTIONS.items():
        entries = [
            _operation(word, operation, document, schemas)
            for operation in document["operations"].values()
            if _word_for(operation) == word
        ]
        body.append(section(title, entries))
    return page(f"{info['title']}: the bus", info["version"], body)


def _word_for(operation: Mapping[str, Any]) -> str:
    if operation["action"] == "receive":
        return "command"
    return "live" if any(tag["name"] == "live" for tag in operation["tags"]) else "event"


def _operation(word: str, operation: Mapping[str, Any], document: Mapping[str, Any], schemas: Schemas) -> str:
    channel = _resolve(operation["channel"], document)
    tags = " ".join(tag["name"] for tag in operation["tags"])
    body = [f'<p class="soft">{escape(tags)}</p>', text(operation["description"])]
    for message in _messages(channel, document):
        body += _message(message, schemas)
    if "reply" in operation:
        for message in _messages(_resolve(operation["reply"]["channel"], document), document):
            body += _message(message, schemas)
    return details(word, channel["address"], operation["title"], body)


def _messages(channel: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for reference in channel["messages"].values():
        yield _resolve(reference, document)


def _message(message: Mapping[str, Any], schemas: Schemas) -> Iterator[str]:
    yield f"<h4><code>{escape(message['name'])}</code> {escape(message['title'])}</h4>"
    yield f"<p>{schemas.words(message['payload'])}</p>"
    yield schemas.fields(message["payload"])
    if "properties" in message["headers"]:
        yield "<p>Headers:</p>"
        yield schemas.fields(message["headers"])


def _resolve(reference: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = document
    for step in str(reference["$ref"]).removeprefix("#/").split("/"):
        found = found[step]
    return found  # type: ignore[no-any-return]
