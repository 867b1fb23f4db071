"""Users and API keys through the bus."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.credentials import proof_backoff
from services.credentials.api_keys import hash_of, is_good, key_id_of, new_api_key
from services.credentials.rows import ApiKeyRow
from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import ApiKeyCreate, ApiKeyRevoke, Identity, KeyCheck, PasswordCheck
from shared.contracts.declaration import AnyCommand
from shared.errors import ErrorCode
from tests.services.credentials.conftest import PASSWORD, USERNAME, Asker, Start

RIGHT = PasswordCheck(USERNAME, PASSWORD)


@pytest.fixture
def edge(bus: Bus) -> Asker:
    """Commands of the HTTP edge."""
    return Asker(bus, "gateway_api")


@pytest.mark.usefixtures("service")
class TestPasswords:
    async def test_the_right_password_says_who_it_is(self, edge: Asker) -> None:
        assert await edge(contract.VERIFY_PASSWORD, RIGHT) == Identity(USERNAME, actor=USERNAME)

    async def test_every_wrong_proof_is_refused_alike(self, edge: Asker) -> None:
        for check in (
            PasswordCheck(USERNAME, "wrong"),
            PasswordCheck(USERNAME, ""),
            PasswordCheck("nobody", PASSWORD),
            PasswordCheck("", ""),
            PasswordCheck("a\0b", PASSWORD),
            PasswordCheck(USERNAME.upper(), PASSWORD),
        ):
            error = await edge.refused(contract.VERIFY_PASSWORD, check)
            assert error.code is ErrorCode.UNAUTHENTICATED
            assert error.detail == "The user name, password or API key is wrong"

    async def test_failures_of_others_lock_nobody_out_at_the_edge(self, edge: Asker) -> None:
        for _ in range(8):
            await edge.refused(contract.VERIFY_PASSWORD, PasswordCheck(USERNAME, "wrong"))
        assert (await edge(contract.VERIFY_PASSWORD, RIGHT)).username == USERNAME


@pytest.mark.usefixtures("service")
class TestApiKeys:
    async def test_a_key_is_made_used_listed_and_revoked(self, ask: Asker, edge: Asker) -> None:
        made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "laptop"))
        assert made.expires_at is None
        proven = await edge(contract.VERIFY_KEY, KeyCheck(made.api_key))
        assert proven == Identity(USERNAME, actor=USERNAME, key_id=made.key_id)

        (listed,) = await ask(contract.LIST_API_KEYS, RIGHT)
        assert (listed.key_id, listed.name, listed.revoked_at) == (made.key_id, "laptop", None)

        revoked = await ask(contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, PASSWORD, made.key_id))
        assert (revoked.key_id, revoked.name, revoked.username) == (made.key_id, "laptop", USERNAME)
        assert (await edge.refused(contract.VERIFY_KEY, KeyCheck(made.api_key))).code is ErrorCode.UNAUTHENTICATED
        (listed,) = await ask(contract.LIST_API_KEYS, RIGHT)
        assert listed.revoked_at is not None
        assert await ask(contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, PASSWORD, made.key_id)) == revoked

    async def test_an_expiry_is_kept_and_told(self, ask: Asker, edge: Asker, database_url: str) -> None:
        made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "short", expires_in=3600))
        assert made.expires_at is not None
        assert abs(made.expires_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=10)
        assert (await edge(contract.VERIFY_KEY, KeyCheck(made.api_key))).expires_at == made.expires_at

        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE credentials.api_keys SET expires_at = now() - interval '1 s'")
        await connection.close()
        assert (await edge.refused(contract.VERIFY_KEY, KeyCheck(made.api_key))).code is ErrorCode.UNAUTHENTICATED
        # Its name is free again.
        await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "short"))

    async def test_a_name_is_taken_while_its_key_is_good(self, ask: Asker) -> None:
        made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))
        error = await ask.refused(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))
        assert error.code is ErrorCode.EXISTS
        await ask(contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, PASSWORD, made.key_id))
        assert (await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))).key_id != made.key_id

    async def test_a_key_that_was_altered_or_never_made_proves_nothing(self, ask: Asker, edge: Asker) -> None:
        made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))
        other = "A" if made.api_key[-1] != "A" else "B"
        for key in (made.api_key[:-1] + other, new_api_key()[1], "", "hbk_", made.api_key + "x", "x" * 256):
            error = await edge.refused(contract.VERIFY_KEY, KeyCheck(key))
            assert error.code is ErrorCode.UNAUTHENTICATED
            assert error.detail == "The user name, password or API key is wrong"

    async def test_commands_need_the_password_and_hold_back_who_guesses_it(
        self, ask: Asker, edge: Asker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proof_backoff, "FIRST_PAUSE", 60.0)  # it does not end before the next one comes
        proofs: list[tuple[AnyCommand, Any]] = [
            (contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, "wrong", "x")),
            (contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, "wrong", "x")),
            (contract.LIST_API_KEYS, PasswordCheck(USERNAME, "wrong")),
            (contract.LIST_API_KEYS, PasswordCheck(USERNAME, "wrong")),
        ]
        for command, request in proofs:
            assert (await ask.refused(command, request)).code is ErrorCode.UNAUTHENTICATED
        assert (await ask.refused(contract.LIST_API_KEYS, RIGHT)).code is ErrorCode.BUSY
        assert (await edge(contract.VERIFY_PASSWORD, RIGHT)).username == USERNAME

    async def test_an_unknown_key_is_not_found(self, ask: Asker) -> None:
        error = await ask.refused(contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, PASSWORD, "nothing"))
        assert error.code is ErrorCode.NOT_FOUND
        assert "nothing" in error.detail

    async def test_no_key_of_idempotency_is_taken_where_the_reply_is_a_secret(self, ask: Asker) -> None:
        request = ApiKeyCreate(USERNAME, PASSWORD, "ci")
        assert (await ask.refused(contract.CREATE_API_KEY, request, key="k")).code is ErrorCode.INVALID

    async def test_a_life_that_is_none_is_refused(self, ask: Asker) -> None:
        for expires_in in (0, -1, 10**12):
            request = ApiKeyCreate(USERNAME, PASSWORD, "ci", expires_in)
            assert (await ask.refused(contract.CREATE_API_KEY, request)).code is ErrorCode.INVALID


async def events(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT convert_from(data, 'UTF8') AS data FROM credentials.outbox WHERE kind = $1 ORDER BY id",
        contract.USER_CHANGED.kind,
    )
    await connection.close()
    return [row["data"] for row in rows]


async def test_a_changed_password_counts_from_the_next_start_and_an_event_tells_of_it(
    start: Start, edge: Asker, database_url: str
) -> None:
    await (await start()).drain()
    await (await start()).drain()
    assert await events(database_url) == ['{"username":"alice"}']
    await start(API_PASSWORD="another-password")
    assert await events(database_url) == ['{"username":"alice"}', '{"username":"alice"}']
    assert (await edge(contract.VERIFY_PASSWORD, PasswordCheck(USERNAME, "another-password"))).username == USERNAME
    assert (await edge.refused(contract.VERIFY_PASSWORD, RIGHT)).code is ErrorCode.UNAUTHENTICATED


async def test_who_is_not_the_user_of_the_settings_any_more_gets_in_by_nothing(
    start: Start, ask: Asker, edge: Asker, database_url: str
) -> None:
    first = await start()
    made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))
    await first.drain()
    second = await start(API_USERNAME="bob")
    assert await events(database_url) == ['{"username":"alice"}', '{"username":"alice"}', '{"username":"bob"}']
    assert (await edge.refused(contract.VERIFY_PASSWORD, RIGHT)).code is ErrorCode.UNAUTHENTICATED
    assert (await edge.refused(contract.VERIFY_KEY, KeyCheck(made.api_key))).code is ErrorCode.UNAUTHENTICATED
    await second.drain()
    await start()
    assert (await edge(contract.VERIFY_KEY, KeyCheck(made.api_key))).username == USERNAME


async def test_without_a_user_in_the_settings_the_stored_one_stays(start: Start, edge: Asker) -> None:
    await (await start()).drain()
    await start(API_USERNAME=None, API_PASSWORD=None)
    assert (await edge(contract.VERIFY_PASSWORD, RIGHT)).username == USERNAME


def test_an_api_key_has_its_id_in_its_text() -> None:
    key_id, api_key = new_api_key()
    assert key_id_of(api_key) == key_id
    assert len({new_api_key()[1] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    ["hbk_xyz_" + "a" * 43, "hbk_" + "0" * 16 + "_" + "a" * 42, " " + new_api_key()[1]],
    ids=["id", "secret", "space"],
)
def test_what_has_not_the_form_of_a_key_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


def test_a_key_is_good_until_it_expires_or_is_revoked() -> None:
    key_id, api_key = new_api_key()
    now = datetime.now(UTC)

    def row(
        *, expires_at: datetime | None = None, revoked_at: datetime | None = None, user_enabled: bool = True
    ) -> ApiKeyRow:
        return ApiKeyRow(key_id, "alice", "ci", hash_of(api_key), expires_at, revoked_at, user_enabled)

    assert is_good(api_key, row(), now)
    assert is_good(api_key, row(expires_at=now + timedelta(seconds=1)), now)
    assert not is_good(api_key, row(expires_at=now), now)
    assert not is_good(api_key, row(revoked_at=now), now)
    assert not is_good(api_key, row(user_enabled=False), now)
    assert not is_good(new_api_key()[1], row(), now)
    assert api_key not in repr(row())
    assert hash_of(api_key).hex() not in repr(row())
