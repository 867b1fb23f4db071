"""Ends the orders of one session: the wish is recorded first, then sent, and what became of it asked for.

A wish that could not be sent, or whose answer was lost, is left to the resolver: to cancel twice does no harm.
"""

import asyncio

import msgspec

from services.portfolio.commits import LeaseLost
from services.portfolio.orders.placing import PATIENCE, WAY_BACK, Placing
from services.portfolio.orders.resolving import Resolver
from services.portfolio.orders.state_machine import cancelling
from services.portfolio.orders.turns import Turns
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository
from shared.bus.messages import Call, Reply
from shared.contracts.portfolio.orders import OrderCancel, OrderCancelled
from shared.errors import CommandError, not_found
from shared.exchanges.errors import ExchangeError
from shared.tasks import end_task
from shared.telemetry.logs import logger

_encode = msgspec.json.Encoder(decimal_format="string").encode
_log = logger("cancelling")


class Cancelling:
    """Cancels orders while a session is open."""

    def __init__(
        self, repository: Repository, recorder: Recorder, placing: Placing, resolver: Resolver, turns: Turns
    ) -> None:
        self._repository = repository
        self._recorder = recorder
        self._placing = placing
        self._resolver = resolver
        self._turns = turns
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def cancel(self, request: OrderCancel, call: Call) -> Reply:
        """Cancel an order; answer when it is over or, within the caller's patience, with what is under way.

        Raises:
            CommandError: NOT_FOUND if the session has no such order, or it is over.
            LeaseLost: if the session is not ours any more; nothing is recorded or sent.
        """
        until = asyncio.get_running_loop().time() + max(0.0, min(PATIENCE, call.seconds_left() - WAY_BACK))
        async with self._turns.of(request.order_id):  # behind the order's placing, should that have just begun
            found = await self._repository.order_of(self._recorder.key, request.order_id)
            if found is None:
                raise not_found(f"Order '{request.order_id}' not found")
            order_id = found.order.client_order_id
            committed = await self._recorder.step(order_id, cancelling, call.actor)
        if committed.result.order.status.is_final:
            status = committed.result.order.status.value.lower()
            raise not_found(f"Order '{request.order_id}' is not active: it is {status}")
        task = self._tasks.get(order_id)
        if task is None:
            task = asyncio.create_task(self._send(order_id), name=f"cancel {order_id}")
            self._tasks[order_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(order_id, None))
        await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        if not task.done():
            return Reply(_encode(OrderCancelled(committed.result.order)), committed.events)
        try:
            now = await self._repository.order(order_id) or committed.result
        except CommandError:
            # The wish is recorded and sent, so this is no reason to say that nothing was done.
            now = committed.result
        return Reply(_encode(OrderCancelled(now.order)), tuple(self._recorder.latest_events))

    async def stop(self) -> None:
        """Stop; the wishes are recorded, and the next owner sends them."""
        for task in tuple(self._tasks.values()):
            await end_task(task)

    async def _send(self, order_id: str) -> None:
        """Send the wish, once the order's own request is over."""
        placing = self._placing.sending.get(order_id)
        if placing is not None:
            await asyncio.wait({placing})
        try:
            stored = await self._repository.order(order_id)
            if stored is not None and stored.order.exchange_order_id is not None:
                await self._resolver.cancel(stored)
            if await self._resolver.look(order_id) is None:
                return
        except LeaseLost:
            return
        except (ExchangeError, CommandError) as error:
            _log.info("cancellation to be sent again", order=order_id, error=type(error).__name__)
        self._resolver.add(order_id)
