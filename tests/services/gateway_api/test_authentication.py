"""How identities are verified once, remembered, refreshed, served through an outage, and forgotten."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest

from services.gateway_api.authentication import MISSING, WRONG_KEY, WRONG_PASSWORD, Authenticator, missing
from services.gateway_api.errors import HttpError
from services.gateway_api.guesses import Guesses
from services.gateway_api.proofs import Proof
from shared.contracts.credentials import Identity, KeyCheck, PasswordCheck
from shared.errors import CommandError, ErrorCode

TTL = 60.0
GRACE = 300.0
HERE = "192.0.2.1"
THERE = "192.0.2.2"


def basic(username: str, password: str) -> Proof:
    return Proof(False, b"Basic " + base64.b64encode(f"{username}:{password}".encode()))


RIGHT = basic("admin", "right")
WRONG = basic("admin", "wrong")
KEY = Proof(True, b"a-key")


class World:
    """The service that verifies, and the time. `gate` holds verifications up while it is not set."""

    def __init__(self, limit: int = 3) -> None:
        self.now = 1000.0
        self.asked: list[PasswordCheck | KeyCheck] = []
        self.fault: CommandError | None = None
        self.password = "right"
        self.gate = asyncio.Event()
        self.gate.set()
        self.key_expires_at: datetime | None = None
        self.authenticator = Authenticator(
            self.verify, Guesses(limit, 60.0, lambda: self.now), TTL, GRACE, lambda: self.now
        )

    async def verify(self, check: PasswordCheck | KeyCheck) -> Identity:
        self.asked.append(check)
        fault, password = self.fault, self.password
        await self.gate.wait()
        if fault is not None:
            raise fault
        if isinstance(check, KeyCheck):
            if check.api_key == "a-key":
                return Identity("admin", "admin", "key-1", self.key_expires_at)
        elif (check.username, check.password) == ("admin", password):
            return Identity("admin", "admin")
        raise CommandError(ErrorCode.UNAUTHENTICATED, "no")

    async def status(self, proof: Proof, address: str = HERE) -> int:
        try:
            await self.authenticator.authenticate(proof, address)
        except HttpError as error:
            return error.status
        return 200

    async def settle(self) -> None:
        """Let verifications in the background end."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def world() -> World:
    return World()


async def test_an_identity_is_asked_for_once_and_then_remembered(world: World) -> None:
    assert world.authenticator.recall(RIGHT, HERE) is None
    caller = await world.authenticator.authenticate(RIGHT, HERE)
    assert (caller.username, caller.actor, caller.key_id) == ("admin", "admin", None)
    assert world.authenticator.recall(RIGHT, THERE) == caller
    assert await world.status(RIGHT) == 200
    assert world.asked == [PasswordCheck("admin", "right")]


async def test_a_key_proves_who_one_is_too(world: World) -> None:
    caller = await world.authenticator.authenticate(KEY, HERE)
    assert caller.key_id == "key-1"
    assert world.asked == [KeyCheck("a-key")]


async def test_a_header_is_never_kept(world: World) -> None:
    await world.authenticator.authenticate(RIGHT, HERE)
    kept = repr(vars(world.authenticator))
    assert "right" not in kept
    assert RIGHT.header.decode() not in kept
    assert "right" not in repr(RIGHT)


async def test_the_same_bytes_as_key_and_as_password_are_not_mixed_up(world: World) -> None:
    await world.authenticator.authenticate(RIGHT, HERE)
    assert world.authenticator.recall(Proof(True, RIGHT.header), HERE) is None


async def test_a_wrong_proof_is_told_apart_from_a_missing_one(world: World) -> None:
    for proof, text in ((WRONG, WRONG_PASSWORD), (Proof(True, b"other"), WRONG_KEY)):
        with pytest.raises(HttpError) as caught:
            await world.authenticator.authenticate(proof, HERE)
        assert caught.value.status == 401
        assert caught.value.detail == text
        assert ("www-authenticate", "Basic") in caught.value.headers
    assert missing().status == 401
    assert len({missing().detail, MISSING, WRONG_PASSWORD, WRONG_KEY}) == 3
    assert ("www-authenticate", "Basic") in missing().headers


@pytest.mark.parametrize(
    "header",
    [
        b"Basic",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b"admin:\x00"),
        b"Basic " + base64.b64encode(b"a" * 300 + b":x"),
        b"Basic " + base64.b64encode(b"a:" + b"x" * 1100),
        b"Basic " + b"A" * 100_000,
    ],
)
async def test_a_proof_that_cannot_be_right_is_not_asked_about(header: bytes) -> None:
    world = World()
    assert await world.status(Proof(False, header)) == 401
    assert world.asked == []


async def test_many_requests_at_once_cause_one_verification(world: World) -> None:
    world.gate.clear()
    requests = [asyncio.create_task(world.status(RIGHT)) for _ in range(50)]
    await world.settle()
    requests[0].cancel()  # one who gives up takes nothing from the others
    world.gate.set()
    assert set(await asyncio.gather(*requests[1:])) == {200}
    assert len(world.asked) == 1


