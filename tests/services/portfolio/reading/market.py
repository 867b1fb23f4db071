"""What stands in for marketdata where the value of balances is read."""

from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation, Valued
from shared.service import Health
from tests.conftest import SettingsFor


class Market:
    """A stand-in of marketdata, started and stopped by the test."""

    def __init__(self, settings_for: SettingsFor) -> None:
        self._settings_for = settings_for
        self._dispatcher: Dispatcher | None = None
        self.prices: dict[str, float] = {"BTC": 50_000.5, "ETH": 2_000.0}
        self.asked: list[Valuation] = []

    async def start(self) -> None:
        self._dispatcher = Dispatcher(self._settings_for("marketdata"), "marketdata")
        self._dispatcher.on(VALUE_TOKENS, self._value)
        await self._dispatcher.start(lambda: Health(True))

    async def stop(self) -> None:
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            await dispatcher.drain()

    def _value(self, request: Valuation, _: Call) -> Valued:
        self.asked.append(request)
        return Valued("USD", {token: self.prices[token] for token in request.tokens if token in self.prices}, 0.0)
