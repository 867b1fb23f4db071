"""What a store keeps of an engine: the rows of each command, written as `changed_rows` says and compared with the
engine."""

from services.simulator.engine.events import AccountRow, BalanceRow, Income, OrderRow, OrderUpdate, Outcome, PositionRow
from services.simulator.engine.records import State, changed_rows
from services.simulator.engine.terms import OPEN_STATUSES


class KeptRows:
    """A store in memory."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountRow] = {}
        self.orders: dict[int, OrderRow] = {}
        self.fills: list[OrderUpdate] = []
        self.balances: dict[tuple[str, str], BalanceRow] = {}
        self.positions: dict[tuple[str, str, str], PositionRow] = {}
        self.incomes: list[Income] = []

    def write(self, outcome: Outcome) -> None:
        changes = changed_rows(outcome)
        self.accounts.update({row.account: row for row in changes.accounts})
        self.orders.update({row.order_id: row for row in changes.orders})
        self.balances.update({(row.account, row.asset): row for row in changes.balances})
        self.positions.update({(row.account, row.symbol, row.position_side): row for row in changes.positions})
        self.fills += changes.fills
        self.incomes += changes.incomes
        for account in changes.closed:
            del self.accounts[account]
            self.balances = {key: row for key, row in self.balances.items() if key[0] != account}
            self.positions = {key: row for key, row in self.positions.items() if key[0] != account}

    @property
    def open_orders(self) -> dict[int, OrderRow]:
        return {order_id: row for order_id, row in self.orders.items() if row.status in OPEN_STATUSES}

    def check_against(self, state: State) -> None:
        """Assert that the users' rows are exactly what the engine exports."""
        users = {row.account for row in state.accounts if not row.unbounded}
        assert {row.account: row for row in state.accounts if row.account in users} == self.accounts
        assert {row.order_id: row for row in state.orders} == self.open_orders
        kept = {key: (row.free, row.locked) for key, row in self.balances.items() if row.free or row.locked}
        held = {
            (row.account, row.asset): (row.free, row.locked)
            for row in state.balances
            if row.account in users and (row.free or row.locked)
        }
        assert kept == held
        assert {key: (row.quantity, row.cost, row.realized) for key, row in self.positions.items() if row.quantity} == {
            (row.account, row.symbol, row.position_side): (row.quantity, row.cost, row.realized)
            for row in state.positions
            if row.account in users and row.quantity
        }

    def check_fills(self) -> None:
        """Assert that every order has executed what its fills say."""
        executed: dict[int, list[int]] = {order_id: [0, 0] for order_id in self.orders}
        for fill in self.fills:
            executed[fill.order.order_id][0] += fill.last_quantity
            executed[fill.order.order_id][1] += fill.last_quote
        for order_id, row in self.orders.items():
            assert [row.executed, row.cumulative_quote] == executed[order_id]
            assert row.executed + row.prevented <= row.quantity or row.quantity == 0
            assert (row.status == "FILLED") == (row.executed == row.quantity > 0)
