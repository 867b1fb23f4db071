"""The official client of the Hummingbot API, unmodified, against the edge."""

from decimal import Decimal

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

from shared.contracts.portfolio.balances import PortfolioStateFilter
from shared.contracts.portfolio.orders import PLACE_ORDER
from shared.errors import CommandError, ErrorCode
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.credentials_stand_in import PASSWORD, USERNAME
from tests.services.gateway_api.marketdata_stand_in import MarketdataStandIn
from tests.services.gateway_api.portfolio_stand_in import PortfolioStandIn
from tests.services.gateway_api.sockets.conftest import Market


async def test_it_keeps_accounts_and_credentials(edge: Edge) -> None:
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


async def test_it_sees_balances(edge: Edge, portfolio: PortfolioStandIn) -> None:
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        state = await client.portfolio.get_state(["master_account"], ["paper"], skip_gateway=True, refresh=True)
        assert [balance["token"] for balance in state["master_account"]["paper"]] == ["BTC", "ODD"]
        assert portfolio.last() == PortfolioStateFilter(("master_account",), ("paper",), refresh=True)
        assert await client.portfolio.get_total_value() == 97500.15
        holdings = await client.portfolio.get_token_holdings("BTC")
        assert (holdings["total_units"], holdings["total_value"]) == (1.5, 97500.15)
        summary = await client.portfolio.get_portfolio_summary()
        assert summary["top_tokens"] == [{"token": "BTC", "value": 97500.15, "percentage": 100}]
        assert (summary["account_count"], summary["connector_count"]) == (2, 1)
        assert (await client.portfolio.get_distribution(["master_account"]))["token_count"] == 1
        assert (await client.portfolio.get_accounts_distribution())["account_count"] == 1


async def test_it_trades(edge: Edge, portfolio: PortfolioStandIn) -> None:
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        trading = client.trading
        limit = await trading.place_order(
            "master_account", "paper", "BTC-USDT", "BUY", 0.001, order_type="LIMIT", price=64000.1
        )
        assert limit["status"] == "submitted"
        assert (portfolio.last().amount, portfolio.last().price) == (Decimal("0.001"), Decimal("64000.1"))
        market = await trading.place_order("master_account", "paper", "BTC-USDT", "SELL", 1)
        assert portfolio.last().order_type == "MARKET"
        for page in (
            await trading.get_active_orders(["master_account"], ["paper"], ["BTC-USDT"], limit=10),
            await trading.search_orders(status="OPEN", start_time=1767225600, limit=10),
        ):
            assert [row["order_id"] for row in page["data"]] == [limit["order_id"], market["order_id"]]
        cancelled = await trading.cancel_order("master_account", "paper", limit["order_id"])
        assert cancelled["status"] == "success"
        assert (await trading.get_trades(trading_pairs=["BTC-USDT"], start_time=1767225600))["data"] == []
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await trading.place_order("master_account", "paper", "BTC-USDT", "BUY", -1)
        assert caught.value.status == 422
        portfolio.instead = {PLACE_ORDER.key: CommandError(ErrorCode.REFUSED, "Account has insufficient balance")}
        with pytest.raises(aiohttp.ClientResponseError, match="insufficient balance"):
            await trading.place_order("master_account", "paper", "BTC-USDT", "BUY", 1)


async def test_it_sees_the_market(edge: Edge, marketdata: MarketdataStandIn) -> None:
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        rules = await client.connectors.get_trading_rules("paper", ["BTC-USDT", "ETH-USDT"])
        assert rules["ETH-USDT"]["min_notional_size"] == 5
        assert set(await client.connectors.get_trading_rules("paper")) == {"BTC-USDT", "ETH-USDT"}
        types = await client.connectors.get_supported_order_types("paper")
        assert types["supported_order_types"] == ["LIMIT", "MARKET"]
        for pairs in ("BTC-USDT", ["BTC-USDT"]):
            assert (await client.market_data.get_prices("paper", pairs))["prices"] == {"BTC-USDT": 65000.5}
        book = await client.market_data.get_order_book("paper", "BTC-USDT", depth=3)
        assert [level["price"] for level in book["bids"]] == [64999.5, 64998.5, 64997.5]
        assert (await client.market_data.get_market_data_settings())["cleanup_interval"] == 300


