"""How much a socket may ask for, and how often it is written to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between heartbeats, and between two pushes at the least and the most; subscriptions of a connection."""

    heartbeat: float
    shortest: float
    longest: float
    most_subscriptions: int
