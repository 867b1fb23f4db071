"""Which of an exchange's last trades were missed, and what shows that some were. Pure: no I/O, no clock."""

from collections.abc import Sequence

from shared.contracts.marketdata.trades import MarketTrade
from shared.seen_ids import SeenIds

#: Trades in a row by which ids are believed to count: at first, and at most after they were believed wrongly.
ENOUGH = 10
MOST = 10_000


def missed(told: Sequence[MarketTrade], last: MarketTrade, seen: SeenIds) -> tuple[MarketTrade, ...]:
    """Return those of `told` (oldest first) that were made after `last` and were not seen.

    None without ids, and none where the exchange's answer goes back to `last` but does not have its id: then the ids of
    its answers are not those of its stream, and trades would be told twice. Where the answer does not go back so far
    all of it is new, and what lies between is lost.
    """
    if last.id is None or any(trade.id is None for trade in told):
        return ()
    known = next((at for at, trade in enumerate(told) if trade.id == last.id), None)
    if known is None and told and told[0].timestamp <= last.timestamp:
        return ()
    after = told if known is None else told[known + 1 :]
    return tuple([trade for trade in after if trade.id is not None and trade.id not in seen])


def still_untold(untold: tuple[MarketTrade, ...], told: Sequence[MarketTrade]) -> tuple[MarketTrade, ...]:
    """Return those of `untold` that who tells in order may not have told yet when it has told `told`."""
    if not untold or not told:
        return untold
    ids = {trade.id for trade in told}
    return tuple([trade for trade in untold if trade.id not in ids and trade.timestamp >= told[-1].timestamp])


def follows(trade: MarketTrade, last: MarketTrade) -> bool:
    """Return whether nothing can lie between two trades, by ids that count."""
    one, other = _number(trade), _number(last)
    return one is not None and other is not None and one == other + 1


class Counting:
    """Whether a market's ids count by one, so that one left out shows; that is learned, and unlearned if wrong.

    Source: Binance's trade ids are such. Others may count for all pairs together, or not at all.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._enough = ENOUGH

    def shows_gap(self, trades: Sequence[MarketTrade], last: MarketTrade) -> bool:
        """Return whether trades were left out before or among `trades`, as far as their ids tell."""
        gap = False
        for trade in trades:
            one, other = _number(trade), _number(last)
            if one is None or other is None or one <= other:
                continue  # it cannot be told, or came twice or late
            if one == other + 1:
                self._in_a_row += 1
            elif self._in_a_row >= self._enough:
                gap = True
            else:
                self._in_a_row = 0
            last = trade
        return gap

    def was_wrong(self) -> None:
        """Take note that nothing was left out where a gap showed: believe the next ones less easily."""
        self._in_a_row = 0
        self._enough = min(2 * self._enough, MOST)


def _number(trade: MarketTrade) -> int | None:
    return int(trade.id) if trade.id is not None and trade.id.isdecimal() else None