async def test_it_has_every_method_of_market_data(edge: Edge, marketdata: MarketdataStandIn) -> None:
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client:
        market = client.market_data
        assert len(await market.get_candles("paper", "BTC-USDT", "1m", 3)) == 3
        assert len(await market.get_historical_candles("paper", "BTC-USDT", "1m", 0, 600)) == 11
        assert len(await market.get_historical_candles("paper", "BTC-USDT")) >= 500
        assert len(await market.get_candles_last_days("paper", "BTC-USDT", 1)) >= 1440
        assert await market.get_available_candle_connectors() == ["paper", "paper_perpetual"]
        assert (await market.get_active_feeds())["one"]["feed_type"] == "candles"
        for connectors in (None, "paper", ["paper", "paper_perpetual"]):
            tickers = await market.get_tickers(connectors, refresh=True, max_age=1.5)
            assert tickers["tickers"]["paper"]["ETH-USDT"]["price"] == 3000.25
        assert (await market.get_rates(["BTC-USDT", "X-Y"]))["rates"] == {"BTC-USDT": 65000.5, "X-Y": None}
        assert (await market.get_rates("BTC-USDT", "paper"))["connector"] == "paper"
        assert (await market.get_funding_info("paper_perpetual", "BTC-USDT"))["funding_rate"] == 0.0001
        for answer in (
            await market.get_price_for_volume("paper", "BTC-USDT", 2.0, True),
            await market.get_volume_for_price("paper", "BTC-USDT", 65002.0, True),
            await market.get_price_for_quote_volume("paper", "BTC-USDT", 130003.0, True),
            await market.get_quote_volume_for_price("paper", "BTC-USDT", 65002.0, True),
            await market.get_vwap_for_volume("paper", "BTC-USDT", 2.0, True),
        ):
            assert (answer["result_price"], answer["result_volume"]) == (65001.5, 2.0)
            assert (answer["result_quote_volume"], answer["average_price"]) == (130003.0, 65001.25)
        assert (await market.add_trading_pair("paper", "BTC-USDT", "master_account", 30))["success"]
        assert (await market.remove_trading_pair("paper", "BTC-USDT"))["success"]
        assert (await market.get_order_book_diagnostics("paper", "master_account"))["tracker_ready"]
        assert (await market.restart_order_book_tracker("paper"))["success"]
        named = {name for name in dir(market) if name.startswith(("get_", "add_", "remove_", "restart_"))}
        assert len(named) == 20, named  # a method that is new is to be tried, too


async def test_it_follows_the_market(edge: Edge, marketdata: MarketdataStandIn) -> None:
    market = Market(marketdata)
    async with HummingbotAPIClient(edge.url, USERNAME, PASSWORD) as client, client.ws.market_data() as socket:
        assert len(socket.connection_id) == 8
        candles = await socket.subscribe_candles("paper", "BTC-USDT", max_records=3, update_interval=0.25)
        assert candles == "candles_paper_BTC-USDT_1m"
        books = await socket.subscribe_order_book("paper", "BTC-USDT", depth=3, update_interval=0.25)
        trades = await socket.subscribe_trades("paper", "BTC-USDT", update_interval=0.25)
        with pytest.raises(RuntimeError, match="404"):
            await socket.subscribe_trades("paper", "NO-PAIR")
        await market.trades(5.0)
        wanted = {("candles", candles), ("candle_update", candles), ("order_book", books), ("trades", trades)}
        async for message in socket:
            wanted.discard((message["type"], message["subscription_id"]))
            if not wanted:
                break
        assert (await socket.ping())["type"] == "pong"
        for subscription in (candles, books, trades):
            await socket.unsubscribe(subscription)
