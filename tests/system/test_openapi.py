"""`/openapi.json` is true: whatever is sent, the answers are those it declares, and never a 500."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.running_stack import RunningStack
from tests.system.conftest import Login

pytestmark = pytest.mark.timeout(400)

#: A stream without end; tests/services/gateway_api follows it.
ENDLESS = "/events"
#: Where more is required than OpenAPI can say: the name in the query or in the body, the fields of a connector, the
#: price that goes with a type of order, a cursor that is one of an earlier page, one pair or several, a side in one of
#: two ways, times in their order, a source that there is,
#: names with commas between.
BEYOND_THE_SCHEMA = (
    "/accounts/add-account",
    "/accounts/delete-account",
    "/accounts/add-credential/{account_name}/{connector_name}",
    "/trading/orders",
    "/trading/orders/active",
    "/trading/orders/search",
    "/trading/trades",
    "/market-data/candles",
    "/market-data/historical-candles",
    "/market-data/funding-info",
    "/market-data/order-book/price-for-volume",
    "/market-data/order-book/volume-for-price",
    "/market-data/order-book/price-for-quote-volume",
    "/market-data/order-book/quote-volume-for-price",
    "/market-data/order-book/vwap-for-volume",
    "/market-data/tickers",
    "/rate-oracle/config",
)


def test_every_operation_answers_as_declared(system: RunningStack, login: Login) -> None:
    # The library's own parametrisation does not work with this version of pytest, hence the loop.
    schema = schemathesis.openapi.from_url(f"{system.url}/openapi.json").exclude(path=ENDLESS)
    read = list(schema.get_all_operations())
    operations = [result.ok() for result in read if isinstance(result, Ok)]
    assert len(operations) == len(read) > 10

    faults = []
    for operation in operations:

        @settings(
            max_examples=40,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answers(case: schemathesis.Case[Any]) -> None:
            # Without proof of who one is, the limit on guesses would answer sooner than the operation.
            excluded = [ignored_auth]
            if case.path in BEYOND_THE_SCHEMA:
                excluded.append(positive_data_acceptance)
            case.call_and_validate(auth=(login.username, login.password), excluded_checks=excluded)

        try:
            answers()
        except (FailureGroup, Failure) as fault:
            faults.append(f"{operation.method.upper()} {operation.path}: {fault}")
    assert not faults, "\n\n".join(faults)
