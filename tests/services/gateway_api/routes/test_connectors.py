"""Connectors over HTTP."""

import pytest

from tests.services.gateway_api.conftest import Edge


@pytest.mark.parametrize("path", ["/connectors", "/connectors/"])
async def test_connectors_are_listed_with_and_without_a_slash(edge: Edge, path: str) -> None:
    async with edge.client.get(edge.url + path, allow_redirects=False) as answer:
        assert answer.status == 200
        assert await answer.json() == ["binance", "paper"]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_config_map_has_both_name_sets(edge: Edge, slash: str) -> None:
    status, body = await edge.ask("GET", f"/connectors/binance/config-map{slash}")
    assert status == 200
    assert set(body["binance_api_key"]) == {"type", "required", "prompt", "is_secure", "is_connect_key"}


async def test_an_unknown_connector_is_named(edge: Edge) -> None:
    status, body = await edge.ask("GET", "/connectors/nowhere/config-map")
    assert status == 404
    assert "nowhere" in body["detail"]
