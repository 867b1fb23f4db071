"""What the marketdata service answers to, and what it sends while markets move; by topic."""

from shared.contracts.marketdata import books, candles, feeds, funding, rates, rules, tickers, trades
from shared.contracts.marketdata.fields import SERVICE

__all__ = ["COMMANDS", "EVENTS", "LIVE", "SERVICE"]

COMMANDS = (
    rules.COMMANDS
    + tickers.COMMANDS
    + books.COMMANDS
    + candles.COMMANDS
    + funding.COMMANDS
    + feeds.COMMANDS
    + rates.COMMANDS
)
EVENTS = candles.EVENTS + rates.EVENTS
LIVE = tickers.LIVE + books.LIVE + trades.LIVE + candles.LIVE + funding.LIVE
