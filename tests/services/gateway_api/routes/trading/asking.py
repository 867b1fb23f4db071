"""An order, and where and how it is placed and cancelled over HTTP."""

from typing import Any

from tests.services.gateway_api.conftest import Edge
from tests.services.gateway_api.portfolio_stand_in import ACCOUNT, CONNECTOR

PATH = "/trading/orders"
ORDER: dict[str, Any] = {
    "account_name": ACCOUNT,
    "connector_name": CONNECTOR,
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": 0.001,
    "order_type": "LIMIT",
    "price": 64000,
}
CANCEL = f"/trading/{ACCOUNT}/{CONNECTOR}/orders/{{}}/cancel"


async def place(edge: Edge, **more: Any) -> tuple[int, Any]:
    body = {name: value for name, value in {**ORDER, **more}.items() if value is not ...}
    return await edge.ask("POST", PATH, json=body)
