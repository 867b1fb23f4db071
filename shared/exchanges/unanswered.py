"""The one error that does not leave this package: what it means depends on what was asked."""

from shared.exchanges.errors import ExchangeError


class Unanswered(ExchangeError):
    """A request may have arrived, and no clear answer came.

    For a question that is as good as the exchange being down; for a change it is an outcome that is not known.
    """
