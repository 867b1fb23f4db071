"""Spans of opening times, and what of one is still to be asked for. Times in ms; a span's end is not in it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec


class Span(msgspec.Struct, frozen=True, order=True):
    """From `start` to before `end`. Empty if the end is not after the start."""

    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        return self.end <= self.start

    def within(self, other: "Span") -> "Span":
        """Return the part of this span that lies in `other`; an empty one if there is none."""
        return Span(max(self.start, other.start), min(self.end, other.end))


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same times in order, as few spans as possible."""
    result: list[Span] = []
    for span in sorted(one for one in spans if not one.is_empty):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return tuple(result)


def holes(wanted: Span, covered: Sequence[Span]) -> tuple[Span, ...]:
    """Return the parts of `wanted` that are not in `covered`, in order."""
    result = []
    at = wanted.start
    for span in joined(covered):
        if span.start >= wanted.end:
            break
        if span.start > at:
            result.append(Span(at, span.start))
        at = max(at, span.end)
    if at < wanted.end:
        result.append(Span(at, wanted.end))
    return tuple(result)


def contains(covered: Sequence[Span], at: int) -> bool:
    """Return whether `at` is in one of `covered`, which are in order and apart."""
    place = bisect_right(covered, at, key=lambda span: span.start)
    return place > 0 and at < covered[place - 1].end


def pages(span: Span, length: int) -> Iterator[Span]:
    """Return the pages that `span` touches, whole and in order. A page begins at a multiple of its length."""
    at = span.start // length * length
    while not span.is_empty and at < span.end:
        yield Span(at, at + length)
        at += length


def proved(hole: Span, told_to: int | None, next_open: int | None, trusted_to: int) -> Span:
    """Return the part of `hole` of which an answer of an exchange has told all.

    That there is nothing where nothing was told is believed when something later was told, or when it is long enough
    ago: an exchange may be late with its last candles.

    Args:
        hole: what was asked for.
        told_to: the end of the last candle told in it; None if there was none.
        next_open: when the first candle after the hole opens, if the exchange finds the first one however far it is;
            else None. Nothing is before it, so what is proved reaches to there.
        trusted_to: up to here silence means that there is nothing.
    """
    if next_open is not None:
        return Span(hole.start, max(hole.end, next_open))
    reached = hole.start if told_to is None else told_to
    return Span(hole.start, min(hole.end, max(reached, min(hole.end, trusted_to))))
