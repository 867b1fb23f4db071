"""The exchange behind a connector: its market, and the trading rules of its pairs, which say what pairs there are."""

from typing import Protocol

import msgspec

from services.marketdata.failures import command_error
from services.marketdata.shared_fetch import SharedFetch
from shared.bus.messages import Reply
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.marketdata.rules import TradingRule
from shared.errors import CommandError, ErrorCode, not_found
from shared.exchanges.errors import Unsupported
from shared.exchanges.interface import Market

Rules = dict[str, TradingRule]

#: Rules older than this, in seconds, are asked for again; until then and if that fails, they hold.
RULES_AGE = 60.0

_encode = msgspec.json.Encoder(decimal_format="string").encode


class MarketSource(Protocol):
    """Where markets come from; see `shared.exchanges.registry.Exchanges`."""

    def market(self, connector: str) -> Market: ...

    async def close(self) -> None: ...


class Venue:
    """One connector's market with its rules kept in memory."""

    def __init__(self, name: str, market: Market) -> None:
        self.name = name
        self.market = market
        self._rules = SharedFetch(f"{name} rules", market.rules)
        self._encoded: tuple[Rules, Reply] | None = None

    def rules_now(self) -> Rules | None:
        """Return the rules from memory; None if they were never had. Old ones are renewed for those who come later."""
        if self._rules.kept(RULES_AGE) is None:
            self._rules.begin()
        return self._rules.kept()

    async def rules(self, seconds: float) -> Rules:
        """Return the rules, waiting for up to `seconds` for the first ones.

        Raises:
            ExchangeError: if there are none yet and the exchange does not give them.
        """
        kept = self.rules_now()
        return kept if kept is not None else await self._rules.get(RULES_AGE, seconds)

    def all_rules_reply(self, rules: Rules) -> Reply:
        """Return `rules` encoded: thousands of them, so not for each question anew."""
        if self._encoded is None or self._encoded[0] is not rules:
            self._encoded = (rules, Reply(_encode(rules)))
        return self._encoded[1]

    async def stop(self) -> None:
        """Give up what is asked for."""
        await self._rules.stop()


class Venues:
    """The venues of this process, by the names of their connectors."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source
        self._venues: dict[str, Venue] = {}

    def __getitem__(self, name: str) -> Venue:
        """Return the venue of a connector.

        Raises:
            CommandError: NOT_FOUND if there is no such connector, REFUSED if it offers no market data here.
        """
        venue = self._venues.get(name)
        if venue is None:
            venue = self._venues[name] = self._open(name)
        return venue

    async def stop(self) -> None:
        """Give up what is asked for, and close the markets."""
        for venue in self._venues.values():
            await venue.stop()
        await self._source.close()

    def _open(self, name: str) -> Venue:
        connector = CONNECTORS.get(name)
        if connector is None:
            raise not_found(f"Connector '{name}' not found")
        if connector.ccxt_id is None:
            raise CommandError(
                ErrorCode.REFUSED,
                f"Connector '{name}' is for bots alone: there is no market data or trading through it",
            )
        try:
            return Venue(name, self._source.market(name))
        except Unsupported as error:
            raise command_error(name, error) from error


def check_known(venue: Venue, rules: Rules, pair: str) -> None:
    """Check that a venue has a pair.

    Raises:
        CommandError: NOT_FOUND if it has not.
    """
    if pair not in rules:
        raise not_found(f"Trading pair '{pair}' not found on '{venue.name}'")
