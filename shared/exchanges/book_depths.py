"""Depths of order books that exchanges can be asked for."""

#: Sources: "Order Book" of each exchange's REST documentation, for the markets that we trade: Binance (USD-M takes
#: only these), KuCoin (20 and 100 without a key), HTX, Bybit (spot 200), OKX, Kraken, MEXC, Gate.
_DEPTHS: dict[str, tuple[int, ...]] = {
    "binance": (5, 10, 20, 50, 100, 500, 1000),
    "kucoin": (20, 100),
    "kucoinfutures": (20, 100),
    "htx": (5, 10, 20),
    "bybit": (1, 25, 50, 100, 200),
    "okx": (1, 5, 20, 50, 100, 400),
    "kraken": (10, 25, 100, 500),
    "mexc": (5, 10, 20, 50, 100, 500, 1000),
    "gate": (5, 10, 20, 50, 100),
}


def depth_to_ask(ccxt_id: str, depth: int) -> int | None:
    """Return the smallest depth that an exchange takes and that is enough, or its largest; None: its usual one."""
    allowed = _DEPTHS.get(ccxt_id)
    if allowed is None:
        return None
    return next((one for one in allowed if one >= depth), allowed[-1])
