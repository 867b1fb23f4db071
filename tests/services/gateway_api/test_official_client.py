"""The official client of the Hummingbot API, unmodified, against the edge."""

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.credentials_stand_in import PASSWORD, USERNAME


async def test_every_method_of_the_groups(edge: Edge) -> None:
    # The client sends the password as ISO 8859-1, where other clients send UTF-8.
    assert not PASSWORD.isascii()
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        assert await client.accounts.list_accounts() == ["master_account"]
        assert "alice" in (await client.accounts.add_account("alice"))["message"]
        assert "message" in await client.accounts.add_credential("alice", "binance", {"binance_api_key": "k"})
        assert await client.accounts.list_account_credentials("alice") == ["binance"]
        assert "message" in await client.accounts.delete_credential("alice", "binance")
        assert "alice" in (await client.accounts.delete_account("alice"))["message"]
        assert "binance" in await client.connectors.list_connectors()
        assert "binance_api_key" in await client.connectors.get_config_map("binance")


async def test_it_shows_why_a_request_was_refused(edge: Edge) -> None:
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await client.accounts.add_account("master_account")
        assert caught.value.status == 400
        assert "master_account" in caught.value.message
    async with HummingbotAPIClient(edge.url, USERNAME, "wrong") as client:
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await client.accounts.list_accounts()
        assert caught.value.status == 401
