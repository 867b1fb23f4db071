"""Every method of the official client for the groups that are built, unmodified, against the whole stack."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient, SyncHummingbotAPIClient

from tests.running_stack import RunningStack
from tests.system.conftest import Login


@pytest.fixture
async def client(system: RunningStack, login: Login) -> AsyncIterator[HummingbotAPIClient]:
    async with HummingbotAPIClient(system.url, login.username, login.password) as client:
        yield client


async def test_accounts(client: HummingbotAPIClient) -> None:
    assert "client-a" not in await client.accounts.list_accounts()
    assert "client-a" in (await client.accounts.add_account("client-a"))["message"]
    assert set(await client.accounts.list_accounts()) >= {"master_account", "client-a"}
    assert await client.accounts.list_account_credentials("client-a") == []
    assert "client-a" in (await client.accounts.delete_account("client-a"))["message"]
    assert "client-a" not in await client.accounts.list_accounts()


async def test_credentials(client: HummingbotAPIClient) -> None:
    await client.accounts.add_account("client-b")
    values = {"kraken_api_key": "k-1", "kraken_secret_key": "s-1"}
    assert "not verified yet" in (await client.accounts.add_credential("client-b", "kraken", values))["message"]
    assert await client.accounts.list_account_credentials("client-b") == ["kraken"]
    assert "message" in await client.accounts.delete_credential("client-b", "kraken")
    assert await client.accounts.list_account_credentials("client-b") == []
    await client.accounts.delete_account("client-b")


@pytest.mark.parametrize(("connector", "balances"), [("paper", "USDT=100000,BTC=1"), ("paper_perpetual", "USDT=5000")])
async def test_a_paper_credential(client: HummingbotAPIClient, connector: str, balances: str) -> None:
    name = f"client-{connector}"
    await client.accounts.add_account(name)
    await client.accounts.add_credential(name, connector, {})
    await client.accounts.add_credential(name, connector, {"starting_balances": balances})
    assert await client.accounts.list_account_credentials(name) == [connector]
    await client.accounts.delete_account(name)


async def test_connectors(client: HummingbotAPIClient) -> None:
    connectors = await client.connectors.list_connectors()
    assert {"binance", "binance_perpetual", "hyperliquid", "xrpl", "paper", "paper_perpetual"} <= set(connectors)
    for connector in connectors:
        fields = await client.connectors.get_config_map(connector)
        for field in fields.values():
            assert {"type", "required", "prompt", "is_secure", "is_connect_key"} <= set(field)


async def refused(work: object) -> aiohttp.ClientResponseError:
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        await work  # type: ignore[misc]
    return caught.value


async def test_what_the_client_sees_of_a_fault(client: HummingbotAPIClient) -> None:
    assert (await refused(client.accounts.add_account("master_account"))).status == 400
    assert (await refused(client.accounts.delete_account("master_account"))).status == 400
    assert (await refused(client.accounts.add_account("a.b"))).status == 422
    assert (await refused(client.accounts.delete_account("nobody"))).status == 404
    assert (await refused(client.accounts.list_account_credentials("nobody"))).status == 404
    assert (await refused(client.accounts.delete_credential("master_account", "kraken"))).status == 404
    assert (await refused(client.connectors.get_config_map("nowhere"))).status == 404
    error = await refused(client.accounts.add_credential("master_account", "binance", {"binance_api_key": "k"}))
    assert error.status == 422
    assert "binance_api_secret" in str(error.message)


async def test_the_wrong_password(system: RunningStack, login: Login) -> None:
    async with HummingbotAPIClient(system.url, login.username, "wrong") as client:
        assert (await refused(client.accounts.list_accounts())).status == 401


def test_the_synchronous_client(system: RunningStack, login: Login) -> None:
    with SyncHummingbotAPIClient(system.url, login.username, login.password) as client:
        assert "master_account" in client.accounts.list_accounts()
