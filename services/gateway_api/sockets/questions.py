"""What the clients of `/ws/market-data` send, and what is wrong with it."""

import math
from enum import StrEnum
from typing import Annotated

import msgspec

from services.gateway_api.inputs import fields
from shared.bus.invalid import field_error
from shared.contracts.marketdata.feeds import FeedKind, FeedRef
from shared.names import is_name

#: Clients take a text with these words for one that will not change, and give up; see docs of `/ws/market-data`.
PERMANENT = "appears to be invalid"

_MOST_RECORDS = 5000
_MOST_LEVELS = 1000
_LONGEST_INTERVAL = 8


class Action(StrEnum):
    """What a client wants."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"


class Refusal(Exception):
    """A message that is answered with an error frame of this text; the connection stays."""


class Subscription(msgspec.Struct, frozen=True):
    """What is to be pushed, and how often.

    Attributes:
        id: names it on its connection.
        feed: where it comes from.
        most: candles of an array, or levels a side.
        every: seconds between two pushes.
    """

    id: str
    feed: FeedRef
    most: int
    every: float


class Question(msgspec.Struct, frozen=True):
    """A message of a client. What belongs to another action is not looked at."""

    action: str | None = None
    type: str | None = None
    connector: str | None = None
    trading_pair: str | None = None
    interval: str | None = None
    max_records: Annotated[int, msgspec.Meta(ge=1)] | None = None
    depth: Annotated[int, msgspec.Meta(ge=1)] | None = None
    update_interval: float | None = None
    subscription_id: str | None = None


_decoder = msgspec.json.Decoder(Question)


def read(message: str | bytes) -> Question:
    """Return what a client sent.

    Raises:
        Refusal: if it is not a JSON object, or a field of it has the wrong type.
    """
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError as error:
        fault = field_error(error)
        place = ".".join(str(step) for step in fault.loc) or "the message"
        raise Refusal(f"{place} {PERMANENT}: {fault.msg}") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refusal("The message is not valid JSON") from None


def action_of(question: Question) -> Action:
    """Return what the client wants.

    Raises:
        Refusal: if there is no such action.
    """
    try:
        return Action(question.action or "")
    except ValueError:
        raise Refusal(f"Unknown action: expected one of {', '.join(Action)}") from None


def subscription_of(question: Question, shortest: float, longest: float) -> Subscription:
    """Return what is to be pushed; `shortest` and `longest` bound the seconds between two pushes.

    Raises:
        Refusal: if something is missing, or cannot be.
    """
    kind = _KINDS.get(question.type or "")
    if kind is None:
        raise Refusal(f"Unknown subscription type: expected one of {', '.join(_KINDS)}")
    connector, pair = question.connector, question.trading_pair
    if not connector or not pair:
        raise Refusal("connector and trading_pair are required")
    if not is_name(connector):
        raise Refusal(f"The connector {PERMANENT}")
    if fields.PAIR.match(pair) is None:
        raise Refusal(f"The trading pair {PERMANENT}")
    every = _clamped(question.update_interval, shortest, longest)
    name = f"{kind}_{connector}_{pair}"
    if kind is FeedKind.CANDLES:
        interval = question.interval or "1m"
        if len(interval) > _LONGEST_INTERVAL or not interval.isalnum():
            raise Refusal(f"The interval {PERMANENT}")
        feed = FeedRef(kind, connector, pair, interval)
        return Subscription(f"{name}_{interval}", feed, min(question.max_records or 100, _MOST_RECORDS), every)
    most = min(question.depth or 10, _MOST_LEVELS) if kind is FeedKind.BOOK else 0
    return Subscription(name, FeedRef(kind, connector, pair), most, every)


_KINDS = {str(kind): kind for kind in (FeedKind.CANDLES, FeedKind.BOOK, FeedKind.TRADES)}


def _clamped(given: float | None, shortest: float, longest: float) -> float:
    value = 1.0 if given is None or math.isnan(given) else given
    return min(max(value, shortest), longest)
