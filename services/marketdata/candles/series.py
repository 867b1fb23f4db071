"""What candles are of."""

import msgspec


class Series(msgspec.Struct, frozen=True):
    """The candles of a pair of a connector, of one interval."""

    connector_name: str
    trading_pair: str
    interval: str

    def __str__(self) -> str:
        return f"{self.connector_name} {self.interval} candles of {self.trading_pair}"
