"""The client order ids that the edge gives to orders whose callers gave none."""

import hashlib
import secrets
import time
from collections.abc import Callable

_PREFIX = "hb-"
_RANDOM_BYTES = 7
#: With the prefix 32 characters: the shortest limit among the exchanges.
_DIGEST_LENGTH = 29


def _microseconds() -> int:
    return time.time_ns() // 1000


class ClientOrderIds:
    """Makes ids of at most 32 letters, digits and hyphens that sort by the time of their making.

    An id is `hb-`, the microseconds since 1970 in 13 hexadecimal digits (until the year 2112), a hyphen and 56 random
    bits, so that replicas that know nothing of each other do not make the same one.
    """

    def __init__(self, clock: Callable[[], int] = _microseconds) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> str:
        """Return an id that sorts after all that this instance has made, also when the clock is set back."""
        self._last = max(self._last + 1, self._clock())
        return f"{_PREFIX}{self._last:013x}-{secrets.token_hex(_RANDOM_BYTES)}"


def of_key(actor: str, key: str) -> str:
    """Return the id of the order that `actor` places under an idempotency key: the same for the same key."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.sha256(f"{len(actor)}:{actor}:{key}".encode()).hexdigest()
    return _PREFIX + digest[:_DIGEST_LENGTH]
