"""One socket of `/ws/market-data`: its client's messages and their answers, its subscriptions, and how it ends.

The client takes the next frame after a message for its answer. So nothing else is written from the moment in which a
message comes until it is answered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from services.gateway_api.caller import Caller
from services.gateway_api.sockets import frames
from services.gateway_api.sockets.channels import Channels
from services.gateway_api.sockets.pace import Pace
from services.gateway_api.sockets.questions import (
    PERMANENT,
    Action,
    Question,
    Refusal,
    Subscription,
    action_of,
    read,
    subscription_of,
)
from shared.errors import CommandError, ErrorCode
from shared.http.websocket import Line
from shared.telemetry.logs import logger

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

#: Bytes that a client may have yet to read before it is sent more.
MOST_WAITING = 512 * 1024
#: Seconds that it may stay behind.
LONGEST_BEHIND = 10.0
TRY_AGAIN_LATER = 1013

_TOO_SLOW = "too slow: frames were not read in time"

_log = logger("sockets")


class Connection:
    """A socket whose client has proved who it is."""

    def __init__(self, line: Line, caller: Caller, channels: Channels, pace: Pace, connection_id: str) -> None:
        self.caller = caller
        self.line = line
        self._channels = channels
        self._pace = pace
        self._id = connection_id
        self._subscriptions: dict[str, Subscription] = {}
        self._beat_due = False
        self._ended = False

    async def serve(self, receive: Receive) -> None:
        """Answer the client until it leaves or is made to."""
        self.write(frames.connected(self._id))
        self.line.allow_direct()
        self.line.answered()
        beating = asyncio.create_task(self._beat(), name="heartbeat")
        try:
            while (message := await receive())["type"] == "websocket.receive" and not self._ended:
                if self._readable():
                    answer = await self._answer(message.get("text") or message.get("bytes") or b"")
                    self.write(answer)
                self.line.answered()
                self._beat_if_due()
        finally:
            beating.cancel()
            for subscription in self._subscriptions.values():
                self._channels.leave(self, subscription)
            self._subscriptions.clear()

    def takes(self) -> bool:
        """Return whether a push may be written, asked where `line` is not direct; end a client that is long behind."""
        return not self.line.asked and self._readable()

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        if not self._ended:
            self.line.write(frame)

    def end(self, code: int, reason: str) -> None:
        """Say why, and close."""
        if not self._ended:
            self.line.write(frames.error(reason))
            self._ended = True
            self.line.finish(code, reason)

    def _readable(self) -> bool:
        if self._ended:
            return False
        if self.line.waiting <= MOST_WAITING:
            self.line.behind_since = None
            return True
        now = time.monotonic()
        if self.line.behind_since is None:
            self.line.behind_since = now
        elif now - self.line.behind_since > LONGEST_BEHIND:
            _log.warning("slow reader ended", connection=self._id, waiting=self.line.waiting)
            self.end(TRY_AGAIN_LATER, _TOO_SLOW)
        return False

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._pace.heartbeat)
            self._beat_due = True
            self._beat_if_due()

    def _beat_if_due(self) -> None:
        if self._beat_due and self.takes():
            self._beat_due = False
            self.write(frames.heartbeat())

    async def _answer(self, message: str | bytes) -> bytes:
        try:
            question = read(message)
            action = action_of(question)
            if action is Action.SUBSCRIBE:
                return await self._subscribe(question)
            if action is Action.UNSUBSCRIBE:
                return self._unsubscribe(question)
        except Refusal as refusal:
            return frames.error(str(refusal))
        return frames.pong()

    async def _subscribe(self, question: Question) -> bytes:
        wanted = subscription_of(question, self._pace.shortest, self._pace.longest)
        before = self._subscriptions.get(wanted.id)
        if before is None and len(self._subscriptions) >= self._pace.most_subscriptions:
            raise Refusal(f"A connection has at most {self._pace.most_subscriptions} subscriptions")
        try:
            await self._channels.join(self, wanted, self.caller.actor)
        except CommandError as error:
            raise Refusal(_reason(error)) from None
        if before is not None and before != wanted:
            self._channels.leave(self, before)
        self._subscriptions[wanted.id] = wanted
        return frames.subscribed(wanted.id)

    def _unsubscribe(self, question: Question) -> bytes:
        if not question.subscription_id:
            raise Refusal("subscription_id is required")
        subscription = self._subscriptions.pop(question.subscription_id, None)
        if subscription is None:
            raise Refusal("There is no subscription of this subscription_id")
        self._channels.leave(self, subscription)
        return frames.unsubscribed(subscription.id)


def _reason(error: CommandError) -> str:
    """Return what a client is told; the words by which it knows what is for ever from what passes."""
    if error.code is ErrorCode.NOT_FOUND:
        return f"404: {error.detail}"
    if error.code in {ErrorCode.REFUSED, ErrorCode.INVALID}:
        return f"The subscription {PERMANENT}: {error.detail}"
    return f"The feed could not be started: {error.detail}"
