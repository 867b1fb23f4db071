"""How much an address and an account may ask: request weights a minute, new orders an interval, and bans.

Source: "LIMITS" in Binance's spot `rest-api.md` and "General Info" of the USD-M futures documentation. Simpler here:
orders that trade do not give back what they counted, and windows are those of the clock.
"""

from collections.abc import Mapping

import msgspec

from services.simulator.rest import refusals

_MINUTE = 60_000
#: An address that was refused so often in a minute is banned, for two minutes at first and three days at most.
_REFUSALS_BEFORE_BAN = 100
_FIRST_BAN = 2 * _MINUTE
_LONGEST_BAN = 3 * 24 * 60 * _MINUTE


class OrderLimit(msgspec.Struct, frozen=True):
    """New orders of an account in `length` ms; `interval` and `number` as in `rateLimits`, `letter` as in headers."""

    interval: str
    number: int
    length: int
    limit: int
    letter: str


class VenueLimits(msgspec.Struct, frozen=True):
    """Weight of an address in a minute, new orders of an account; what is said when the weight is used up, and after.

    The texts have the limit and the end of the ban (ms) in braces.
    """

    weight: int
    orders: tuple[OrderLimit, ...]
    used_up: str
    banned: str


class RateLimits(msgspec.Struct, frozen=True):
    """The limits of each venue."""

    spot: VenueLimits
    usdm: VenueLimits

    def times(self, factor: int) -> "RateLimits":
        """Return limits that are `factor` times as wide, for whoever trades faster here than Binance lets them."""
        return RateLimits(_times(self.spot, factor), _times(self.usdm, factor))


def _times(limits: VenueLimits, factor: int) -> VenueLimits:
    orders = tuple(msgspec.structs.replace(one, limit=one.limit * factor) for one in limits.orders)
    return msgspec.structs.replace(limits, weight=limits.weight * factor, orders=orders)


#: As Binance has them.
BINANCE = RateLimits(
    spot=VenueLimits(
        6000,
        (OrderLimit("SECOND", 10, 10_000, 100, "10s"), OrderLimit("DAY", 1, 86_400_000, 200_000, "1d")),
        "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        "Way too much request weight used; IP banned until {}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
    ),
    usdm=VenueLimits(
        2400,
        (OrderLimit("SECOND", 10, 10_000, 300, "10s"), OrderLimit("MINUTE", 1, _MINUTE, 1200, "1m")),
        "Too many requests; current limit is {} requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
        "Way too many requests; IP banned until {}. Please use the websocket for live updates to avoid bans.",
    ),
)


class _Window:
    """What was counted since the window began, by whom; a new window forgets it all."""

    __slots__ = ("_length", "_number", "counts")

    def __init__(self, length: int) -> None:
        self._length = length
        self._number = -1
        self.counts: dict[str, int] = {}

    def at(self, now: int) -> dict[str, int]:
        number = now // self._length
        if number != self._number:
            self._number = number
            self.counts = {}
        return self.counts

    def seen_at(self, now: int) -> Mapping[str, int]:
        """Return what was counted, and begin no new window: whoever asks may have the time wrong."""
        return self.counts if now // self._length == self._number else {}


class _Ban(msgspec.Struct):
    until: int
    length: int


class Meter:
    """Counts what addresses and accounts ask of one venue."""

    def __init__(self, limits: VenueLimits) -> None:
        self.limits = limits
        self._weights = _Window(_MINUTE)
        self._refusals = _Window(_MINUTE)
        self._orders = tuple((one, _Window(one.length)) for one in limits.orders)
        self._bans: dict[str, _Ban] = {}

    def spend(self, address: str, weight: int, now: int) -> int:
        """Count a request of `weight`; return what the address has used in this minute.

        Raises:
            TooManyRequests: 429 when the limit is used up, 418 while the address is banned.
        """
        ban = self._bans.get(address)
        if ban is not None and now < ban.until:
            raise self._banned(ban, now)
        weights = self._weights.at(now)
        used = weights[address] = weights.get(address, 0) + weight
        if used > self.limits.weight:
            self._refuse(address, now)
        return used

    def used(self, address: str, now: int) -> int:
        """Return the weight that the address has used in this minute."""
        return self._weights.seen_at(now).get(address, 0)

    def _refuse(self, address: str, now: int) -> None:
        refused = self._refusals.at(now)
        refused[address] = refused.get(address, 0) + 1
        if refused[address] > _REFUSALS_BEFORE_BAN:
            before = self._bans.get(address)
            length = min(before.length * 2, _LONGEST_BAN) if before else _FIRST_BAN
            ban = self._bans[address] = _Ban(now + length, length)
            self._forget_bans(now)
            raise self._banned(ban, now)
        raise refusals.TooManyRequests(
            429, self.limits.used_up.format(self.limits.weight), -(-(_MINUTE - now % _MINUTE) // 1000)
        )

    def _forget_bans(self, now: int) -> None:
        self._bans = {address: ban for address, ban in self._bans.items() if now < ban.until + _LONGEST_BAN}

    def count_orders(self, account: str, orders: int, now: int) -> None:
        """Count new orders, which Binance does whatever comes of them.

        Raises:
            Refusal: -1015 when the account has none left; nothing is counted then.
        """
        for one, window in self._orders:
            if window.at(now).get(account, 0) + orders > one.limit:
                raise refusals.too_many_orders(one.limit, f"{one.number} {one.interval}")
        for _, window in self._orders:
            window.counts[account] = window.counts.get(account, 0) + orders

    def orders(self, account: str, now: int) -> Mapping[OrderLimit, int]:
        """Return how many new orders the account has sent in each interval."""
        return {one: window.seen_at(now).get(account, 0) for one, window in self._orders}

    def _banned(self, ban: _Ban, now: int) -> refusals.TooManyRequests:
        return refusals.TooManyRequests(418, self.limits.banned.format(ban.until), -(-(ban.until - now) // 1000))
