"""All channels: who wants what somebody else has already, at the same pace, joins it."""

from services.gateway_api.sockets.channel import Channel, Reader
from services.gateway_api.sockets.live_feeds import LiveFeeds
from services.gateway_api.sockets.questions import Subscription


class Channels:
    """Channels of `feeds`; each lasts while it has a reader."""

    def __init__(self, feeds: LiveFeeds) -> None:
        self._feeds = feeds
        self._channels: dict[Subscription, Channel] = {}

    async def join(self, reader: Reader, subscription: Subscription, actor: str) -> None:
        """Push `subscription` to `reader`; to one that has it already, from the beginning.

        Raises:
            CommandError: if there is no such feed, or it cannot be had now.
        """
        feed = await self._feeds.acquire(subscription.feed, actor)
        try:
            await feed.have(subscription.most)
        except BaseException:
            self._feeds.release(feed)
            raise
        channel = self._channels.get(subscription)
        if channel is None:
            channel = self._channels[subscription] = Channel(subscription, feed)
        else:  # a channel holds its feed once
            self._feeds.release(feed)
        channel.add(reader)

    def leave(self, reader: Reader, subscription: Subscription) -> None:
        """Push it no more."""
        channel = self._channels[subscription]
        channel.remove(reader)
        if not len(channel):
            del self._channels[subscription]
            channel.task.cancel()
            self._feeds.release(channel.feed)
