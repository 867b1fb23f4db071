"""What repositories run their SQL with."""

from typing import Any, Protocol

import asyncpg


class Queries(Protocol):
    """What runs SQL: a connection inside a transaction, or a `Database` for a query that stands alone."""

    async def fetch(self, sql: str, /, *args: Any) -> list[asyncpg.Record]: ...

    async def fetchrow(self, sql: str, /, *args: Any) -> asyncpg.Record | None: ...

    async def fetchval(self, sql: str, /, *args: Any) -> Any: ...

    async def execute(self, sql: str, /, *args: Any) -> str: ...
