"""User streams: everything that happens to an account, told to each of its streams, in order and once it is durable."""

from collections.abc import Callable, Mapping

import msgspec

from services.simulator.engine.events import (
    AccountChange,
    AccountClosed,
    Event,
    OrderUpdate,
    Outcome,
    SettingsChange,
)
from services.simulator.engine.futures import FuturesEngine
from services.simulator.engine.spot import SpotEngine
from services.simulator.rest.figures import Figures, figures
from services.simulator.rest.ports import Account
from services.simulator.streams.listen_keys import ListenKeys, Owner
from services.simulator.streams.ports import Exchange
from services.simulator.streams.spot_events import spot_events
from services.simulator.streams.topics import Subscriber, Topic
from services.simulator.streams.usdm_events import usdm_events
from services.simulator.venue import Venue

#: What faults know the messages of every user stream by, as a listen key is in no log.
USER_DATA = "userData"

#: Takes an event of an account as JSON; None when the account is gone.
Told = Callable[[bytes | None], None]


class UserStreams:
    """Who is told of which account."""

    def __init__(self, exchange: Exchange, listen_keys: ListenKeys) -> None:
        self._exchange = exchange
        self._listen_keys = listen_keys
        self._told: dict[tuple[Venue, str], dict[Told, None]] = {}
        self._topics: dict[str, _UserTopic] = {}
        self._figures: Mapping[Venue, Mapping[str, Figures]] = {
            venue: {name: figures(symbol) for name, symbol in engine.symbols.items()}
            for venue, engine in _engines(exchange)
        }
        listen_keys.listen(self._key_ended)

    def add(self, venue: Venue, account: str, told: Told) -> None:
        """Tell `told` of what happens to an account from now on."""
        self._told.setdefault((venue, account), {})[told] = None

    def remove(self, venue: Venue, account: str, told: Told) -> None:
        """Tell it no more."""
        of_account = self._told.get((venue, account), {})
        of_account.pop(told, None)
        if not of_account:
            self._told.pop((venue, account), None)

    def accounts(self, venue: Venue) -> tuple[str, ...]:
        """Return the API keys of the accounts that have streams."""
        known = (self._exchange.accounts.by_name(account) for of, account in self._told if of == venue)
        return tuple(account.api_key for account in known if account is not None)

    # Listen keys.

    def api_key(self, venue: Venue, key: str) -> str | None:
        """Return the API key of the account whose listen key that is; None if there is no such key at this venue."""
        account = self._account(venue, key)
        return None if account is None else account.api_key

    def subscribe(self, venue: Venue, key: str, subscriber: Subscriber) -> str | None:
        """Send the events of a listen key to `subscriber`; return the API key of its account, None if there is none."""
        account = self._account(venue, key)
        if account is None:
            return None
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _UserTopic(key, USER_DATA, account.api_key)
            self.add(venue, account.name, topic.told)
        topic.subscribers[subscriber] = None
        return account.api_key

    def _account(self, venue: Venue, key: str) -> Account | None:
        owner = self._listen_keys.owner(key)
        return None if owner is None or owner.venue != venue else self._exchange.accounts.by_name(owner.account)

    def unsubscribe(self, key: str, subscriber: Subscriber) -> None:
        """Send no more."""
        topic = self._topics.get(key)
        if topic is None:
            return
        topic.subscribers.pop(subscriber, None)
        owner = self._listen_keys.owner(key)
        if not topic.subscribers and owner is not None:
            self._forget(key, owner)

    # What happens.

    def take(self, venue: Venue, outcome: Outcome) -> None:
        """Tell what a command has caused."""
        if not self._told:
            return
        events = spot_events if venue == "spot" else usdm_events
        for event in outcome.events:
            account = _account_of(event)
            listeners = self._told.get((venue, account)) if account else None
            if account and listeners:
                for payload in events(event, self._figures[venue], self._exchange.now_ms()):
                    for told in tuple(listeners):
                        told(payload)
            if isinstance(event, AccountClosed):
                self._close(venue, event.account)

    def _close(self, venue: Venue, account: str) -> None:
        self._listen_keys.close(venue, account, None)
        for told in tuple(self._told.pop((venue, account), {})):
            told(None)

    def _key_ended(self, key: str, owner: Owner, ran_out: bool) -> None:
        topic = self._topics.get(key)
        if topic is None:
            return
        self._forget(key, owner)
        if ran_out:
            expired = {"e": "listenKeyExpired", "E": self._exchange.now_ms(), "listenKey": key}
            topic.publish(msgspec.json.encode(expired))
        for subscriber in tuple(topic.subscribers):
            subscriber.stream_ended(key)

    def _forget(self, key: str, owner: Owner) -> None:
        topic = self._topics.pop(key)
        self.remove(owner.venue, owner.account, topic.told)


class _UserTopic(Topic):
    """The stream of a listen key."""

    def told(self, payload: bytes | None) -> None:
        """Pass on what happens; that the account is gone, the end of its listen key says."""
        if payload is not None:
            self.publish(payload)


def _engines(exchange: Exchange) -> tuple[tuple[Venue, SpotEngine | FuturesEngine], ...]:
    return ("spot", exchange.spot), ("usdm", exchange.usdm)


def _account_of(event: Event) -> str | None:
    match event:
        case OrderUpdate():
            return event.order.account
        case AccountChange():
            return event.account
        case SettingsChange():
            return event.settings.account
        case _:
            return None
