"""`/openapi.json` is true: whatever is sent, the answers are those it declares, and never a 500."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import ignored_auth

from tests.running_stack import RunningStack
from tests.system.conftest import Login


@pytest.fixture(scope="session")
def api(system: RunningStack) -> schemathesis.BaseSchema:
    schema = schemathesis.openapi.from_url(f"{system.url}/openapi.json")
    # A stream without end; tests/services/gateway_api follows it.
    return schema.exclude(path="/events")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_declared(case: schemathesis.Case[Any], login: Login) -> None:
    # Without proof of who one is, the limit on guesses would answer sooner than the operation.
    case.call_and_validate(auth=(login.username, login.password), excluded_checks=[ignored_auth])
