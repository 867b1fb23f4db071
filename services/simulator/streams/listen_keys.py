"""The keys of user streams: one for each account and venue, good for an hour from when it was last asked for."""

import secrets
import string
from collections.abc import Callable

import msgspec

from services.simulator.venue import Venue

#: How long a key lives at Binance, in ms.
LIFE = 60 * 60 * 1000
_LENGTH = 64
_ALPHABET = string.ascii_letters + string.digits


class Owner(msgspec.Struct, frozen=True):
    """Whose a listen key is, and until when, in ms."""

    venue: Venue
    account: str
    until: int


class ListenKeys:
    """All listen keys. A key is as good as a password for its stream, and in no log.

    Args:
        now_ms: the exchange's time.
        life: how long a key lives, in ms.
    """

    def __init__(self, now_ms: Callable[[], int], life: int = LIFE) -> None:
        self._now_ms = now_ms
        self._life = life
        self._owners: dict[str, Owner] = {}
        self._keys: dict[tuple[Venue, str], str] = {}
        self._listeners: list[Callable[[str, Owner, bool], None]] = []

    def listen(self, listener: Callable[[str, Owner, bool], None]) -> None:
        """Have `listener` told of each key that ends, its owner, and whether it ran out (or was closed)."""
        self._listeners.append(listener)

    def owner(self, key: str) -> Owner | None:
        """Return whose key that is."""
        self.expire()
        return self._owners.get(key)

    def open(self, venue: Venue, account: str) -> str:
        """Return the account's key, a new one if there is none; it lives its whole life from now."""
        self.expire()
        key = self._keys.get((venue, account))
        if key is None:
            key = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
            self._keys[venue, account] = key
        self._owners[key] = Owner(venue, account, self._now_ms() + self._life)
        return key

    def extend(self, venue: Venue, account: str, key: str | None) -> bool:
        """Let the key (the account's own for None) live its whole life from now; return whether there is one."""
        self.expire()
        own = self._keys.get((venue, account))
        if own is None or key not in {None, own}:
            return False
        self._owners[own] = Owner(venue, account, self._now_ms() + self._life)
        return True

    def close(self, venue: Venue, account: str, key: str | None) -> bool:
        """End the key; return whether there was one."""
        self.expire()
        own = self._keys.get((venue, account))
        if own is None or key not in {None, own}:
            return False
        self._end(own, ran_out=False)
        return True

    def expire(self) -> None:
        """End all keys whose time is over."""
        now = self._now_ms()
        for key in [key for key, owner in self._owners.items() if owner.until <= now]:
            self._end(key, ran_out=True)

    def _end(self, key: str, *, ran_out: bool) -> None:
        owner = self._owners.pop(key)
        del self._keys[owner.venue, owner.account]
        for listener in self._listeners:
            listener(key, owner, ran_out)
