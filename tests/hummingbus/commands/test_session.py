"""What the command line says when it gets nowhere."""

from pathlib import Path

import pytest
import typer

from hummingbus.commands import session
from tests.ports import reserved_port
from tests.servers import strict_nats


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONNECT_TIMEOUT", 1.0)


async def said(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as caught:
        async with session.open_bus():
            pass
    assert caught.value.exit_code == 1
    return " ".join(capsys.readouterr().err.split())


async def test_a_bus_that_is_not_there_is_told_from_one_that_refuses_us(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NATS_URL", f"nats://me:hush@127.0.0.1:{reserved_port()}")
    absent = await said(capsys)
    assert "can't be reached (connection refused)" in absent
    assert "hush" not in absent
    server, _ = strict_nats(folder / "nats", "hb")
    monkeypatch.setenv("NATS_URL", await server.start())
    assert "does not let us in" in await said(capsys)
    await server.stop()


async def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NATS_URL", "nats://")
    assert "NATS_URL can't be used" in await said(capsys)


async def test_a_seed_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:9")
    monkeypatch.setenv("NATS_SEED_FILE", str(folder / "none.nk"))
    assert "none.nk can't be read" in await said(capsys)
