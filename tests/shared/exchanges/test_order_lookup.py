"""How exchanges are asked for an order: the table against ccxt's own code, and the search where they cannot be."""

import ast
import inspect
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from shared.connectors.catalogue import CONNECTORS
from shared.exchanges.order_lookup import Lookup

IDS = sorted({str(connector.ccxt_id) for connector in CONNECTORS.values() if connector.ccxt_id})
#: What ccxt's functions call a client order id, ours or the exchange's word.
_WORDS = ("clientOrderId", "origClientOrderId", "client_order_id", "clientOid", "orderLinkId")


def _reads_client_order_id(ccxt_id: str, method: str) -> bool:
    """Return whether a method, or what it hands its parameters on to, reads a client order id. Parsers do not count."""
    kind = getattr(ccxt.async_support, ccxt_id)
    functions: dict[str, ast.AsyncFunctionDef | ast.FunctionDef] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ == f"ccxt.async_support.{base.__name__}":
            tree = ast.parse(Path(inspect.getfile(base)).read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                    functions[node.name] = node
    waiting, seen = [method], set()
    while waiting:
        name = waiting.pop()
        function = functions.get(name)
        if function is None or name in seen:
            continue
        seen.add(name)
        # A docstring says what answers look like; only the code is read.
        code = function.body[1:] if ast.get_docstring(function) else function.body
        nodes = [node for statement in code for node in ast.walk(statement)]
        if any(isinstance(node, ast.Constant) and node.value in _WORDS for node in nodes):
            return True
        calls = [
            node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ]
        waiting += [call for call in calls if call.startswith(("fetch_", "cancel_"))]
    return False


@pytest.mark.parametrize("ccxt_id", IDS)
def test_ccxt_asks_by_client_order_id_where_the_table_says_so(ccxt_id: str) -> None:
    lookup = Lookup(ccxt_id)

    if lookup.fetches_by_client_id:
        assert _reads_client_order_id(ccxt_id, "fetch_order")
    if lookup.cancels_by_client_id and ccxt_id not in ("bybit", "gate"):
        assert _reads_client_order_id(ccxt_id, "cancel_order")


Listed = list[dict[str, Any]]


class Listing:
    """An exchange that only lists orders."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.has = dict.fromkeys(("fetchOpenOrders", "fetchClosedOrders", "fetchCanceledOrders"), True)
        self.lists = lists
        self.filters: list[dict[str, Any]] = []
        self.cancelled: list[tuple[str | None, str, dict[str, Any]]] = []

    async def fetch_open_orders(
        self, symbol: str, since: None, limit: None, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        self.filters.append(params)
        return self.lists.get("open", [])

    async def fetch_closed_orders(
        self, symbol: str, since: None, limit: None, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        raise ccxt.NotSupported("x")

    async def fetch_canceled_orders(
        self, symbol: str, since: None, limit: None, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return self.lists.get("cancelled", [])

    async def cancel_order(self, order_id: str | None, symbol: str, params: dict[str, Any] | None = None) -> None:
        self.cancelled.append((order_id, symbol, params or {}))


@pytest.mark.parametrize("listed", ["open", "cancelled"])
async def test_an_order_is_searched_for_by_either_id(listed: str) -> None:
    client = Listing(**{listed: [{"id": 1, "clientOrderId": "other"}, {"id": 2, "clientOrderId": "mine"}]})
    lookup = Lookup("backpack")

    for found in (
        await lookup.order(client, "A/B", "mine", None),
        await lookup.order(client, "A/B", "mine", "2"),
        await lookup.order(client, "A/B", None, "2"),
    ):
        assert found is not None
        assert found["id"] == 2
    assert await lookup.order(client, "A/B", "unknown", None) is None


async def test_bybit_is_asked_for_one_order_in_its_own_words() -> None:
    client = Listing(open=[{"id": 2, "clientOrderId": "mine"}])
    client.has["fetchOrder"] = True
    for ids in (("mine", None), ("mine", "2"), (None, "2")):
        assert await Lookup("bybit").order(client, "A/B", *ids) is not None

    assert client.filters == [{"orderLinkId": "mine"}, {"orderLinkId": "mine"}, {"orderId": "2"}]


@pytest.mark.parametrize(
    ("ccxt_id", "ids", "expected"),
    [
        ("binance", ("mine", "7"), ("7", "A/B", {"clientOrderId": "mine"})),
        ("binance", ("mine", None), (None, "A/B", {"clientOrderId": "mine"})),
        ("binance", (None, "7"), ("7", "A/B", {})),
        ("bybit", ("mine", "7"), ("7", "A/B", {})),
        ("bybit", ("mine", None), (None, "A/B", {"orderLinkId": "mine"})),
        ("gate", ("t-mine", None), ("t-mine", "A/B", {})),
        ("gate", ("t-mine", "7"), ("7", "A/B", {})),
        ("backpack", ("mine", "7"), ("7", "A/B", {})),
    ],
)
async def test_an_order_is_cancelled_by_the_id_that_the_exchange_knows(
    ccxt_id: str, ids: tuple[str | None, str | None], expected: tuple[str | None, str, dict[str, Any]]
) -> None:
    client = Listing()
    await Lookup(ccxt_id).cancel(client, "A/B", *ids)

    assert client.cancelled == [expected]
