"""The commands of the service: message in, answer from memory; where memory has none, a task that waits for it."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from services.marketdata.book_levels import answer
from services.marketdata.feeds import Feeds
from services.marketdata.kept_replies import KeptReplies
from services.marketdata.oracle import Oracle
from services.marketdata.prices import price_of
from services.marketdata.rates import Quote, token_values
from services.marketdata.settings import MarketdataSettings
from services.marketdata.tickers import Tickers
from services.marketdata.venue import Rules, Venue, Venues, check_known
from services.marketdata.waiting import Later, Waiting, seconds_for
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import Call, Reply, Streamed
from shared.bus.streaming import PIECE_BYTES
from shared.contracts.credentials import Nothing
from shared.contracts.marketdata.books import GET_BOOK, Book, BookFilter
from shared.contracts.marketdata.feeds import FEED_SETTINGS, FeedSettings
from shared.contracts.marketdata.fields import MarketRef
from shared.contracts.marketdata.rates import VALUE_TOKENS, Valuation, Valued
from shared.contracts.marketdata.rules import LIST_ORDER_TYPES, LIST_RULES, OrderTypes, RulesFilter
from shared.contracts.marketdata.tickers import GET_PRICES, Prices, PricesFilter
from shared.errors import not_found

#: Seconds that the rate source is waited for where the connector itself has no price.
ORACLE_WAIT = 0.5

_encode = msgspec.json.Encoder(decimal_format="string").encode


class Handlers:
    """Handlers of the commands about rules, prices, books and values."""

    def __init__(
        self, settings: MarketdataSettings, venues: Venues, feeds: Feeds, oracle: Oracle, waiting: Waiting
    ) -> None:
        self._venues = venues
        self._feeds = feeds
        self._oracle = oracle
        self._waiting = waiting
        self._banned = settings.banned()
        self._prices = KeptReplies()
        self._books = KeptReplies()
        self._settings_reply = Reply(_encode(_feed_settings(settings)))

    def register(self, dispatcher: Dispatcher) -> None:
        """Let `dispatcher` hand the commands to these handlers."""
        dispatcher.on(LIST_RULES, self.list_rules)
        dispatcher.on(LIST_ORDER_TYPES, self.list_order_types)
        dispatcher.on(GET_PRICES, self.get_prices)
        dispatcher.on(GET_BOOK, self.get_book)
        dispatcher.on(FEED_SETTINGS, self.feed_settings)
        dispatcher.on(VALUE_TOKENS, self.value_tokens)

    def list_rules(self, request: RulesFilter, call: Call) -> Reply | Later[Reply | Streamed]:
        venue = self._venues[request.connector_name]
        rules = venue.rules_now()
        if rules is not None:
            reply = _rules(venue, rules, request.trading_pairs)
            return (
                reply
                if len(reply.body) <= PIECE_BYTES
                else self._waiting.for_exchange(venue, lambda: _in_pieces(reply))
            )

        async def later() -> Reply | Streamed:
            reply = _rules(venue, await venue.rules(seconds_for(call)), request.trading_pairs)
            return reply if len(reply.body) <= PIECE_BYTES else await _in_pieces(reply)

        return self._waiting.for_exchange(venue, later)

    def list_order_types(self, request: MarketRef, _: Call) -> OrderTypes:
        venue = self._venues[request.connector_name]
        return OrderTypes(venue.name, venue.market.order_types())

    def get_prices(self, request: PricesFilter, call: Call) -> Reply | Later[Prices]:
        venue = self._venues[request.connector_name]
        board = self._feeds.tickers(venue)
        rules = venue.rules_now()
        if rules is not None:
            tickers = board.now(_known(venue, rules, request.trading_pairs))
            if tickers is not None:
                return self._prices.reply(request, tuple(tickers.values()), lambda: _prices(venue, tickers))

        async def later() -> Prices:
            until = time.monotonic() + seconds_for(call)
            known = _known(venue, await venue.rules(until - time.monotonic()), request.trading_pairs)
            return _prices(venue, await board.get(known, until - time.monotonic()))

        return self._waiting.for_exchange(venue, later)

    def get_book(self, request: BookFilter, call: Call) -> Reply | Later[Book]:
        venue = self._venues[request.connector_name]
        pair, depth = request.trading_pair, request.depth
        rules = venue.rules_now()
        if rules is not None:
            check_known(venue, rules, pair)
            book = self._feeds.book(venue, pair).now(depth)
            if book is not None:
                return self._books.reply(request, (book,), lambda: answer(book, depth))

        async def later() -> Book:
            until = time.monotonic() + seconds_for(call)
            check_known(venue, await venue.rules(until - time.monotonic()), pair)
            return answer(await self._feeds.book(venue, pair).get(depth, until - time.monotonic()), depth)

        return self._waiting.for_exchange(venue, later)

    def feed_settings(self, _: Nothing, __: Call) -> Reply:
        return self._settings_reply

    def value_tokens(self, request: Valuation, call: Call) -> Valued | Later[Valued]:
        venue = self._venues[request.connector_name]
        board = self._feeds.quotes(venue)
        wanted = [token for token in request.tokens if token.upper() not in self._banned]
        quotes = board.now()
        if quotes is not None:
            values = token_values(wanted, request.quote, quotes)
            if len(values) == len(set(wanted)) or self._oracle.config.source == venue.name:
                return _valued(request.quote, values)

        async def later() -> Valued:
            values = token_values(wanted, request.quote, await board.get(seconds_for(call)))
            missing = [token for token in wanted if token not in values]
            if missing:
                values |= await self._by_the_oracle(missing, request.quote, venue)
            return _valued(request.quote, values)

        return self._waiting.for_exchange(venue, later)

    async def _by_the_oracle(self, tokens: Sequence[str], quote: str, venue: Venue) -> dict[str, Quote]:
        """Return the values of tokens that `venue` has no price for, by the rate source as far as it is at hand."""
        source = self._oracle.config.source
        if source == venue.name:
            return {}
        quotes = await self._feeds.quotes(self._venues[source]).glance(ORACLE_WAIT)
        return {} if quotes is None else token_values(tokens, quote, quotes)


def _feed_settings(settings: MarketdataSettings) -> FeedSettings:
    return FeedSettings(
        cleanup_interval=settings.cleanup_interval,
        feed_timeout=settings.feed_timeout,
        description=(
            f"A feed that nobody has asked for in {settings.feed_timeout} s ends;"
            f" this is looked at every {settings.cleanup_interval} s."
        ),
    )


def _known(venue: Venue, rules: Rules, pairs: Sequence[str]) -> list[str]:
    """Return those of `pairs` that the venue has, each once.

    Raises:
        CommandError: NOT_FOUND if it has none of them.
    """
    known = [pair for pair in dict.fromkeys(pairs) if pair in rules]
    if not known:
        named = ", ".join(pairs[:5]) + (", …" if len(pairs) > 5 else "")
        raise not_found(f"None of these trading pairs found on '{venue.name}': {named}")
    return known


def _rules(venue: Venue, rules: Rules, pairs: Sequence[str] | None) -> Reply:
    if pairs is None:
        return venue.all_rules_reply(rules)
    return Reply(_encode({pair: rules[pair] for pair in _known(venue, rules, pairs)}))


async def _in_pieces(reply: Reply) -> Streamed:
    """Return an answer that no message holds: the rules of some 2,500 pairs are a megabyte."""

    async def pieces() -> AsyncIterator[bytes]:
        yield reply.body

    return Streamed(pieces())


def _prices(venue: Venue, tickers: Tickers) -> Prices:
    prices = {}
    oldest = float("inf")
    for pair, ticker in tickers.items():
        price = price_of(ticker)
        if price is not None:
            prices[pair] = price
            oldest = min(oldest, ticker.timestamp)
    return Prices(venue.name, prices, oldest if prices else time.time())


def _valued(quote: str, values: Mapping[str, Quote]) -> Valued:
    oldest = min((value.timestamp for value in values.values()), default=float("inf"))
    # Without any price of the market (dollars in dollars) it holds now.
    return Valued(
        quote=quote,
        prices={token: value.price for token, value in values.items()},
        timestamp=min(oldest, time.time()),
    )
