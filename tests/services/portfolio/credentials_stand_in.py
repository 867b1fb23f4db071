"""What answers the portfolio service in the place of credentials: accounts with keys, and faults of a neighbour."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.bus.connection import Client, close, connect
from shared.bus.dispatcher import Dispatcher
from shared.bus.messages import MESSAGE_ID, Call, Reply
from shared.bus.subjects import Subjects
from shared.contracts import credentials as contract
from shared.contracts.credentials import SERVICE
from shared.contracts.declaration import AnyEvent
from shared.errors import not_found
from shared.events import stream
from shared.events.envelope import Envelope, encode
from shared.secrets.sealing import seal
from shared.service import Health
from shared.settings import Settings


class CredentialsStandIn:
    """Accounts with credentials, told and released as the real service does; it does not look who asks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subjects = Subjects(settings.namespace)
        self._dispatcher = Dispatcher(settings, SERVICE)
        self._dispatcher.on(contract.SNAPSHOT_ACCOUNTS, self._snapshot)
        self._dispatcher.on(contract.RELEASE_SECRET, self._release)
        self._stored: dict[str, dict[str, tuple[int, Mapping[str, Any]]]] = {}
        self._connection: Client | None = None
        self._seq = 0
        self._revision = 0
        #: How often secrets were asked for.
        self.released = 0
        #: The connectors of each account as the last snapshot told them.
        self.told: dict[str, tuple[str, ...]] = {}
        #: Seconds that an answer takes, and what is answered instead of the truth, if anything.
        self.delay = 0.0
        self.instead: Reply | None = None

    async def start(self) -> None:
        await self._dispatcher.start(lambda: Health(True))
        self._connection = await connect(self._settings, SERVICE)
        wanted = stream.configuration(self._subjects, SERVICE, 10_000_000)
        await stream.ensure(self._connection.jetstream(), wanted, SERVICE)

    async def stop(self) -> None:
        await self._dispatcher.drain()
        await close(self._connection)

    async def put(self, account: str, connector: str, values: Mapping[str, Any]) -> int:
        """Store a credential and tell of it; return the event's id."""
        self._revision += 1
        self._stored.setdefault(account, {})[connector] = (self._revision, values)
        return await self._tell(contract.CREDENTIAL_STORED, account, connector)

    async def delete(self, account: str, connector: str) -> int:
        """Delete a credential and tell of it; return the event's id."""
        del self._stored[account][connector]
        return await self._tell(contract.CREDENTIAL_DELETED, account, connector)

    async def _tell(self, event: AnyEvent, account: str, connector: str) -> int:
        assert self._connection is not None
        self._seq += 1
        payload = contract.CredentialChanged(account, connector, tuple(sorted(self._stored[account])), self._seq)
        envelope = Envelope(
            seq=self._seq,
            service=SERVICE,
            kind=event.kind,
            time=datetime.now(UTC),
            actor="admin",
            account=account,
            bot=None,
            trace=None,
            event_id=self._seq,
            data=msgspec.Raw(msgspec.json.encode(payload)),
        )
        await self._connection.jetstream().publish(
            self._subjects.event(event, event.key_values(payload)),
            encode(envelope),
            headers={MESSAGE_ID: envelope.id},
        )
        return self._seq

    async def _snapshot(self, _: contract.Nothing, __: Call) -> contract.AccountsSnapshot | Reply:
        self.told = {account: tuple(stored) for account, stored in self._stored.items()}
        await asyncio.sleep(self.delay)
        if self.instead is not None:
            return self.instead
        return contract.AccountsSnapshot(
            tuple(
                contract.AccountCredentials(
                    account,
                    tuple(
                        contract.KnownCredential(connector, revision, verified=True)
                        for connector, (revision, _) in sorted(stored.items())
                    ),
                )
                for account, stored in sorted(self._stored.items())
            )
        )

    async def _release(self, request: contract.SecretRequest, _: Call) -> contract.SealedSecret | Reply:
        self.released += 1
        await asyncio.sleep(self.delay)
        if self.instead is not None:
            return self.instead
        stored = self._stored.get(request.account_name, {}).get(request.connector_name)
        if stored is None:
            raise not_found("no such credential")
        return seal(stored[1], request)
