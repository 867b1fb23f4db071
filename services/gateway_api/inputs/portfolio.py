"""What callers may ask of the portfolio."""

import msgspec

from services.gateway_api.inputs import fields, schema
from services.gateway_api.inputs.fields import Listed
from shared.contracts.portfolio.balances import PortfolioStateFilter
from shared.contracts.portfolio.fields import PortfolioFilter

WHOSE = {
    "account_names": schema.name_list("Only these accounts. A list, or one text with commas."),
    "connector_names": schema.name_list("Only these connectors. A list, or one text with commas."),
    "connectors": schema.name_list("Another name of `connector_names`, which goes before it."),
}
FILTER_SCHEMA = schema.body_schema(WHOSE)
STATE_SCHEMA = schema.body_schema(
    {
        **WHOSE,
        "refresh": schema.flag("Ask the exchanges before the answer."),
        "skip_gateway": schema.flag("Leave out on-chain wallets. There are none yet, so it changes nothing."),
    }
)


class PortfolioBody(msgspec.Struct, frozen=True):
    """A filter of accounts and connectors, as callers write it."""

    account_names: Listed = None
    connector_names: Listed = None
    connectors: Listed = None

    def command(self) -> PortfolioFilter:
        """Return what the portfolio is asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return PortfolioFilter(accounts_of(self.account_names), connectors_of(self.connector_names, self.connectors))


class StateBody(msgspec.Struct, frozen=True):
    """As `PortfolioBody`, with what only the state knows."""

    account_names: Listed = None
    connector_names: Listed = None
    connectors: Listed = None
    refresh: bool | None = None
    skip_gateway: bool | None = None

    def command(self) -> PortfolioStateFilter:
        """Return what the portfolio is asked.

        Raises:
            HttpError: 422 with the field that does not fit.
        """
        return PortfolioStateFilter(
            accounts_of(self.account_names),
            connectors_of(self.connector_names, self.connectors),
            refresh=bool(self.refresh),
        )


def accounts_of(account_names: Listed) -> tuple[str, ...] | None:
    """Return the accounts of a filter, None for all.

    Raises:
        HttpError: 422 if one is no name.
    """
    return fields.names(account_names, "account_names")


def connectors_of(connector_names: Listed, connectors: Listed) -> tuple[str, ...] | None:
    """Return the connectors of a filter by either of its names, None for all.

    Raises:
        HttpError: 422 if one is no name.
    """
    # Both are read, so that a fault is told whichever holds it.
    upstream, seed = fields.names(connector_names, "connector_names"), fields.names(connectors, "connectors")
    return seed if upstream is None else upstream
