"""The commands about rates and tickers of all pairs."""

import asyncio
import time

from services.marketdata.feeds import Feeds
from services.marketdata.oracle import Oracle
from services.marketdata.pieces import in_pieces
from services.marketdata.quote_board import AGE, Snapshot
from services.marketdata.rate_graph import Rate
from services.marketdata.settings import MarketdataSettings
from services.marketdata.venue import Venue, Venues
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply, Streamed
from shared.connectors.catalogue import CONNECTORS
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.rates import (
    CONFIGURE_ORACLE,
    GET_RATES,
    ORACLE_CONFIG,
    ORACLE_PRICES,
    OracleChange,
    OracleConfig,
    OraclePrices,
    Rates,
    RatesFilter,
)
from shared.contracts.marketdata.tickers import LIST_TICKERS, Tickers, TickersFilter
from shared.errors import CommandError, ErrorCode, not_found
from shared.exchanges.day_tickers import has_day_tickers

#: Seconds that prices are good for where somebody wants fresh ones.
MOMENT = 0.5


class RateHandlers:
    """Handlers of the commands about rates, where they come from, and the tickers that they are made of."""

    def __init__(
        self, settings: MarketdataSettings, venues: Venues, feeds: Feeds, oracle: Oracle, waiting: Waiting
    ) -> None:
        self._max_age = settings.rate_max_age
        self._stale_after = settings.max_age
        self._banned = settings.banned()
        self._more_sources = settings.sources()
        self._venues = venues
        self._feeds = feeds
        self._oracle = oracle
        self._waiting = waiting

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(LIST_TICKERS, self.list_tickers)
        dispatcher.on(GET_RATES, self.get_rates)
        dispatcher.on(ORACLE_PRICES, self.oracle_prices)
        dispatcher.on(ORACLE_CONFIG, self.config)
        dispatcher.on(CONFIGURE_ORACLE, self.configure)

    async def list_tickers(self, request: TickersFilter, call: Call) -> Reply | Streamed:
        venues, errors = self._ticker_venues(request.connector_names)
        seconds = seconds_for(call)
        age = 0.0 if request.refresh else AGE if request.max_age is None else request.max_age
        oldest = age if request.refresh or request.max_age is not None else self._stale_after
        asked = (self._tickers_of(venue, age, seconds, oldest) for venue in venues)
        answers = dict(zip((venue.name for venue in venues), await asyncio.gather(*asked), strict=True))
        found = {name: answer for name, answer in answers.items() if isinstance(answer, Snapshot)}
        failures = {name: answer for name, answer in answers.items() if isinstance(answer, CommandError)}
        errors |= {name: failure.detail for name, failure in failures.items()}
        if not found:
            codes = {failure.code for failure in failures.values()}
            code = codes.pop() if len(codes) == 1 else ErrorCode.UPSTREAM
            raise CommandError(code, "; ".join(errors.values()))
        tickers = Tickers(
            tickers={name: dict(snapshot.rows) for name, snapshot in found.items()},
            counts={name: len(snapshot.rows) for name, snapshot in found.items()},
            updated_at={name: snapshot.heard for name, snapshot in found.items()},
            errors=errors,
        )
        return in_pieces(tickers)

    def get_rates(self, request: RatesFilter, call: Call) -> Rates | Later[Rates]:
        if request.connector_name is None and call.after:
            return self._rates_after(request, call)
        config = self._oracle.config
        venue = self._source(request.connector_name or config.source)
        board = self._feeds.quotes(venue)
        age = MOMENT if request.fresh else AGE
        snapshot = board.snapshot_now(age)
        if snapshot is not None:
            return self._rates(request, venue, config, snapshot)

        async def later() -> Rates:
            return self._rates(request, venue, config, await board.snapshot(age, seconds_for(call), _oldest(request)))

        return self._waiting.for_exchange(venue, later)

    def oracle_prices(self, _: Nothing, call: Call) -> Later[Reply | Streamed]:
        async def later() -> Reply | Streamed:
            await self._oracle.catch_up(call)
            config = self._oracle.config
            venue = self._source(config.source)
            board = self._feeds.quotes(venue)

            async def told() -> Reply | Streamed:
                snapshot = await board.snapshot(AGE, seconds_for(call), self._max_age)
                prices = {pair: row.price for pair, row in snapshot.rows.items() if not self._has_banned(pair)}
                return in_pieces(OraclePrices(venue.name, config.quote_token, prices, snapshot.heard))

            return await self._waiting.for_exchange(venue, told)

        return later()

    async def config(self, _: Nothing, call: Call) -> OracleConfig:
        await self._oracle.catch_up(call)
        return self._oracle.config

    async def configure(self, request: OracleChange, call: Call) -> Reply:
        return await self._oracle.change(request, call)

    async def _rates_after(self, request: RatesFilter, call: Call) -> Rates:
        await self._oracle.catch_up(call)
        config = self._oracle.config
        venue = self._source(config.source)
        board = self._feeds.quotes(venue)
        age = MOMENT if request.fresh else AGE

        async def later() -> Rates:
            return self._rates(request, venue, config, await board.snapshot(age, seconds_for(call), _oldest(request)))

        return await self._waiting.for_exchange(venue, later)

    def _source(self, name: str) -> Venue:
        """Return the venue of a connector that rates can come from.

        Raises:
            CommandError: NOT_FOUND if there is no such connector, REFUSED if it does not tell all its prices.
        """
        venue = self._venues[name]
        if not has_day_tickers(CONNECTORS[name]):
            raise CommandError(ErrorCode.REFUSED, f"'{name}' does not give the tickers of all its pairs")
        return venue

    def _ticker_venues(self, names: tuple[str, ...] | None) -> tuple[list[Venue], dict[str, str]]:
        """Return the venues that tickers are wanted of, and why others of `names` have none.

        Raises:
            CommandError: NOT_FOUND if one is no connector, REFUSED if none gives all its tickers.
        """
        wanted = tuple(dict.fromkeys(names or (self._oracle.config.source, *self._more_sources)))
        for name in wanted:
            if name not in CONNECTORS:
                raise not_found(f"Connector '{name}' not found")
        able = [name for name in wanted if has_day_tickers(CONNECTORS[name])]
        if not able:
            raise CommandError(ErrorCode.REFUSED, f"No tickers of all pairs can be had from {', '.join(wanted)}")
        unable = {name: f"'{name}' does not give the tickers of all its pairs" for name in wanted if name not in able}
        return [self._venues[name] for name in able], unable

    async def _tickers_of(self, venue: Venue, age: float, seconds: float, oldest: float) -> Snapshot | CommandError:
        board = self._feeds.quotes(venue)
        try:
            return await self._waiting.for_exchange(venue, lambda: board.snapshot(age, seconds, oldest))
        except CommandError as error:
            return error

    def _rates(self, request: RatesFilter, venue: Venue, config: OracleConfig, snapshot: Snapshot) -> Rates:
        now = time.time()
        rates: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        oldest = snapshot.heard
        for pair in request.trading_pairs:
            rate = self._rate(pair, venue.name, snapshot, now)
            if isinstance(rate, str):
                rates[pair], reasons[pair] = None, rate
            else:
                rates[pair], oldest = rate.rate, min(oldest, rate.timestamp)
        return Rates(venue.name, config.quote_token, rates, reasons, oldest)

    def _rate(self, pair: str, source: str, snapshot: Snapshot, now: float) -> Rate | str:
        """Return the rate of a pair, or in words why there is none."""
        base, _, quote = pair.partition("-")
        if not base or not quote:
            return f"expected a base and a quote token with a hyphen between, as BTC-USDT, was {pair}"
        banned = sorted(self._banned & {base.upper(), quote.upper()})
        if banned:
            return f"{banned[0]} is a banned token: other tokens are traded under this name"
        found = snapshot.graph.rate(base, quote, now - self._max_age)
        if found is None:
            return f"no prices of '{source}' lead from {base} to {quote}"
        if found.timestamp < now - self._max_age:
            return f"the price on '{source}' is {now - found.timestamp:.0f} s old, more than {self._max_age:g} s"
        return found

    def _has_banned(self, pair: str) -> bool:
        return not self._banned.isdisjoint(pair.upper().split("-"))


def _oldest(request: RatesFilter) -> float | None:
    """Return how old prices may be that stand in for an exchange which is away; None: as old as a rate says itself."""
    return MOMENT if request.fresh else None
