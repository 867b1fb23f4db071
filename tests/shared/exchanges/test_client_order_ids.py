"""Our client order ids in the forms of exchanges."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.portfolio.fields import CLIENT_ORDER_ID_PATTERN
from shared.exchanges.client_order_ids import ClientOrderIds

_IDS = st.from_regex(CLIENT_ORDER_ID_PATTERN, fullmatch=True)
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
#: What each exchange says that it takes.
FORMS = {
    "binance": r"[.A-Z:/a-z0-9_-]{1,36}",
    "bybit": r"[A-Za-z0-9_-]{1,36}",
    "kucoin": r"[A-Za-z0-9_-]{1,40}",
    "okx": r"[A-Za-z0-9]{1,32}",
    "mexc": r"[A-Za-z0-9_-]{1,32}",
    "gate": r"t-[A-Za-z0-9_.-]{1,26}",
    "kraken": rf"[A-Za-z0-9]{{1,18}}|{_UUID}",
    "pacifica": _UUID,
    "hyperliquid": r"0x[0-9a-f]{32}",
    "backpack": r"[1-9][0-9]{0,9}",
    "lighter": r"[1-9][0-9]{0,14}",
    "ndax": r"[1-9][0-9]{0,18}",
    "grvt": r"[1-9][0-9]{18,19}",
}


@pytest.mark.parametrize("ccxt_id", FORMS)
@given(ours=_IDS)
def test_every_id_of_ours_has_a_form_and_is_known_again(ccxt_id: str, ours: str) -> None:
    ids = ClientOrderIds(ccxt_id)
    told = ids.sent(ours)

    assert re.fullmatch(FORMS[ccxt_id], told)
    assert ids.ours(told) == ours
    assert ClientOrderIds(ccxt_id).sent(ours) == told, "expected the same from every process"


@pytest.mark.parametrize("ccxt_id", FORMS)
def test_ids_do_not_meet(ccxt_id: str) -> None:
    ids = ClientOrderIds(ccxt_id)

    assert len({ids.sent(f"order-number-{number}-of-many") for number in range(2000)}) == 2000


def test_numbers_fit_what_they_are_counted_with() -> None:
    for ccxt_id, most in (("backpack", 2**32), ("dydx", 2**32), ("lighter", 2**48), ("ndax", 2**63), ("grvt", 2**64)):
        numbers = [int(ClientOrderIds(ccxt_id).sent(f"order-{number}")) for number in range(500)]
        assert 0 < min(numbers) <= max(numbers) < most
        assert max(numbers) > most / 4, "expected the room to be used"


def test_ids_of_others_stay_as_they_are() -> None:
    ids = ClientOrderIds("okx")
    assert ids.ours("somebodys") == "somebodys"
    assert ids.ours(None) is None
