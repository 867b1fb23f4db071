"""The tables of symbols that the simulator offers: the pairs that people know, then made-up ones."""

from decimal import Decimal

from services.simulator.engine.symbol import Symbol

__all__ = ["MAX_SYMBOLS", "SPOT", "USDM", "Symbol", "spot_symbols", "usdm_symbols"]

#: More symbols than this are not offered.
MAX_SYMBOLS = 500


def _spot(pair: tuple[str, str], grid: tuple[str, str], *, reference: str, max_qty: str, **more: Decimal) -> Symbol:
    (base, quote), (tick, step) = pair, grid
    return Symbol(
        name=base + quote,
        base=base,
        quote=quote,
        market="spot",
        tick_size=Decimal(tick),
        step_size=Decimal(step),
        min_price=Decimal(tick),
        max_price=more.get("max_price", Decimal(1_000_000)),
        min_qty=Decimal(step),
        max_qty=Decimal(max_qty),
        market_max_qty=more.get("market_max_qty", Decimal(max_qty) / 20),
        min_notional=more.get("min_notional", Decimal(5)),
        reference_price=Decimal(reference),
        price_precision=8,
        quantity_precision=8,
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
    )


def _usdm(
    base: str,
    grid: tuple[str, str],
    *,
    reference: str,
    max_qty: str,
    precision: tuple[int, int],
    **more: Decimal,
) -> Symbol:
    tick, step = grid
    return Symbol(
        name=f"{base}USDT",
        base=base,
        quote="USDT",
        market="usdm",
        tick_size=Decimal(tick),
        step_size=Decimal(step),
        min_price=more.get("min_price", Decimal(tick)),
        max_price=more.get("max_price", Decimal(1_000_000)),
        min_qty=Decimal(step),
        max_qty=Decimal(max_qty),
        market_max_qty=more.get("market_max_qty", Decimal(max_qty) / 5),
        min_notional=more.get("min_notional", Decimal(5)),
        reference_price=Decimal(reference),
        price_precision=precision[0],
        quantity_precision=precision[1],
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        bid_multiplier_up=more.get("up", Decimal("1.1")),
        bid_multiplier_down=Decimal(0),
        ask_multiplier_up=Decimal(1000),
        ask_multiplier_down=more.get("down", Decimal("0.9")),
        max_num_algo_orders=10,
        max_leverage=int(more.get("leverage", Decimal(75))),
        maintenance_rate=more.get("maintenance", Decimal("0.01")),
    )


#: The pairs that are always offered, in this order. The step of ETHBTC is 0.001 (Binance: 0.0001) to keep quote amounts
#: in whole 10^-8.
SPOT: tuple[Symbol, ...] = (
    _spot(("BTC", "USDT"), ("0.01", "0.00001"), reference="60000", max_qty="9000", market_max_qty=Decimal(120)),
    _spot(("ETH", "USDT"), ("0.01", "0.0001"), reference="3000", max_qty="9000", market_max_qty=Decimal(2400)),
    _spot(("SOL", "USDT"), ("0.01", "0.001"), reference="150", max_qty="90000", market_max_qty=Decimal(24000)),
    _spot(
        ("ETH", "BTC"),
        ("0.00001", "0.001"),
        reference="0.05",
        max_qty="100000",
        max_price=Decimal(1000),
        min_notional=Decimal("0.0001"),
    ),
    _spot(("BTC", "USDC"), ("0.01", "0.00001"), reference="60000", max_qty="9000", market_max_qty=Decimal(120)),
)
USDM: tuple[Symbol, ...] = (
    _usdm(
        "BTC",
        ("0.1", "0.001"),
        reference="60000",
        max_qty="1000",
        precision=(2, 3),
        market_max_qty=Decimal(120),
        min_price=Decimal("261.1"),
        max_price=Decimal(4_529_764),
        min_notional=Decimal(100),
        up=Decimal("1.05"),
        down=Decimal("0.95"),
        leverage=Decimal(125),
        maintenance=Decimal("0.004"),
    ),
    _usdm(
        "ETH",
        ("0.01", "0.001"),
        reference="3000",
        max_qty="10000",
        precision=(2, 3),
        market_max_qty=Decimal(2000),
        min_price=Decimal("18.67"),
        max_price=Decimal(306_177),
        min_notional=Decimal(20),
        up=Decimal("1.05"),
        down=Decimal("0.95"),
        leverage=Decimal(125),
        maintenance=Decimal("0.004"),
    ),
)

_CONSONANTS = "BDFGHJKLMNPRSTVWXYZQ"
_VOWELS = "AEIOU"
#: The made-up price of a pair is a digit to three digits at one of these powers of ten.
_MAGNITUDES = (0, 1, -1, 2, -2, 0, 1, -3)


def _invented(index: int) -> tuple[str, Decimal, int]:
    """Return name, reference price and its power of ten of the made-up asset number `index`; always the same ones."""
    rest = (index * 40_503 + 9_973) % 200_000  # 40,503 and 200,000 have no common factor: no name comes twice
    letters = []
    for alphabet in (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS):
        rest, letter = divmod(rest, len(alphabet))
        letters.append(alphabet[letter])
    magnitude = _MAGNITUDES[index % len(_MAGNITUDES)]
    significant = 100 + (index * 389 + 151) % 900
    return "".join(letters), Decimal(significant).scaleb(magnitude - 2), magnitude


def _grid(magnitude: int) -> tuple[str, str]:
    """Return tick and step at a price about 10^`magnitude`: five digits, a step worth ten cents to a dollar."""
    return str(Decimal(1).scaleb(magnitude - 4)), str(min(Decimal(1), Decimal(1).scaleb(-magnitude - 1)))


def _invented_spot(index: int) -> Symbol:
    name, reference, magnitude = _invented(index)
    return _spot(
        (name, "USDT"),
        _grid(magnitude),
        reference=f"{reference:f}",
        max_qty=f"{Decimal(9_000_000).scaleb(-magnitude):f}",
        max_price=Decimal(10_000).scaleb(magnitude),
    )


def _invented_usdm(index: int) -> Symbol:
    name, reference, magnitude = _invented(index)
    return _usdm(
        name,
        _grid(magnitude),
        reference=f"{reference:f}",
        max_qty=f"{Decimal(5_000_000).scaleb(-magnitude):f}",
        precision=(max(0, 4 - magnitude), max(0, magnitude + 1)),
        max_price=Decimal(10_000).scaleb(magnitude),
    )


def _checked(count: int) -> int:
    if not 1 <= count <= MAX_SYMBOLS:
        raise ValueError(f"expected 1 to {MAX_SYMBOLS} symbols, was {count}")
    return count


def spot_symbols(count: int = len(SPOT)) -> tuple[Symbol, ...]:
    """Return the first `count` (1 to 500) spot pairs: those of `SPOT`, then made-up ones against USDT."""
    known = SPOT[: _checked(count)]
    return known + tuple(_invented_spot(index) for index in range(count - len(known)))


def usdm_symbols(count: int = len(USDM)) -> tuple[Symbol, ...]:
    """Return the first `count` (1 to 500) perpetual contracts: those of `USDM`, then on the made-up assets."""
    known = USDM[: _checked(count)]
    return known + tuple(_invented_usdm(index) for index in range(count - len(known)))
