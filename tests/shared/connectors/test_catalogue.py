"""The catalogue of connectors is whole and without contradictions."""

from collections import Counter

import pytest

from shared.connectors.catalogue import CONNECTORS, Connector, ConnectorKind, FieldKind
from shared.names import is_name

EACH = pytest.mark.parametrize("connector", CONNECTORS.values(), ids=lambda connector: connector.name)


def test_it_holds_every_connector_of_hummingbot_and_our_own_two() -> None:
    kinds = Counter(connector.kind for connector in CONNECTORS.values() if not connector.simulated)
    assert kinds == {
        ConnectorKind.SPOT: 33,
        ConnectorKind.PERPETUAL: 30,
        ConnectorKind.PAPER_SPOT: 4,
        ConnectorKind.GATEWAY: 11,
    }
    assert [connector.name for connector in CONNECTORS.values() if connector.simulated] == ["paper", "paper_perpetual"]


def test_it_is_sorted() -> None:
    assert list(CONNECTORS) == sorted(CONNECTORS)


@EACH
def test_names_fit_into_subjects_and_paths(connector: Connector) -> None:
    assert is_name(connector.name)
    assert all(is_name(field.name) for field in connector.fields)
    assert len({field.name for field in connector.fields}) == len(connector.fields)


@EACH
def test_only_connectors_that_trade_have_a_credential(connector: Connector) -> None:
    assert bool(connector.fields) == connector.trades


@EACH
def test_fields_have_what_their_kind_needs(connector: Connector) -> None:
    for field in connector.fields:
        assert bool(field.choices) == (field.kind is FieldKind.CHOICE)
        assert bool(field.modes) == (field.kind is FieldKind.MODE)
        assert not (field.required and field.default is not None)
        if field.choices:
            assert field.default in field.choices
        if field.modes:
            assert field.default in {mode.name for mode in field.modes}


@EACH
def test_variants_have_a_parent_that_exists(connector: Connector) -> None:
    assert connector.parent is None or connector.parent in CONNECTORS
    assert connector.ccxt_id is not None or connector.ccxt_type is None
    assert -1 < connector.maker_fee < 1  # below zero: a rebate
    assert -1 < connector.taker_fee < 1
    assert ("perpetual" in connector.name) == (connector.kind is ConnectorKind.PERPETUAL)
