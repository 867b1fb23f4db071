"""The balances of one account, put together from full answers and from what a stream says of single tokens."""

from collections.abc import Iterable

from shared.contracts.portfolio.balances import BalanceAmount
from shared.exchanges.interface import AssetBalance


class BalanceBook:
    """What an account has, by token. It says nothing before the first full answer.

    A full answer may be older than what the stream says while it is on its way, so such tokens keep the stream's
    word. Should the answer be the newer one after all, then what changed since is still to come by the stream.
    """

    def __init__(self) -> None:
        self._balances: dict[str, AssetBalance] = {}
        self._complete = False
        self._told_since: list[set[str]] = []

    def tell(self, balances: Iterable[AssetBalance]) -> None:
        """Take in what the stream says of some tokens."""
        for balance in balances:
            self._balances[balance.token] = balance
            for told in self._told_since:
                told.add(balance.token)

    def ask(self) -> set[str]:
        """Begin to wait for a full answer; return what to hand to `answer` or `no_answer`."""
        told: set[str] = set()
        self._told_since.append(told)
        return told

    def answer(self, asked: set[str], balances: Iterable[AssetBalance]) -> None:
        """Take in the full answer to what was asked."""
        self.no_answer(asked)
        kept = {token: self._balances[token] for token in asked if token in self._balances}
        self._balances = {balance.token: balance for balance in balances} | kept
        self._complete = True

    def no_answer(self, asked: set[str]) -> None:
        """Give up a question that was not answered."""
        self._told_since = [told for told in self._told_since if told is not asked]

    def amounts(self) -> tuple[BalanceAmount, ...] | None:
        """Return what the account has, without zeros, sorted by token; None before that is known."""
        if not self._complete:
            return None
        return tuple(
            BalanceAmount(token, balance.total, balance.available)
            for token, balance in sorted(self._balances.items())
            if balance.total or balance.available
        )
