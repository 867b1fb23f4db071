"""Asking an exchange: through the circuit, with its errors translated once."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from shared.exchanges.circuit import Circuit
from shared.exchanges.errors import Closed, ExchangeDown, ExchangeError, NotDone, OutcomeUnknown
from shared.exchanges.traffic import ORDER, QUESTION, Patience, waiting_as
from shared.exchanges.translation import meaning_of
from shared.exchanges.unanswered import Unanswered

T = TypeVar("T")


class Asking:
    """Asks one exchange, with one set of keys or none. `secrets` never get into a text of an error."""

    def __init__(self, circuit: Circuit, secrets: Iterable[str] = ()) -> None:
        self._circuit = circuit
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 4)

    async def question(self, call: Callable[[], Awaitable[T]], patience: Patience = QUESTION) -> T:
        """Return the answer to something that changes nothing; `patience` says how long it may wait for its turn.

        Raises:
            ExchangeError: as the exchange says; ExchangeDown if no clear answer came.
        """
        with waiting_as(patience):
            try:
                return await self._ask(call)
            except Unanswered as error:
                raise ExchangeDown(str(error)) from None

    async def change(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to something that is to be done, and is sent once.

        Raises:
            NotDone: if it is certain that it is not done.
            OutcomeUnknown: if no clear answer came.
        """
        with waiting_as(ORDER):
            try:
                return await self._ask(call)
            except Unanswered as error:
                raise OutcomeUnknown(str(error)) from None

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        self._circuit.enter()
        try:
            answer = await call()
        except Exception as error:  # whatever ccxt raises is translated, and nothing of it swallowed
            meaning = meaning_of(error, self._secrets)
            self._note(meaning)
            if meaning is error:
                raise
            # The texts of ccxt's errors have requests with keys and signatures: none of them gets into a traceback.
            raise meaning from None
        self._circuit.succeeded()
        return answer

    def _note(self, meaning: ExchangeError) -> None:
        if isinstance(meaning, ExchangeDown | Unanswered):
            self._circuit.failed()
        elif isinstance(meaning, NotDone) and not isinstance(meaning, Closed):
            self._circuit.succeeded()
