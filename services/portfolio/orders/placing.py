"""Places the orders of one session: recorded first, under the lease, then sent, once.

What the caller learns is what is certain within its patience: acknowledged, refused, or recorded with its outcome to
follow. An outcome that is not known is never a failure; the resolver asks for it.
"""

import asyncio
from dataclasses import dataclass

import asyncpg
import msgspec

from services.portfolio.changes import Change
from services.portfolio.commits import Commits, LeaseLost
from services.portfolio.orders.intents import intended, now, request_of
from services.portfolio.orders.outcomes import placed_before
from services.portfolio.orders.resolving import Resolver
from services.portfolio.orders.rules import Terms, check_numbers, checked_terms
from services.portfolio.orders.state_machine import refused
from services.portfolio.orders.turns import Turns
from services.portfolio.recording.facts import Facts
from services.portfolio.recording.recorder import Recorder
from services.portfolio.repository import Repository, order_row
from services.portfolio.rows import StoredOrder
from shared.bus.messages import Call, Reply
from shared.connectors.catalogue import CONNECTORS, ConnectorKind
from shared.contracts.portfolio import SERVICE
from shared.contracts.portfolio.orders import ORDER_CHANGED, Order, OrderPlace, OrderStatus
from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import (
    Closed,
    DuplicateOrder,
    ExchangeDown,
    ExchangeError,
    NotDone,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from shared.exchanges.interface import TradingAccount
from shared.leases import insert_fenced
from shared.telemetry.logs import logger

#: Seconds after which a caller is answered, whether the exchange has answered or not.
PATIENCE = 2.0
#: Seconds of the deadline that are left for the answer's way back.
WAY_BACK = 0.2
#: Seconds that requests under way may take to end when the session stops.
_GRACE = 3.0

_encode = msgspec.json.Encoder(decimal_format="string").encode
_log = logger("placing")


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending an order has led to; nothing of it is known where the outcome is not."""

    order: Order | None = None
    events: tuple[int, ...] = ()
    refusal: CommandError | None = None


class Placing:
    """Places orders while a session is open."""

    def __init__(
        self,
        repository: Repository,
        commits: Commits,
        recorder: Recorder,
        account: TradingAccount,
        turns: Turns,
        *,
        receive_window_ms: int,
    ) -> None:
        self._repository = repository
        self._commits = commits
        self._recorder = recorder
        self._account = account
        self._turns = turns
        self._receive_window_ms = receive_window_ms
        self._resolver: Resolver | None = None
        #: Orders whose request is under way; they are in here as soon as they are recorded.
        self.sending: dict[str, asyncio.Task[Sent]] = {}

    def resolve_with(self, resolver: Resolver) -> None:
        """Hand orders whose outcome is not known to `resolver`, which in turn leaves those in `sending` alone."""
        self._resolver = resolver

    async def place(self, request: OrderPlace, call: Call) -> Reply:
        """Place an order, or answer with what became of it if it was placed before.

        Raises:
            CommandError: INVALID and REFUSED by the rules, before anything is recorded; REFUSED and UNAVAILABLE with
                the exchange's reason, the order being kept as FAILED; CONFLICT where the id stands for another order.
            LeaseLost: if the session is not ours any more; nothing is recorded or sent.
        """
        until = _until(call)
        check_numbers(request)
        try:
            terms = await self._terms(request)
        except CommandError as error:
            # It may have kept to the rules when it came for the first time.
            return await self.first_outcome(request, call, error)
        order_id = request.client_order_id
        async with self._turns.of(order_id):
            try:
                stored, events = await self._record_intent(request, terms, call.actor)
            except asyncpg.UniqueViolationError:
                stored, events = await self._placed_before(request), ()
            else:
                sending = asyncio.create_task(self._send(stored, call), name=f"place {order_id}")
                self.sending[order_id] = sending
                sending.add_done_callback(lambda _: self.sending.pop(order_id, None))
        return await self._outcome(stored, events, until)

    async def first_outcome(self, request: OrderPlace, call: Call, otherwise: CommandError) -> Reply:
        """Answer with what became of an order that was placed before; one that was not cannot be placed now.

        Raises:
            CommandError: `otherwise` if it was not, or nobody can say; else as `place`.
        """
        try:
            known = await placed_before(self._repository, request)
        except CommandError as error:
            if error.code is ErrorCode.CONFLICT:
                raise
            raise otherwise from None
        if known is None:
            raise otherwise
        return await self._outcome(known, (), _until(call))

    async def sent(self, client_order_id: str, until: float) -> bool:
        """Wait until an order's request is over, up to `until` of the loop's clock; return whether it is."""
        task = self.sending.get(client_order_id)
        if task is None:
            return True
        done, _ = await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return bool(done)

    async def stop(self) -> None:
        """Let the requests under way end, for a moment; what they leave behind, the next owner finds out."""
        tasks = set(self.sending.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GRACE)
            for task in late:
                task.cancel()

    async def _terms(self, request: OrderPlace) -> Terms:
        market = self._account.market
        try:
            rules = await market.rules()
        except ExchangeError as error:
            raise CommandError(
                ErrorCode.UNAVAILABLE, f"The trading rules of {market.connector} are not at hand: {error}"
            ) from error
        rule = rules.get(request.trading_pair)
        if rule is None:
            raise CommandError(
                ErrorCode.REFUSED, f"Trading pair '{request.trading_pair}' not found on {market.connector}"
            )
        linear = CONNECTORS[market.connector].kind is ConnectorKind.PERPETUAL
        return checked_terms(request, rule, market.order_types(), linear=linear)

    async def _record_intent(
        self, request: OrderPlace, terms: Terms, actor: str
    ) -> tuple[StoredOrder, tuple[int, ...]]:
        lease = self._recorder.lease
        stored = intended(request, terms, at=now(), receive_window_ms=self._receive_window_ms, epoch=lease.epoch)

        async def effect(change: Change) -> None:
            if not await insert_fenced(change.connection, lease, "orders", order_row(stored)):
                raise LeaseLost(lease.name)
            change.tell(ORDER_CHANGED, stored.order)

        committed = await self._commits.change(actor, effect)
        return stored, committed.events

    async def _placed_before(self, request: OrderPlace) -> StoredOrder:
        try:
            stored = await placed_before(self._repository, request)
        except CommandError as error:
            if error.code is ErrorCode.CONFLICT:
                raise
            # Not UNAVAILABLE, which would say that no such order was or will be sent: there is one.
            raise CommandError(
                ErrorCode.OUTCOME_UNKNOWN, f"The order was placed before; what became of it: {error.detail}"
            ) from error
        assert stored is not None, "orders are never deleted"
        return stored

    async def _outcome(self, stored: StoredOrder, events: tuple[int, ...], until: float) -> Reply:
        order_id = stored.order.client_order_id
        sending = self.sending.get(order_id)
        order = stored.order
        if sending is not None and await self.sent(order_id, until) and not sending.cancelled():
            sent = sending.result()
            if sent.refusal is not None:
                raise sent.refusal
            order, events = sent.order or order, (*events, *sent.events)
        if order.status is OrderStatus.FAILED:
            raise CommandError(ErrorCode.REFUSED, order.error_message or "The exchange has refused the order")
        return Reply(_encode(order), events)

    async def _send(self, stored: StoredOrder, call: Call) -> Sent:
        """Send the order, once, and record what the exchange says."""
        order_id = stored.order.client_order_id
        try:
            return await self._send_and_record(stored, call)
        except LeaseLost:
            _log.warning("session lost while an order was sent", order=order_id)
            return Sent()
        except (DuplicateOrder, OutcomeUnknown) as error:
            _log.warning("outcome of an order not known", order=order_id, error=str(error))
        except CommandError as error:
            _log.warning("outcome of an order not recorded", order=order_id, error=error.code.value)
        except Exception:
            # Whatever it is, the order may exist: an exchange that answers rubbish has taken it all the same.
            _log.exception("outcome of an order not known", order=order_id)
        if self._resolver is not None:
            asyncio.get_running_loop().call_soon(self._resolver.add, order_id)
        return Sent()

    async def _send_and_record(self, stored: StoredOrder, call: Call) -> Sent:
        if call.seconds_left() <= 0:
            late = CommandError(ErrorCode.EXPIRED, "The deadline had passed before the order could be sent")
            return await self._not_sent(stored, late)
        if not self._account.has_receive_window:
            # Nothing but this keeps an owner that was paused since the intent from sending.
            await self._commits.fenced(self._recorder.lease, SERVICE, _nothing)
        try:
            told = await self._account.place(request_of(stored))
        except DuplicateOrder:
            raise  # an order of that id exists, perhaps this one: a proxy on the way may have sent it twice
        except NotDone as error:
            return await self._not_sent(stored, CommandError(_code_of(error), str(error)))
        recorded = await self._recorder.record(Facts(orders=(told,)))
        return Sent(order=recorded.result[0].order if recorded.result else None, events=recorded.events)

    async def _not_sent(self, stored: StoredOrder, error: CommandError) -> Sent:
        failed = await self._recorder.step(
            stored.order.client_order_id, lambda order, at: refused(order, error.detail, at)
        )
        order = failed.result.order
        # The exchange may have shown the order before it refused it: a proxy on the way may have sent it twice.
        refusal = error if order.status is OrderStatus.FAILED else None
        return Sent(refusal=refusal, order=order, events=failed.events)


def _until(call: Call) -> float:
    """Return how long the caller is waited with, by the loop's clock."""
    return asyncio.get_running_loop().time() + max(0.0, min(PATIENCE, call.seconds_left() - WAY_BACK))


def _code_of(error: NotDone) -> ErrorCode:
    """Return what an error is to the caller: the exchange's no, or a certainty that nothing was sent."""
    if isinstance(error, Refused):
        return ErrorCode.REFUSED
    return ErrorCode.UNAVAILABLE if isinstance(error, Closed | ExchangeDown | RateLimited) else ErrorCode.UPSTREAM


async def _nothing(_: Change) -> None:
    """Change nothing: that it may be done is what is asked."""
