"""How the books of a connector are followed, by all replicas together."""

from collections.abc import Iterable

import msgspec

from services.marketdata.book_feed import BookFeed
from services.marketdata.feeds import Feeds
from shared.contracts.marketdata.books import BookDiagnostics, TrackedBook


class BookReport(msgspec.Struct, frozen=True):
    """A book of one replica: whether that one leads it, what is wrong with its stream, and how often it was opened."""

    trading_pair: str
    leads: bool
    is_live: bool
    why_not: str | None
    opened: int
    figures: TrackedBook | None


def reports(feeds: Feeds, connector: str) -> list[BookReport]:
    """Return the books of a connector on this replica."""
    return [_report(pair, feed) for (name, pair), feed in feeds.books.items() if name == connector]


def diagnosis(connector: str, connector_type: str, told: Iterable[BookReport]) -> BookDiagnostics:
    """Return how the books of a connector are followed; of each that whoever leads it tells, else anybody's."""
    every = sorted(told, key=lambda report: (report.trading_pair, not report.leads, not report.is_live))
    books: dict[str, BookReport] = {}
    for report in every:
        books.setdefault(report.trading_pair, report)
    broken = [report.why_not for report in every if report.why_not is not None]
    return BookDiagnostics(
        connector_name=connector,
        connector_type=connector_type,
        has_order_book_tracker=bool(books),
        tracker_ready=bool(books) and all(report.is_live for report in books.values()),
        tasks={pair: _state(report) for pair, report in books.items()},
        trading_pairs=tuple(books),
        order_books={pair: report.figures for pair, report in books.items() if report.figures is not None},
        metrics={
            "books": float(len(books)),
            "books_from_other_replicas": float(sum(not report.leads for report in every)),
            "streams_broken": float(len(broken)),
            "streams_opened": float(sum(report.opened for report in every)),
        },
        websocket_status=next(iter(broken), "connected" if books else "not connected"),
    )


def _state(report: BookReport) -> str:
    if not report.is_live:
        return f"broken: {report.why_not}" if report.why_not else "starting"
    return "running" if report.leads else "following another replica"


def _report(pair: str, feed: BookFeed) -> BookReport:
    supply = feed.supply
    return BookReport(pair, supply.leads, supply.live_since is not None, supply.why_not, supply.opened, _figures(feed))


def _figures(feed: BookFeed) -> TrackedBook | None:
    state = feed.state
    if state is None:
        return None
    top, (bids, asks) = state.best(1), state.counts
    return TrackedBook(
        best_bid=top.bids[0][0] if top.bids else None,
        best_ask=top.asks[0][0] if top.asks else None,
        bid_count=bids,
        ask_count=asks,
        snapshot_uid=state.snapshot_id,
        last_diff_uid=state.update_id,
    )
