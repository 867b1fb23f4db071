"""Who is who on the bus of one stack: an nkey for every user of the catalogue, with its contracts' permissions."""

from collections.abc import Mapping

from hummingbus.stack.nats_server import NatsUser
from hummingbus.stack.nkey import Nkey
from shared.bus.permissions import permissions_for
from shared.bus.subjects import Subjects
from shared.contracts.catalogue import USERS


def new_identities(kept: Mapping[str, Nkey] | None = None) -> dict[str, Nkey]:
    """Return an nkey for every user: those of `kept`, and fresh ones, which live in memory alone, for all others."""
    return {user: Nkey.new() for user in USERS} | dict(kept or {})


def nats_users(identities: Mapping[str, Nkey], subjects: Subjects) -> dict[str, NatsUser]:
    """Return the users that a server must know for `identities`, each with what its contracts give it."""
    return {user: NatsUser(key.public_key, permissions_for(user, subjects)) for user, key in identities.items()}
