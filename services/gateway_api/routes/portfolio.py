"""`/portfolio`: balances, and how they are spread."""

from typing import Any

from litestar import Request, Router, get, post

from services.gateway_api.answers import Answer
from services.gateway_api.commands import Commands
from services.gateway_api.documents.operation import OF_A_BODY, json_body, operation
from services.gateway_api.inputs.portfolio import FILTER_SCHEMA, STATE_SCHEMA, PortfolioBody, StateBody
from services.gateway_api.inputs.questions import Question
from services.gateway_api.reshaped import Reshaped
from services.gateway_api.shapes import portfolio as shapes
from services.gateway_api.shapes.portfolio import AccountsDistributionView, BalanceRow, DistributionView
from shared.contracts.portfolio.balances import PORTFOLIO_STATE
from shared.contracts.portfolio.distributions import ACCOUNTS_DISTRIBUTION, DISTRIBUTION
from shared.contracts.portfolio.fields import PortfolioFilter

_TAG = "Portfolio"

_STATE_EXAMPLE = {
    "master_account": {
        "paper": [
            {
                "token": "BTC",
                "units": 1.5,
                "price": 65000,
                "value": 97500,
                "available_units": 1,
                "total": 1.5,
                "available": 1,
                "locked": 0.5,
                "usd_value": 97500,
            }
        ]
    },
    "alice": {},
}
_DISTRIBUTION_EXAMPLE = {
    "total_portfolio_value": 97500,
    "token_count": 1,
    "distribution": [
        {
            "token": "BTC",
            "total_value": 97500,
            "total_units": 1.5,
            "percentage": 100,
            "accounts": {
                "master_account": {
                    "value": 97500,
                    "units": 1.5,
                    "percentage": 100,
                    "connectors": {"paper": {"value": 97500, "units": 1.5}},
                }
            },
        }
    ],
    "account_filter": "all_accounts",
    "tokens": {"BTC": {"value": 97500, "percentage": 100, "amount": 1.5, "usd_value": 97500}},
}
_ACCOUNTS_EXAMPLE = {
    "total_portfolio_value": 97500,
    "account_count": 1,
    "distribution": [
        {
            "account": "master_account",
            "total_value": 97500,
            "percentage": 100,
            "connectors": {"paper": {"value": 97500, "percentage": 100}},
        }
    ],
}

_state_question = Question(StateBody)
_filter_question = Question(PortfolioBody)

_FILTER = json_body(
    FILTER_SCHEMA, "Whose balances; all without a body.", {"account_names": ["master_account"]}, required=False
)


def portfolio_routes(commands: Commands) -> Router:
    """Return the routes of the group, which ask through `commands`."""
    state = Reshaped(shapes.state)
    distribution = Reshaped(shapes.distribution)
    by_account = Reshaped(shapes.accounts_distribution)
    by_account_name = Reshaped(shapes.accounts_distribution_by_name)

    @post(
        "/state",
        **operation(
            "get_portfolio_state",
            "Balances by account and connector, and their value in USD",
            dict[str, dict[str, list[BalanceRow]]],
            _STATE_EXAMPLE,
            tag=_TAG,
            errors=OF_A_BODY,
            description="An account without credentials is an empty map.",
            kind=json_body(
                STATE_SCHEMA,
                "Whose balances; all without a body.",
                {"account_names": ["master_account"], "connector_names": ["paper"], "refresh": False},
                required=False,
            ),
        ),
    )
    async def get_state(request: Request[Any, Any, Any]) -> Answer:
        asked = await _state_question.read(request)
        return Answer(state.of(await commands.ask(PORTFOLIO_STATE, asked)))

    @post(
        "/distribution",
        **operation(
            "get_portfolio_distribution",
            "How the portfolio is spread over tokens",
            DistributionView,
            _DISTRIBUTION_EXAMPLE,
            tag=_TAG,
            errors=OF_A_BODY,
            description="The most valuable token first. Percentages are 0 to 100.",
            kind=_FILTER,
        ),
    )
    async def get_distribution(request: Request[Any, Any, Any]) -> Answer:
        asked = await _filter_question.read(request)
        return Answer(distribution.of(await commands.ask(DISTRIBUTION, asked)))

    @get(
        "/accounts-distribution",
        **operation(
            "get_accounts_distribution",
            "How the portfolio is spread over accounts",
            AccountsDistributionView,
            _ACCOUNTS_EXAMPLE,
            tag=_TAG,
            description="The most valuable account first. Percentages are 0 to 100.",
        ),
    )
    async def get_accounts_distribution() -> Answer:
        return Answer(by_account.of(await commands.ask(ACCOUNTS_DISTRIBUTION, PortfolioFilter())))

    @post(
        "/accounts-distribution",
        **operation(
            "get_filtered_accounts_distribution",
            "How a part of the portfolio is spread over accounts",
            AccountsDistributionView,
            _ACCOUNTS_EXAMPLE | {"master_account": {"usd_value": 97500, "percentage": 100}},
            tag=_TAG,
            errors=OF_A_BODY,
            description="As the GET, with a filter; each account's share also stands under its name.",
            kind=_FILTER,
        ),
    )
    async def get_filtered_accounts_distribution(request: Request[Any, Any, Any]) -> Answer:
        asked = await _filter_question.read(request)
        return Answer(by_account_name.of(await commands.ask(ACCOUNTS_DISTRIBUTION, asked)))

    return Router(
        "/portfolio",
        route_handlers=[get_state, get_distribution, get_accounts_distribution, get_filtered_accounts_distribution],
    )