async def test_it_is_refreshed_in_the_background_before_it_is_too_old(world: World) -> None:
    assert await world.status(RIGHT) == 200
    world.now += TTL * 0.8
    for _ in range(3):
        assert world.authenticator.recall(RIGHT, HERE) is not None
    await world.settle()
    assert len(world.asked) == 2
    world.now += TTL * 0.7
    assert world.authenticator.recall(RIGHT, HERE) is not None  # its minute began anew


async def test_what_is_too_old_is_asked_for_again(world: World) -> None:
    assert await world.status(RIGHT) == 200
    world.now += TTL + 1
    assert world.authenticator.recall(RIGHT, HERE) is None
    world.password = "another"
    assert await world.status(RIGHT) == 401
    assert world.authenticator.recall(RIGHT, HERE) is None


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.BUSY, ErrorCode.EXPIRED])
async def test_an_outage_logs_nobody_out_who_is_known_for_a_bounded_time(world: World, code: ErrorCode) -> None:
    assert await world.status(RIGHT) == 200
    world.fault = CommandError(code, "credentials is away")
    world.now += TTL + 1
    assert await world.status(RIGHT) == 200
    assert world.authenticator.recall(RIGHT, HERE) is not None  # the next second costs nothing
    with pytest.raises(CommandError) as caught:
        await world.authenticator.authenticate(KEY, HERE)
    assert caught.value.code is code
    world.now += GRACE
    with pytest.raises(CommandError):
        await world.authenticator.authenticate(RIGHT, HERE)


async def test_after_an_outage_a_wrong_proof_is_wrong_again(world: World) -> None:
    assert await world.status(RIGHT) == 200
    world.fault = CommandError(ErrorCode.UNAVAILABLE, "credentials is away")
    world.now += TTL + 1
    assert await world.status(RIGHT) == 200
    world.fault, world.password = None, "another"
    world.now += 2
    assert await world.status(RIGHT) == 401


async def test_a_key_ends_when_it_expires_whatever_is_remembered(world: World) -> None:
    world.key_expires_at = datetime.now(UTC) + timedelta(seconds=10)
    assert await world.status(KEY) == 200
    world.fault = CommandError(ErrorCode.UNAVAILABLE, "credentials is away")
    world.now += 11
    with pytest.raises(CommandError):
        await world.authenticator.authenticate(KEY, HERE)


async def test_a_revoked_key_is_forgotten_and_others_are_not(world: World) -> None:
    assert await world.status(KEY) == 200
    assert await world.status(RIGHT) == 200
    world.authenticator.forget_key("key-1")
    assert world.authenticator.recall(KEY, HERE) is None
    assert world.authenticator.recall(RIGHT, HERE) is not None


async def test_a_user_whose_password_changed_is_forgotten(world: World) -> None:
    assert await world.status(RIGHT) == 200
    world.authenticator.forget_user("somebody else")
    assert world.authenticator.recall(RIGHT, HERE) is not None
    world.authenticator.forget_user("admin")
    assert world.authenticator.recall(RIGHT, HERE) is None


async def test_an_answer_from_before_a_revocation_is_not_remembered_after_it(world: World) -> None:
    world.gate.clear()
    request = asyncio.create_task(world.status(KEY))
    await world.settle()
    world.authenticator.forget_all()
    world.gate.set()
    assert await request == 200
    assert world.authenticator.recall(KEY, HERE) is None


async def test_too_many_guesses_make_their_address_wait_and_no_other(world: World) -> None:
    for number in range(3):
        assert await world.status(basic("admin", f"guess-{number}")) == 401
    with pytest.raises(HttpError) as caught:
        await world.authenticator.authenticate(RIGHT, HERE)  # even what is right is not looked at
    assert caught.value.status == 429
    assert 0 < int(dict(caught.value.headers)["retry-after"]) <= 60
    assert len(world.asked) == 3
    assert await world.status(RIGHT, THERE) == 200
    world.now += 61
    assert await world.status(RIGHT) == 200


async def test_a_known_caller_is_served_beside_a_neighbour_with_an_old_password(world: World) -> None:
    assert await world.status(RIGHT) == 200
    for _ in range(10):
        await world.status(WRONG)
    assert await world.status(RIGHT) == 200
    world.now += TTL - 2  # refreshed in the background, although the address has to wait
    assert await world.status(RIGHT) == 200
    await world.settle()
    assert world.asked[-1] == PasswordCheck("admin", "right")


async def test_a_flood_of_guesses_closes_the_address_altogether(world: World) -> None:
    assert await world.status(RIGHT) == 200
    for number in range(40):
        await world.status(basic("admin", f"guess-{number}"))
    assert await world.status(RIGHT) == 429
    assert await world.status(RIGHT, THERE) == 200


async def test_guesses_at_the_same_time_are_counted_before_they_are_asked_about(world: World) -> None:
    guesses = [world.status(basic("admin", f"guess-{number}")) for number in range(200)]
    statuses = await asyncio.gather(*guesses)
    assert len(world.asked) <= 3 + 4  # those that were under way when the limit was reached
    assert statuses.count(429) >= 190


async def test_without_a_limit_nobody_waits() -> None:
    world = World(limit=0)
    for _ in range(50):
        assert await world.status(WRONG) == 401
