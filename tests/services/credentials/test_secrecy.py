"""No secret stands in clear in anything that the service writes: its tables, events, replies, errors and logs."""

import base64
import contextlib
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from shared.bus.client import Bus
from shared.contracts import credentials as contract
from shared.contracts.credentials import (
    ApiKeyCreate,
    ApiKeyRevoke,
    CredentialPut,
    CredentialRef,
    KeyCheck,
    KeyringRotate,
    PasswordCheck,
)
from shared.contracts.portfolio.keys import KeyChecked, KeyVerdict
from shared.errors import CommandError
from shared.secrets.sealing import SecretAsker
from shared.telemetry.logs import configure_logs
from tests.eventually import eventually
from tests.services.credentials import stored
from tests.services.credentials.conftest import CONFIG_PASSWORD, PASSWORD, USERNAME, Asker, Start
from tests.services.credentials.portfolio_stand_in import KEY, PortfolioStandIn
from tests.services.credentials.simulator_stand_in import SimulatorStandIn

NEW_CONFIG_PASSWORD = "new-config-Wm4XtQ"
VALUES = {
    "lighter_l1_address": "0xaddress-Jh27Kd",
    "lighter_api_key_index": "731946285012",
    "lighter_api_private_key": "private-key-Rt91Zq",
    "lighter_account_limit": "limit-Pc83Vb",
}
TRIED = {"binance_api_key": "tried-key-Bd35Tx", "binance_api_secret": "tried-secret-Ho92Lm"}
MISPLACED = "misplaced-Gy56Nw"
WRONG_PASSWORD = "wrong-password-Ls40Fx"


