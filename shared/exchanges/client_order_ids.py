"""Our client order ids in the form that an exchange takes.

Where an exchange takes ours as they are, they are sent so. Elsewhere it gets one that follows from ours (a hash), so
that an order can always be asked for, also by a process that did not send it.
"""

import hashlib
import re
import uuid
from collections import OrderedDict
from collections.abc import Callable

import msgspec

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class Form(msgspec.Struct, frozen=True):
    """What ids an exchange takes, and how one is made of a hash."""

    pattern: str
    made: Callable[[bytes], str]


def _number(lowest: int, bits: int) -> Form:
    return Form(r"(?!)", lambda digest: str(lowest + int.from_bytes(digest[:8], "big") % 2**bits))


def _uuid(digest: bytes) -> str:
    return str(uuid.UUID(bytes=digest[:16], version=4))


#: Sources: "Place order" of each exchange's documentation, and `create_order` in ccxt 4.5.64 for the numbers.
_FORMS: dict[str, Form] = {
    "okx": Form(r"[A-Za-z0-9]{1,32}", lambda digest: digest.hex()[:32]),
    "mexc": Form(r"[A-Za-z0-9_-]{1,32}", lambda digest: digest.hex()[:32]),
    "gate": Form(r"t-[A-Za-z0-9_-]{1,26}", lambda digest: "t-" + digest.hex()[:26]),
    "kraken": Form(rf"[A-Za-z0-9]{{1,18}}|{_UUID}", _uuid),
    "pacifica": Form(_UUID, _uuid),
    "hyperliquid": Form(r"0x[0-9a-f]{32}", lambda digest: "0x" + digest.hex()[:32]),
    "backpack": _number(1, 31),
    "dydx": _number(1, 31),
    "lighter": _number(1, 47),
    "ndax": _number(1, 62),
    "grvt": _number(2**63, 62),
}
#: Ids of which it is remembered what they are with us.
_REMEMBERED = 20_000


class ClientOrderIds:
    """The ids of one account."""

    def __init__(self, ccxt_id: str) -> None:
        self._form = _FORMS.get(ccxt_id)
        self._ours: OrderedDict[str, str] = OrderedDict()

    def sent(self, client_order_id: str) -> str:
        """Return what the exchange is told."""
        if self._form is None or re.fullmatch(self._form.pattern, client_order_id):
            return client_order_id
        told = self._form.made(hashlib.sha256(client_order_id.encode()).digest())
        self._ours[told] = client_order_id
        self._ours.move_to_end(told)
        if len(self._ours) > _REMEMBERED:
            self._ours.popitem(last=False)
        return told

    def ours(self, told: str | None) -> str | None:
        """Return our id for what the exchange tells, where this object has sent it or asked for it; else as told."""
        return self._ours.get(told, told) if told is not None else None
