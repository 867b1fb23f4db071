"""What is asked of order books, and how they are followed, over HTTP."""

from typing import Any

import pytest

from shared.contracts.marketdata.books import DIAGNOSE_BOOKS, QUERY_BOOK, TRACK_PAIR, BookQuery, BookQuestion, PairRef
from shared.errors import CommandError, ErrorCode
from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.marketdata_stand_in import BOTS_ONLY, CONNECTOR, PERPETUAL, TIMESTAMP, MarketdataStandIn

PAIR = {"connector_name": CONNECTOR, "trading_pair": "BTC-USDT"}
QUERIES = [
    ("price-for-volume", "volume", BookQuestion.PRICE_FOR_VOLUME),
    ("vwap-for-volume", "volume", BookQuestion.VWAP_FOR_VOLUME),
    ("volume-for-price", "price", BookQuestion.VOLUME_FOR_PRICE),
    ("quote-volume-for-price", "price", BookQuestion.QUOTE_VOLUME_FOR_PRICE),
    ("price-for-quote-volume", "quote_volume", BookQuestion.PRICE_FOR_QUOTE_VOLUME),
]


def at(name: str) -> str:
    return f"/market-data/order-book/{name}"


@pytest.mark.parametrize(("name", "field", "question"), QUERIES)
async def test_a_question_has_its_own_answer(
    edge: Edge, marketdata: MarketdataStandIn, name: str, field: str, question: BookQuestion
) -> None:
    status, body = await edge.ask("POST", at(name), json=PAIR | {"is_buy": True, field: 2.5})
    assert status == 200
    assert marketdata.asked == [BookQuery(CONNECTOR, "BTC-USDT", True, question, 2.5)]
    by_price = field == "price"
    assert body == {
        "trading_pair": "BTC-USDT",
        "is_buy": True,
        "query_volume": None if by_price else 2.5,
        "query_price": 2.5 if by_price else None,
        "result_price": 65001.5,
        "result_volume": 2.0,
        "result_quote_volume": 130003.0,
        "average_price": 65001.25,
        "timestamp": TIMESTAMP,
        "vwap": 65001.25,
        "avg_price": 65001.25,
    }


@pytest.mark.parametrize(
    ("given", "is_buy"),
    [
        ({"is_buy": False}, False),
        ({"side": "buy"}, True),
        ({"side": "SELL"}, False),
        ({"is_buy": None, "side": "Buy"}, True),
        ({"is_buy": True, "side": "sell"}, True),
    ],
)
async def test_the_side_may_be_a_word(
    edge: Edge, marketdata: MarketdataStandIn, given: dict[str, Any], is_buy: bool
) -> None:
    status, body = await edge.ask("POST", at("vwap-for-volume"), json=PAIR | given | {"volume": "0.5"})
    assert (status, body["is_buy"]) == (200, is_buy)
    assert marketdata.asked[0].value == 0.5


@pytest.mark.parametrize("query", [QUERIES[0], QUERIES[3]])
@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"value": 0}, "value"),
        ({"value": -1}, "value"),
        ({"value": "NaN"}, "value"),
        ({"value": "Infinity"}, "value"),
        ({"value": True}, "value"),
        ({"value": None}, "value"),
        ({"is_buy": None}, "is_buy"),
        ({"is_buy": "yes"}, "is_buy"),
        ({"side": "long"}, "side"),
        ({"trading_pair": "B"}, "trading_pair"),
        ({"connector_name": "a.b"}, "connector_name"),
    ],
)
async def test_a_question_that_does_not_fit_is_refused(
    edge: Edge, marketdata: MarketdataStandIn, query: tuple[str, str, BookQuestion], change: dict[str, Any], loc: str
) -> None:
    name, field, _ = query
    body = PAIR | {"is_buy": True, field: 1} | {field if key == "value" else key: v for key, v in change.items()}
    status, answer = await edge.ask("POST", at(name), json=body)
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", field if loc == "value" else loc]
    assert marketdata.asked == []


async def test_unknown_names_are_told(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for change, expected, named in (
        ({"connector_name": "nowhere"}, 404, "nowhere"),
        ({"connector_name": BOTS_ONLY}, 400, BOTS_ONLY),
        ({"trading_pair": "NO-PAIR"}, 404, "NO-PAIR"),
    ):
        for path, more in (
            (at("vwap-for-volume"), {"is_buy": True, "volume": 1}),
            ("/market-data/trading-pair/add", {}),
        ):
            status, answer = await edge.ask("POST", path, json=PAIR | more | change)
            assert status == expected
            assert named in answer["detail"]


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"trading_pair": 1}'])
async def test_rubbish_is_an_error_that_says_who_sent_it(
    edge: Edge, marketdata: MarketdataStandIn, rubbish: bytes
) -> None:
    marketdata.instead = {QUERY_BOOK.key: rubbish, TRACK_PAIR.key: rubbish}
    for path, more, expected in (
        (at("vwap-for-volume"), {"is_buy": True, "volume": 1}, 500),
        ("/market-data/trading-pair/add", {}, 504),  # it was told to, and may have done so
    ):
        status, body = await edge.ask("POST", path, json=PAIR | more)
        assert status == expected
        assert "marketdata" in body["detail"]


