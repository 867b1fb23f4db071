"""What we put between ccxt's classes and the network: limits, signing time, and what became of a request."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import aiohttp
import ccxt
import ccxt.async_support
import ccxt.pro
import msgspec

from shared.exchanges import binance_codes
from shared.exchanges.binance_codes import TooManyOrders
from shared.exchanges.clock import Clock
from shared.exchanges.errors import Closed, ExchangeDown, ExchangeError, RateLimited, Refused
from shared.exchanges.request_weights import Venue, is_new_order, used_weight
from shared.exchanges.traffic import Traffic, limits_told
from shared.exchanges.translation import scrubbed
from shared.exchanges.unanswered import Unanswered

#: ccxt logs requests with their keys and signatures at level DEBUG.
_silent = logging.getLogger("shared.exchanges.wire.silent")
_silent.disabled = True


class Signing(msgspec.Struct, frozen=True):
    """When a request counts as sent, in ms of our clock, and for how long the exchange may take it."""

    sent_ms: int
    receive_window_ms: int


_signing: ContextVar[Signing | None] = ContextVar("signing", default=None)


@contextmanager
def signed_as_of(signing: Signing) -> Iterator[None]:
    """Have the requests within carry this time and window, where the exchange checks them."""
    token = _signing.set(signing)
    try:
        yield
    finally:
        _signing.reset(token)


class Wire:
    """Comes before an exchange's class of ccxt's among the bases, and has the last word on the network."""

    venue_name: str
    venue: Venue
    traffic: Traffic
    clock: Clock | None
    #: Whether refusals have Binance's codes.
    has_binance_codes: bool

    def wired(self, name: str, venue: Venue, traffic: Traffic, clock: Clock | None, *, has_binance_codes: bool) -> None:
        """Take what only we know of the exchange; to be called once, right after the making."""
        self.venue_name = name
        self.venue = venue
        self.traffic = traffic
        self.clock = clock
        self.has_binance_codes = has_binance_codes
        self.logger = _silent
        self._delayed: list[asyncio.TimerHandle] = []
        self._is_closed = False
        #: Set when a socket stands.
        self.socket_stands = asyncio.Event()

    async def fetch2(  # noqa: PLR0917 - ccxt's signature
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = {},  # noqa: B006
        headers: Any = None,
        body: Any = None,
        config: Any = {},  # noqa: B006
    ) -> Any:
        """Ask, when it is this request's turn."""
        base: Any = super()
        cost = base.calculate_rate_limiter_cost(api, method, path, params, config)
        factor = self.venue.weight_of_cost
        weight = float(cost) * (factor if factor is not None else float(self.rateLimit))  # type: ignore[attr-defined]
        new_orders = 1 if self.venue.orders and is_new_order(method, path) else 0
        await self.traffic.enter(weight, new_orders)
        answer = await base.fetch2(path, api, method, params, headers, body, config)
        if self.venue.tells_limits and path == "exchangeInfo" and isinstance(answer, dict):
            address, orders = limits_told(answer.get("rateLimits") or ())
            if address:
                self.traffic.address.change_limits(address)
            if orders:
                self.traffic.orders.change_limits(orders)
        return answer

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Ask over the network; tell what cannot have arrived from what may have.

        Not after the end: ccxt would open connections anew, which nobody closes.
        """
        if self._is_closed:
            raise Closed(f"{self.venue_name}: these keys are not used any more; nothing was sent")
        base: Any = super()
        try:
            return await base.fetch(url, method, headers, body)
        except ccxt.BaseError as error:
            cause = error.__cause__
            if isinstance(cause, aiohttp.ClientConnectorError):
                raise ExchangeDown(f"{self.venue_name} cannot be reached") from None
            if isinstance(cause, aiohttp.ClientError | TimeoutError | OSError):
                raise Unanswered(_silence(self.venue_name, cause)) from None
            raise
        except OSError as error:
            raise Unanswered(_silence(self.venue_name, error)) from None

    def handle_errors(  # noqa: PLR0917 - ccxt's signature
        self, code: int | None, reason: str, url: str, method: str, headers: Any, body: str, response: Any, *asked: Any
    ) -> Any:
        """Raise what an answer means where it is not a good one."""
        # A perpetual's keys are asked about under /sapi, whose count is that of the spot market.
        counted = self.venue.counts(url)
        if counted and self.venue.weight_header is not None:
            used = used_weight(headers, self.venue.weight_header)
            if used is not None:
                self.traffic.address.used(60.0, used)
        meaning = self._meaning_of(response)
        if code in (418, 429):
            wait = _retry_after(headers)
            if isinstance(meaning, TooManyOrders):
                self.traffic.orders_refused(wait)
            elif counted:
                self.traffic.refused(wait)
            raise RateLimited(f"{self.venue_name} refuses more requests for now", wait)
        if meaning is not None and not (code is not None and code >= 500 and isinstance(meaning, Refused)):
            raise meaning
        if code in (401, 403) and not isinstance(response, dict | list):
            # Not the exchange's own words: a firewall before it. Of keys it knows nothing.
            raise ExchangeDown(f"{self.venue_name} refuses this address (status {code})")
        if code is not None and code >= 500:
            # Whatever it says with it: "the execution status is unknown and could have been a success" (Binance's
            # "General API information" on HTTP 5XX).
            raise Unanswered(f"{self.venue_name} answered with status {code}")
        base: Any = super()
        return base.handle_errors(code, reason, url, method, headers, body, response, *asked)

    def _meaning_of(self, answer: Any) -> ExchangeError | None:
        """Return what Binance says in an answer that is a refusal; its codes are negative, on sockets too."""
        code = str(answer.get("code", "")) if self.has_binance_codes and isinstance(answer, dict) else ""
        # ccxt reads numbers of answers as text, those of sockets as numbers.
        if not (code.startswith("-") and code[1:].isdigit()):
            return None
        return binance_codes.meaning_of(int(code), scrubbed(str(answer.get("msg", ""))))

    def sign(self, path: str, *asked: Any, **named: Any) -> Any:
        """Sign a request, with the time and window that were asked for."""
        base: Any = super()
        signing = _signing.get()
        if signing is None or self.clock is None:
            return base.sign(path, *asked, **named)
        options: Any = self.options  # type: ignore[attr-defined]
        usual = options.get("recvWindow")
        options["recvWindow"] = signing.receive_window_ms
        try:
            return base.sign(path, *asked, **named)
        finally:
            options["recvWindow"] = usual

    def nonce(self) -> Any:
        """Return the time to sign with, by the exchange's clock where it is measured."""
        base: Any = super()
        if self.clock is None:
            return base.nonce()
        signing = _signing.get()
        now = signing.sent_ms if signing is not None else int(base.milliseconds())
        return now + self.clock.offset_ms

    async def handle_builder_fee_approval(self, *_: Any) -> bool:
        """Do nothing: ccxt would sign, with the user's key, a consent to fees for its authors."""
        return False

    def delay(self, timeout: float, method: Any, *args: Any) -> Any:
        """Have something done later, but not after the end."""
        base: Any = super()
        handle: asyncio.TimerHandle = base.delay(timeout, method, *args)
        self._delayed = [*(one for one in self._delayed if not one.cancelled()), handle]
        return handle

    def on_connected(self, client: Any, message: Any = None) -> None:
        """Take note that a socket stands."""
        self.socket_stands.set()
        base: Any = super()
        base.on_connected(client, message)

    async def close(self, *asked: Any) -> None:
        """End all connections, and what was to be done later. Nothing is sent any more."""
        self._is_closed = True
        for handle in self._delayed:
            handle.cancel()
        self._delayed = []
        base: Any = super()
        await base.close(*asked)


def _silence(name: str, error: BaseException) -> str:
    """Return in words that no answer came; the error's own text may hold the request with its signature."""
    return f"{name} did not answer ({type(error).__name__})"


def _retry_after(headers: Any) -> float | None:
    for name, value in dict(headers or {}).items():
        if name.lower() == "retry-after" and str(value).isdigit():
            return float(value)
    return None


@cache
def wired_class(ccxt_id: str) -> Any:
    """Return an exchange's class with our wire before it: with streams where ccxt has them, else without."""
    streaming = hasattr(ccxt.pro, ccxt_id)
    base = getattr(ccxt.pro if streaming else ccxt.async_support, ccxt_id)
    return type(f"Wired_{ccxt_id}", (Wire, base), {})
