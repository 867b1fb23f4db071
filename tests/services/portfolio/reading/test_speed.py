"""What is polled often costs no work while nothing changes."""

import time
from collections.abc import Callable
from typing import Any

from shared.bus.messages import Call, Reply
from shared.contracts.portfolio.balances import PortfolioStateFilter
from shared.contracts.portfolio.fields import PortfolioFilter
from shared.contracts.portfolio.orders import OrderFilter
from tests.eventually import eventually
from tests.services.portfolio.reading.replica import HELD, Replica, account
from tests.services.portfolio.recorded import Recorder, balances, order, session


async def test_an_answer_is_encoded_once_until_something_changes(replica: Replica, recorder: Recorder) -> None:
    await recorder(session(), balances(HELD), order("a"))
    await eventually(lambda: replica.views.position == 3)
    call = Call("x", "outside", b"", time.time() + 60)
    reads = replica.reads
    asks: list[Callable[[], Any]] = [
        lambda: reads.portfolio_state(PortfolioStateFilter(), call),
        lambda: reads.active_orders(OrderFilter(), call),
        lambda: reads.distribution(PortfolioFilter(), call),
        lambda: reads.accounts_distribution(PortfolioFilter(), call),
    ]
    for asked in asks:
        first = asked()
        assert isinstance(first, Reply)
        assert asked() is first
        # A snapshot that says the same as the one before changes nothing.
        accounts = [account("main", "paper"), account("other", "binance", "coinbase_wallet_of_bots"), account("z")]
        replica.desired.load(accounts)
        assert asked() is first
