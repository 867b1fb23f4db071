"""Balances from full answers and from a stream, in the orders in which they can come."""

from decimal import Decimal

from services.portfolio.recording.balances import BalanceBook
from shared.contracts.portfolio.balances import BalanceAmount
from shared.exchanges.interface import AssetBalance


def has(token: str, total: int, available: int | None = None) -> AssetBalance:
    return AssetBalance(token, Decimal(total), Decimal(total if available is None else available))


def amount(token: str, units: int) -> BalanceAmount:
    return BalanceAmount(token, Decimal(units), Decimal(units))


def test_nothing_is_said_before_the_first_full_answer() -> None:
    book = BalanceBook()
    book.tell([has("BTC", 1)])
    assert book.amounts() is None
    book.answer(book.ask(), [has("USDT", 5)])
    assert book.amounts() == (amount("USDT", 5),)


def test_a_token_that_the_stream_told_of_meanwhile_keeps_the_streams_word() -> None:
    book = BalanceBook()
    asked = book.ask()
    book.tell([has("BTC", 2)])
    book.answer(asked, [has("BTC", 1), has("USDT", 5)])
    assert book.amounts() == (amount("BTC", 2), amount("USDT", 5))
    book.answer(book.ask(), [has("BTC", 3)])
    assert book.amounts() == (amount("BTC", 3),)


def test_two_questions_at_a_time_do_not_disturb_each_other() -> None:
    book = BalanceBook()
    first = book.ask()
    book.tell([has("BTC", 2)])
    second = book.ask()
    book.answer(second, [has("BTC", 4)])
    book.no_answer(first)
    assert book.amounts() == (amount("BTC", 4),)


def test_zeros_are_left_out_but_what_is_locked_is_not() -> None:
    book = BalanceBook()
    book.answer(book.ask(), [has("BTC", 0), has("USDT", 5, 0)])
    assert book.amounts() == (BalanceAmount("USDT", Decimal(5), Decimal(0)),)
