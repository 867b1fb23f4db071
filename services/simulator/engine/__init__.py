"""The matching engine of the simulator: pure, synchronous, with its time given from outside.

`SpotEngine` (`spot`) and `FuturesEngine` (`futures`) take commands and answer each with an `Outcome`: the immutable
events it caused, in order, from which streams, answers and database rows are made. A command that is refused raises
`Refusal` and has changed nothing.
"""
