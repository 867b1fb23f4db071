"""What may go wrong with an exchange, in our own words: what matters is what is certain afterwards."""


class ExchangeError(Exception):
    """Something that an exchange, or the way to it, did not do. The text is fit for users and holds no secret."""


class NotDone(ExchangeError):
    """Certain: the exchange has not done it and will not."""


class Refused(NotDone):
    """The exchange has refused it, with a reason of its own. `code` is its code, where it gives one."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code


class NotEnoughBalance(Refused):
    """The account does not have what the order needs."""


class OrderNotKnown(Refused):
    """The exchange knows no such order, or it is not open any more."""


class DuplicateOrder(Refused):
    """The exchange has an order under this client order id already."""


class StaleRequest(Refused):
    """The request came outside its receive window, so it was not done."""


class KeysRefused(Refused):
    """The keys are wrong, expired, or lack a permission."""


class RateLimited(NotDone):
    """Too many requests, by its count or by ours. `retry_after`: seconds, where it is known."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class ExchangeDown(NotDone):
    """The exchange could not be reached, or is in maintenance; nothing was sent or taken."""


class Closed(NotDone):
    """Our side was closed before the request could be sent: its keys may not be the latest any more."""


class OutcomeUnknown(ExchangeError):
    """The request may have been done: it was sent, and no clear answer came. Ask before you do anything else."""


class Unsupported(NotDone):
    """Neither we nor the exchange can do this on this connector."""
