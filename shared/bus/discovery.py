"""Answers of the NATS micro service protocol (ADR-32): `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`.

Standard tools (`nats micro ls`) find and watch a service by it, and so do `hummingbus status` and `GET /ready`.
The library's own implementation handles one message at a time and repeats exceptions to callers, hence this one.
"""

import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from shared.bus.endpoint import Endpoint
from shared.bus.subjects import SERVICE_API_ROOT, Subjects
from shared.service import VERSION, Health
from shared.telemetry.logs import logger

_NANOSECONDS = 1_000_000_000
_log = logger("discovery")


class Discovery:
    """The identity of one replica and what it tells of itself."""

    def __init__(
        self,
        connection: Client,
        subjects: Subjects,
        service: str,
        endpoints: Collection[Endpoint],
        health: Callable[[], Health],
    ) -> None:
        self.subscriptions: list[Subscription] = []
        self._connection = connection
        self._subjects = subjects
        self._service = service
        self._endpoints = endpoints
        self._health = health
        self._id = secrets.token_hex(8)
        self._started = datetime.now(UTC)

    async def start(self) -> None:
        """Subscribe the three verbs for all services, for this service and for this replica."""
        verbs: dict[str, Callable[[], dict[str, Any]]] = {"PING": self._ping, "INFO": self._info, "STATS": self._stats}
        for verb, answer in verbs.items():
            subject = f"{SERVICE_API_ROOT}.{verb}"
            for pattern in (subject, f"{subject}.{self._service}", f"{subject}.{self._service}.{self._id}"):
                self.subscriptions.append(await self._connection.subscribe(pattern, cb=self._answering(answer)))

    def _answering(self, answer: Callable[[], dict[str, Any]]) -> Callable[[Msg], Any]:
        async def received(message: Msg) -> None:
            if self._subjects.is_inbox(message.reply):
                try:
                    await self._connection.publish(message.reply, msgspec.json.encode(answer()))
                except NatsError as error:
                    _log.warning("discovery reply lost", error=str(error) or type(error).__name__)

        return received

    def _identity(self, kind: str) -> dict[str, Any]:
        health = self._health()
        metadata = {"state": "ready" if health.ready else "not ready", "reasons": "; ".join(health.reasons)}
        # Discovery is not under the namespace: this tells apart two systems on one server.
        metadata["namespace"] = self._subjects.namespace
        metadata |= {name: f"{value:g}" for name, value in health.figures}
        return {
            "type": f"io.nats.micro.v1.{kind}_response",
            "name": self._service,
            "id": self._id,
            "version": VERSION,
            "metadata": metadata,
        }

    def _ping(self) -> dict[str, Any]:
        return self._identity("ping")

    def _info(self) -> dict[str, Any]:
        return self._identity("info") | {
            "description": f"the {self._service} service of Hummingbus",
            "endpoints": [self._endpoint(endpoint) for endpoint in self._endpoints],
        }

    def _stats(self) -> dict[str, Any]:
        return self._identity("stats") | {
            "started": self._started.isoformat(),
            "endpoints": [
                self._endpoint(endpoint)
                | {
                    "num_requests": endpoint.requests,
                    "num_errors": endpoint.errors,
                    "last_error": endpoint.last_error,
                    "processing_time": int(endpoint.seconds * _NANOSECONDS),
                    "average_processing_time": int(endpoint.seconds * _NANOSECONDS / max(1, endpoint.requests)),
                }
                for endpoint in self._endpoints
            ],
        }

    def _endpoint(self, endpoint: Endpoint) -> dict[str, Any]:
        command = endpoint.command
        keys = ("*",) * len(command.owner_keys)
        return {
            "name": command.key.replace(".", "-"),
            "subject": self._subjects.command_permission(command, None),
            "queue_group": "" if keys else self._service,
            "metadata": {"summary": command.summary},
        }
