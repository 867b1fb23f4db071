"""What the failure of an exchange is to whoever asks us: one table."""

from shared.errors import CommandError, ErrorCode
from shared.exchanges.errors import ExchangeDown, ExchangeError, OutcomeUnknown, RateLimited, Unsupported


class NoAnswer(ExchangeDown):
    """The exchange has not answered in the time that there was."""

    def __init__(self) -> None:
        super().__init__("it did not answer in time")


def command_error(connector: str, error: ExchangeError) -> CommandError:
    """Return what a caller is told when `connector` has failed with `error`.

    Nothing is changed by what we ask, so a lost answer is no more than an exchange that cannot be had.
    """
    if isinstance(error, Unsupported):
        return CommandError(ErrorCode.REFUSED, f"Not possible on '{connector}': {error}")
    if isinstance(error, RateLimited):
        return CommandError(ErrorCode.UNAVAILABLE, f"The exchange '{connector}' allows no more requests now: {error}")
    if isinstance(error, ExchangeDown | OutcomeUnknown):
        return CommandError(ErrorCode.UNAVAILABLE, f"The exchange '{connector}' is not available: {error}")
    return CommandError(ErrorCode.UPSTREAM, f"The exchange '{connector}' failed: {error}")
