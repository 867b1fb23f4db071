"""What answers of the WebSocket API say of limits: `rateLimits`, and when to come back.

Source: "Rate limits" of `web-socket-api.md`. Of the limits those are told that a request counts towards: the weight of
its address, and the new orders of its account if it places any.
"""

import msgspec

from services.simulator.engine.refusal import Refusal
from services.simulator.rest.refusals import TooManyRequests
from services.simulator.rest.weights import Meter

_TOO_MANY_ORDERS = -1015


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """How much of a limit is used up in its present interval."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int


class RetryAfter(msgspec.Struct, frozen=True, rename="camel"):
    """The `data` of an answer with status 429 or 418: what time it is, and when to ask again, in ms."""

    server_time: int
    retry_after: int


def rate_limits(meter: Meter, address: str, account: str | None, now: int) -> list[RateLimit]:
    """Return the limits that a request of `address` counted towards; `account` is of one that places orders."""
    weight = RateLimit("REQUEST_WEIGHT", "MINUTE", 1, meter.limits.weight, meter.used(address, now))
    if account is None:
        return [weight]
    orders = meter.orders(account, now).items()
    return [*(RateLimit("ORDERS", one.interval, one.number, one.limit, count) for one, count in orders), weight]


def retry_after(refused: Refusal, meter: Meter, account: str | None, now: int) -> RetryAfter | None:
    """Return when to come back after a refusal because of limits, None after any other."""
    if isinstance(refused, TooManyRequests):
        return RetryAfter(now, now + refused.retry_after * 1000)
    if refused.code != _TOO_MANY_ORDERS or account is None:
        return None
    used_up = [one.length for one, count in meter.orders(account, now).items() if count >= one.limit]
    return RetryAfter(now, max(((now // length + 1) * length for length in used_up), default=now))
