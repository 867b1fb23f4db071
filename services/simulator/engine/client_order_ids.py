"""The form that Binance asks of client order ids."""

import re

#: As Binance's documentation and error texts write it.
LEGAL = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
MAX_LENGTH = 36
_LEGAL = re.compile(LEGAL)

#: What Binance calls the field.
PARAMETER = "newClientOrderId"


def is_legal(client_order_id: str) -> bool:
    """Return whether `client_order_id` is 1 to 36 letters, digits or `.:/_-`."""
    return _LEGAL.fullmatch(client_order_id) is not None
