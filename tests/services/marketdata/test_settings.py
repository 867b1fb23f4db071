"""Settings about where rates come from."""

import pytest
from pydantic import ValidationError

from services.marketdata.settings import MarketdataSettings


def test_lists() -> None:
    settings = MarketdataSettings.model_validate({"RATE_SOURCES": " kraken,okx ,", "BANNED_TOKENS": "nav, ETHW"})
    assert settings.sources() == ("kraken", "okx")
    assert settings.banned() == {"NAV", "ETHW"}


def test_defaults() -> None:
    settings = MarketdataSettings.model_validate({})
    assert (settings.rate_source, settings.sources()) == ("binance", ())
    assert settings.banned() == {"NAV", "ARS", "ETHW", "ETHF"}


@pytest.mark.parametrize(
    "wrong", [{"RATE_ORACLE_SOURCE": "nowhere"}, {"RATE_ORACLE_SOURCE": "ndax"}, {"RATE_SOURCES": "kraken,nowhere"}]
)
def test_sources_that_are_none(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MarketdataSettings.model_validate(wrong)
