"""Settings about where rates come from."""

import pytest
from pydantic import ValidationError

from services.marketdata.rate_sources import SOURCES, why_no_source
from services.marketdata.settings import MarketdataSettings


def test_lists() -> None:
    settings = MarketdataSettings.model_validate({"RATE_SOURCES": " kraken,okx ,", "BANNED_TOKENS": "nav, ETHW"})
    assert settings.sources() == ("kraken", "okx")
    assert settings.banned() == {"NAV", "ETHW"}


def test_defaults() -> None:
    settings = MarketdataSettings.model_validate({})
    assert (settings.rate_source, settings.sources()) == ("binance", ())
    assert settings.banned() == {"NAV", "ARS", "ETHW", "ETHF"}


@pytest.mark.parametrize("wrong", ["nowhere", "ndax", "paper_perpetual", "binance_perpetual", "binance_paper_trade"])
def test_rates_come_from_no_other_connector_than_whom_one_may_configure(wrong: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MarketdataSettings.model_validate({"RATE_ORACLE_SOURCE": wrong})
    why_not = why_no_source(wrong)
    assert why_not is not None
    assert why_not in str(caught.value)


@pytest.mark.parametrize("source", SOURCES)
def test_what_may_be_configured_may_be_set(source: str) -> None:
    assert MarketdataSettings.model_validate({"RATE_ORACLE_SOURCE": source}).rate_source == source


@pytest.mark.parametrize("wrong", ["kraken,nowhere", "ndax"])
def test_tickers_are_listed_of_connectors_that_tell_them(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no connector that gives the tickers of all its pairs"):
        MarketdataSettings.model_validate({"RATE_SOURCES": wrong})


def test_tickers_may_be_listed_of_perpetuals_too() -> None:
    assert MarketdataSettings.model_validate({"RATE_SOURCES": "paper_perpetual"}).sources() == ("paper_perpetual",)
