"""The commands of the simulator on the bus: message in, an account opened or closed, message out."""

from typing import TYPE_CHECKING

from services.simulator.accounts import Accounts, UnknownAccountError
from services.simulator.engine.refusal import OUTCOME_UNKNOWN, Refusal
from shared.contracts import simulator as contract
from shared.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from shared.bus.dispatcher import Dispatcher
    from shared.bus.messages import Call


class Handlers:
    """Handlers of every command, over the accounts of the exchange.

    Nothing is stored of a command but its effect. Opened twice, there are two accounts, of which the one whose keys got
    lost does no harm; closing is idempotent by itself.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def register(self, dispatcher: "Dispatcher") -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(contract.OPEN_ACCOUNT, self.open_account)
        dispatcher.on(contract.CLOSE_ACCOUNT, self.close_account)

    async def open_account(self, request: contract.SimulatorAccountOpen, _: "Call") -> contract.SimulatorAccountOpened:
        try:
            account = await self._accounts.make(request.balances, request.futures_balances)
        except ValueError as error:
            raise CommandError(ErrorCode.REFUSED, str(error)) from None
        except Refusal as refusal:
            raise _not_durable(refusal) from None
        return contract.SimulatorAccountOpened(account.api_key, account.api_secret)

    async def close_account(
        self, request: contract.SimulatorAccountClose, _: "Call"
    ) -> contract.SimulatorAccountClosed:
        try:
            await self._accounts.delete(request.api_key)
        except UnknownAccountError:
            return contract.SimulatorAccountClosed(existed=False)
        except Refusal as refusal:
            raise _not_durable(refusal) from None
        return contract.SimulatorAccountClosed(existed=True)


def _not_durable(refusal: Refusal) -> CommandError:
    """Return what the exchange's refusal to store something means to who asks on the bus."""
    if refusal.code == OUTCOME_UNKNOWN:
        return CommandError(ErrorCode.OUTCOME_UNKNOWN, "the simulator's database did not answer; it may have been done")
    return CommandError(ErrorCode.UNAVAILABLE, "the simulator's database can't be written to")
