"""What the portfolio service answers to and what it tells: sessions, orders, trades, balances; by topic."""

from shared.contracts import credentials
from shared.contracts.portfolio import balances, distributions, keys, orders, sessions, trades
from shared.contracts.portfolio.fields import SERVICE

__all__ = ["COMMANDS", "EVENTS", "FOLLOWED", "SERVICE"]

#: The services whose events its answers depend on: a query may name these as well as its own in `Hb-After`.
FOLLOWED = (credentials.SERVICE,)

COMMANDS = (
    sessions.COMMANDS + orders.COMMANDS + trades.COMMANDS + balances.COMMANDS + distributions.COMMANDS + keys.COMMANDS
)
EVENTS = sessions.EVENTS + orders.EVENTS + trades.EVENTS + balances.EVENTS