@pytest.fixture
def logs(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """All logs of all libraries, from DEBUG on, on standard error."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logs("DEBUG")
    yield capfd
    root.handlers[:], root.level = before


class Neighbours(NamedTuple):
    """The services that are asked when a credential is added."""

    simulator: SimulatorStandIn
    portfolio: PortfolioStandIn


@pytest.fixture
def neighbours(simulator: SimulatorStandIn, portfolio: PortfolioStandIn) -> Neighbours:
    return Neighbours(simulator, portfolio)


async def add(ask: Asker, neighbours: Neighbours) -> list[CommandError]:
    """Add credentials that are tried and that have an account opened; return the errors."""
    portfolio, simulator = neighbours.portfolio, neighbours.simulator
    binance, paper = CredentialPut("master_account", "binance", TRIED), CredentialPut("master_account", "paper", {})
    reason = f"signed by {TRIED['binance_api_secret']}"
    for verdict in (KeyVerdict.GOOD, KeyVerdict.UNKNOWN):
        portfolio.verdict = KeyChecked(verdict, reason)
        await ask(contract.PUT_CREDENTIAL, binance)
    portfolio.verdict = KeyChecked(KeyVerdict.WRONG, reason)
    errors = [await ask.refused(contract.PUT_CREDENTIAL, binance)]
    portfolio.verdict = KeyChecked(KeyVerdict.WRONG, "signed by api-secret-1")
    errors.append(await ask.refused(contract.PUT_CREDENTIAL, paper))
    portfolio.verdict = KeyChecked(KeyVerdict.GOOD)
    await ask(contract.PUT_CREDENTIAL, paper)
    simulator.close_failures = 1
    await ask(contract.PUT_CREDENTIAL, paper)
    simulator.rubbish = b'{"api_secret": "%s"' % MISPLACED.encode()
    errors.append(await ask.refused(contract.PUT_CREDENTIAL, paper))
    await ask(contract.DELETE_CREDENTIAL, CredentialRef("master_account", "paper"))
    await eventually(lambda: not simulator.accounts)
    return errors


async def use(start: Start, bus: Bus, neighbours: Neighbours) -> tuple[list[str], list[str]]:
    """Do everything that handles a secret; return the secrets, and the texts of all errors."""
    ask, edge, portfolio = Asker(bus, "outside"), Asker(bus, "gateway_api"), Asker(bus, "portfolio")
    errors: list[CommandError] = []
    await start()
    errors += await add(ask, neighbours)
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "lighter", VALUES), key="k")
    await ask(contract.PUT_CREDENTIAL, CredentialPut("master_account", "lighter", VALUES), key="k")
    for values in ({**VALUES, "lighter_api_key_index": MISPLACED}, {"more": MISPLACED}, {"more": {MISPLACED: [1.5]}}):
        errors.append(await ask.refused(contract.PUT_CREDENTIAL, CredentialPut("master_account", "lighter", values)))
    for body in (f'{{"account_name": "{MISPLACED}/"}}', f'{{"values": "{MISPLACED}"}}', f'{{"{MISPLACED}'):
        with pytest.raises(CommandError) as caught:
            await bus.request_raw(contract.PUT_CREDENTIAL, body.encode(), actor="outside")
        errors.append(caught.value)

    made = await ask(contract.CREATE_API_KEY, ApiKeyCreate(USERNAME, PASSWORD, "ci"))
    await edge(contract.VERIFY_PASSWORD, PasswordCheck(USERNAME, PASSWORD))
    await edge(contract.VERIFY_KEY, KeyCheck(made.api_key))
    errors.append(await edge.refused(contract.VERIFY_PASSWORD, PasswordCheck(USERNAME, WRONG_PASSWORD)))
    errors.append(await edge.refused(contract.VERIFY_KEY, KeyCheck(made.api_key + WRONG_PASSWORD)))
    errors.append(await ask.refused(contract.LIST_API_KEYS, PasswordCheck(USERNAME, WRONG_PASSWORD)))
    await ask(contract.REVOKE_API_KEY, ApiKeyRevoke(USERNAME, PASSWORD, made.key_id))

    asker = SecretAsker("portfolio", KEY.seed)
    asked = asker.request("master_account", "lighter", 5.0)
    answer = await portfolio(contract.RELEASE_SECRET, asked)
    assert asker.open(answer, asked)["lighter_api_private_key"] == VALUES["lighter_api_private_key"]

    wrong = KeyringRotate(WRONG_PASSWORD, NEW_CONFIG_PASSWORD)
    errors.append(await ask.refused(contract.ROTATE_KEYRING, wrong, key="r"))
    await ask(contract.ROTATE_KEYRING, KeyringRotate(CONFIG_PASSWORD, NEW_CONFIG_PASSWORD), key="r")
    with contextlib.suppress(SystemExit):
        await start(CONFIG_PASSWORD=WRONG_PASSWORD)
    simulated = [f"api-{part}-{number}" for part in ("key", "secret") for number in (1, 2, 3)]
    secrets = [
        *VALUES.values(),
        *TRIED.values(),
        *simulated,
        MISPLACED,
        WRONG_PASSWORD,
        PASSWORD,
        CONFIG_PASSWORD,
        NEW_CONFIG_PASSWORD,
    ]
    texts = [repr(error) + msgspec.json.encode(error.body()).decode() for error in errors]
    return [*secrets, made.api_key, made.api_key.split("_", 2)[2], KEY.seed], texts


def shows(value: Any, secret: str) -> bool:
    """Return whether `value` shows `secret`, also in hexadecimal or base64."""
    raw = secret.encode()
    # base64 of the middle, whatever comes before it: the three ways in which bytes fall into groups of three.
    forms = [raw, raw.hex().encode(), *(base64.b64encode(raw[skip:])[:12] for skip in range(3))]
    text = value if isinstance(value, bytes) else str(value).encode()
    return any(form in text for form in forms)


async def test_nothing_that_is_written_shows_a_secret(
    logs: pytest.CaptureFixture[str], start: Start, bus: Bus, neighbours: Neighbours, database_url: str
) -> None:
    secrets, errors = await use(start, bus, neighbours)
    rows = await stored.everything(database_url)
    assert {"credentials", "api_keys", "users", "idempotency", "outbox", "keyring"} <= {t for t in rows if rows[t]}
    written = logs.readouterr()
    assert "proof failed" in written.err
    assert "refused to start" in written.err
    for secret in secrets:
        for table, found in rows.items():
            assert not [row for row in found for value in row if shows(value, secret)], f"{secret} in {table}"
        assert not shows(written.err + written.out, secret), f"{secret} in the logs"
        assert not [text for text in errors if shows(text, secret)], f"{secret} in an error"


def test_no_request_shows_a_secret_in_its_repr() -> None:
    requests = [
        CredentialPut("a", "binance", {"key": "s3cret"}),
        PasswordCheck("alice", "s3cret"),
        KeyCheck("s3cret"),
        ApiKeyCreate("alice", "s3cret", "ci"),
        contract.ApiKeyCreated("id", "ci", "s3cret", None),
        ApiKeyRevoke("alice", "s3cret", "id"),
        KeyringRotate("s3cret", "s3cret-new"),
    ]
    assert not [request for request in requests if "s3cret" in repr(request) + str(request)]
