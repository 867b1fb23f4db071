"""Which of an exchange's last trades were missed while nobody followed them. Pure."""

from collections.abc import Sequence

from shared.contracts.marketdata.trades import MarketTrade
from shared.seen_ids import SeenIds


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


def follows(trade: MarketTrade, last: MarketTrade) -> bool:
    """Return whether nothing can lie between two trades, by ids that count."""
    ids = (last.id or "", trade.id or "")
    return all(each.isdecimal() for each in ids) and int(ids[1]) == int(ids[0]) + 1
