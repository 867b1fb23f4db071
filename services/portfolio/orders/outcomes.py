"""What became of an order that was placed before, for who asks again under its id."""

from services.portfolio.orders.intents import content_hash
from services.portfolio.repository import Repository
from services.portfolio.rows import StoredOrder
from shared.contracts.portfolio.orders import OrderPlace
from shared.errors import CommandError, ErrorCode


async def placed_before(repository: Repository, request: OrderPlace) -> StoredOrder | None:
    """Return the order that `request` has led to when it came for the first time; None if it never came so far.

    Raises:
        CommandError: CONFLICT where its id stands for another order; UNAVAILABLE if the database cannot be asked.
    """
    stored = await repository.order(request.client_order_id)
    if stored is not None and stored.request_hash != content_hash(request):
        raise CommandError(
            ErrorCode.CONFLICT,
            f"Client order id '{request.client_order_id}' was used before for another order",
        )
    return stored