async def test_pairs_are_followed_and_let_go(edge: Edge, marketdata: MarketdataStandIn) -> None:
    for action in ("add", "remove"):
        body = PAIR | {"account_name": "master_account", "timeout": 5}
        status, answer = await edge.ask("POST", f"/market-data/trading-pair/{action}", json=body)
        assert status == 200
        assert answer == {"success": True, **PAIR, "message": "done"}
        assert marketdata.asked[-1] == PairRef(CONNECTOR, "BTC-USDT", 5.0)
    await edge.ask("POST", "/market-data/trading-pair/add", json=PAIR)
    assert marketdata.asked[-1].timeout == 30
    for timeout in (0, 121, "long"):
        status, answer = await edge.ask("POST", "/market-data/trading-pair/add", json=PAIR | {"timeout": timeout})
        assert (status, answer["detail"][0]["loc"]) == (422, ["body", "timeout"])


async def test_books_are_diagnosed_and_restarted(edge: Edge, marketdata: MarketdataStandIn) -> None:
    status, body = await edge.ask("GET", f"{at('diagnostics')}/{CONNECTOR}?account_name=master_account")
    assert status == 200
    assert (body["tracker_ready"], body["trading_pairs"]) == (True, ["BTC-USDT"])
    assert body["order_books"]["BTC-USDT"]["best_ask"] is None
    status, body = await edge.ask("POST", f"{at('restart')}/{CONNECTOR}?account_name=master_account")
    assert (status, body["success"], body["trading_pairs"]) == (200, True, ["BTC-USDT"])
    # An unknown connector is no error of HTTP here: clients of the Hummingbot API expect it so.
    status, body = await edge.ask("GET", f"{at('diagnostics')}/nowhere")
    assert (status, body) == (200, {"connector_name": "nowhere", "error": "unknown connector"})
    status, body = await edge.ask("POST", f"{at('restart')}/nowhere")
    assert (status, body["success"], body["error"]) == (200, False, "unknown connector")
    assert (await edge.ask("GET", f"{at('diagnostics')}/a.b"))[0] == 422


async def test_a_diagnosis_is_whole_where_no_book_is_followed(edge: Edge, marketdata: MarketdataStandIn) -> None:
    assert await edge.ask("GET", f"{at('diagnostics')}/{PERPETUAL}") == (
        200,
        {
            "connector_type": "exchange",
            "connector_name": PERPETUAL,
            "has_order_book_tracker": False,
            "tracker_ready": False,
            "tasks": {},
            "trading_pairs": [],
            "order_books": {},
            "metrics": {},
            "websocket_status": "not connected",
        },
    )
    marketdata.instead = {DIAGNOSE_BOOKS.key: b"[]"}
    assert (await edge.ask("GET", f"{at('diagnostics')}/{CONNECTOR}"))[0] == 500


@pytest.mark.usefixtures("impatient")
async def test_a_change_without_an_answer_has_an_unknown_outcome(edge: Edge, marketdata: MarketdataStandIn) -> None:
    marketdata.silent = {TRACK_PAIR.key, QUERY_BOOK.key}
    status, body = await edge.ask("POST", "/market-data/trading-pair/add", json=PAIR)
    assert status == 504
    assert "marketdata" in body["detail"]
    status, _ = await edge.ask("POST", at("vwap-for-volume"), json=PAIR | {"is_buy": True, "volume": 1})
    assert status == 503


async def test_an_exchange_that_fails_is_named(edge: Edge, marketdata: MarketdataStandIn) -> None:
    marketdata.instead = {QUERY_BOOK.key: CommandError(ErrorCode.UPSTREAM, "binance: the connection was refused")}
    status, body = await edge.ask("POST", at("vwap-for-volume"), json=PAIR | {"is_buy": True, "volume": 1})
    assert (status, body["detail"]) == (502, "binance: the connection was refused")


async def test_prices_of_pools_are_not_built(edge: Edge, marketdata: MarketdataStandIn) -> None:
    assert (await edge.ask("GET", "/market-data/pool-prices"))[0] == 404
