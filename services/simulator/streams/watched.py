"""What is told to whom, for whoever runs the simulator."""

from collections.abc import Mapping

import msgspec

from services.simulator.venue import Venue


class Watched(msgspec.Struct, frozen=True):
    """What costs work because somebody looks at it.

    Attributes:
        sockets: how many are open.
        streams: names of the market streams that are made, by venue.
        accounts: API keys of the accounts that are told what happens to them, by venue.
        pairs_quoted: how many pairs of both venues are traded live.
    """

    sockets: int
    streams: Mapping[Venue, tuple[str, ...]]
    accounts: Mapping[Venue, tuple[str, ...]]
    pairs_quoted: int
