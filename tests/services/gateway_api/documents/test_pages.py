"""The pages: there, true to their documents, and whole without a network."""

import re
from html import escape
from html.parser import HTMLParser

import pytest
import yarl

from services.gateway_api.documents.html import details, text
from shared.contracts.catalogue import COMMANDS, EVENTS, LIVE
from tests.services.gateway_api.conftest import Edge


class Page(HTMLParser):
    """What a page would load, and whether its elements are closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.loads.append(values.get("src") or "inline")
        if tag == "link":
            self.loads.append(values.get("href") or "")
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def page(edge: Edge, path: str) -> tuple[str, Page]:
    async with edge.client.get(edge.url + path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        source = await answer.text()
    parsed = Page(source)
    assert parsed.open == []
    return source, parsed


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/asyncapi"])
async def test_a_page_loads_nothing_from_elsewhere(edge: Edge, path: str) -> None:
    source, parsed = await page(edge, path)
    for url in parsed.loads:
        assert url.startswith(("/docs/assets/", "data:")), url
        if url.startswith("/"):
            async with edge.client.get(edge.url + url) as answer:
                assert answer.status == 200
                assert len(await answer.read()) > 100
    assert "inline" not in parsed.loads
    assert not re.search(r"(src|href)=['\"]?(https?:)?//", source)


async def test_swagger_reads_the_document_of_this_server(edge: Edge) -> None:
    async with edge.client.get(f"{edge.url}/docs/assets/start.js") as answer:
        assert answer.content_type == "text/javascript"
        assert '"/openapi.json"' in await answer.text()


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fcore.py", "%2e%2e", "asyncapi-web-component.js", "a/b"])
async def test_there_are_no_other_files(edge: Edge, name: str) -> None:
    async with edge.client.get(yarl.URL(f"{edge.url}/docs/assets/{name}", encoded=True)) as answer:
        assert answer.status == 404


async def test_the_reference_has_every_route_without_scripts(edge: Edge) -> None:
    source, parsed = await page(edge, "/redoc")
    _, document = await edge.ask("GET", "/openapi.json")
    assert all(url.startswith("data:") for url in parsed.loads)
    for path, item in document["paths"].items():
        assert f"<code>{path}</code>" in source
        for operation in item.values():
            assert escape(operation["summary"]) in source
    assert "binance_api_secret" in source


async def test_the_page_of_the_bus_has_every_command_and_event(edge: Edge) -> None:
    source, parsed = await page(edge, "/asyncapi")
    assert all(url.startswith("data:") for url in parsed.loads)
    for key in [*(command.key for command in COMMANDS), *(event.kind for event in EVENTS)]:
        assert key in source
    live = source[source.index('<h2 id="live-data">') :]
    assert all(f"marketdata.live.{message.kind}" in live for message in LIVE)
    assert "marketdata.live" not in source[: source.index('<h2 id="live-data">')]


def test_what_comes_in_is_escaped() -> None:
    assert "<script>" not in text("a <script> `<b>` **<i>**")
    assert "<script>" not in details("<script>", "<script>", "<script>", [])
