"""The accounts whose events one socket of the WebSocket API has subscribed to, each under a number."""

from collections.abc import Callable

import msgspec

from services.simulator.engine.refusal import Refusal
from services.simulator.rest.ports import Account
from services.simulator.streams.outlet import Outlet
from services.simulator.streams.user_streams import USER_DATA, Told, UserStreams
from services.simulator.venue import Venue
from shared.http.websocket_frames import text_frame


class Subscriptions:
    """The user streams of a socket, sent through `outlet`; numbers are not used again."""

    def __init__(self, venue: Venue, users: UserStreams, outlet: Outlet, now_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._users = users
        self._outlet = outlet
        self._now_ms = now_ms
        self._open: dict[int, tuple[Account, Told]] = {}
        self._next = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of what is subscribed to."""
        return tuple(self._open)

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The API keys of the accounts."""
        return tuple(account.api_key for account, _ in self._open.values())

    def add(self, account: Account) -> int:
        """Send the events of an account from now on; return the number of the subscription.

        Raises:
            Refusal: -2035 if it is subscribed to already.
        """
        if account.api_key in self.api_keys:
            raise Refusal(-2035, "User Data Stream subscription already active.")
        number, self._next = self._next, self._next + 1
        head = f'{{"subscriptionId":{number},"event":'.encode()

        def told(payload: bytes | None) -> None:
            if payload is None:
                del self._open[number]
                payload = msgspec.json.encode({"e": "eventStreamTerminated", "E": self._now_ms()})
            self._outlet.send(USER_DATA, text_frame(b"%b%b}" % (head, payload)), account.api_key)

        self._open[number] = (account, told)
        self._users.add(self._venue, account.name, told)
        return number

    def remove(self, number: int | None) -> None:
        """End a subscription, or all.

        Raises:
            Refusal: -2036 if there is none.
        """
        chosen = self.numbers if number is None else (number,)
        if not chosen or any(each not in self._open for each in chosen):
            raise Refusal(-2036, "User Data Stream subscription not active.")
        for each in chosen:
            account, told = self._open.pop(each)
            self._users.remove(self._venue, account.name, told)

    def end(self) -> None:
        """End what there is."""
        if self._open:
            self.remove(None)
