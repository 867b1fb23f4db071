"""The simulator's synthetic market: prices, candles, trades, books and takers as pure functions of seed, symbol, time.

`SyntheticMarket` (`synthetic_market`) is the way in. Times are int milliseconds since the epoch, UTC; prices are ints
in ticks, quantities in steps and quote amounts in tick times step.

From the top down, each layer refining the one before without changing it:

* `factor_path`: log-price paths that look like a market, at any time without walking there from a beginning;
* `listing`: which paths a symbol's price is made of, so that cross pairs agree with each other;
* `legs`: prices and volumes of a symbol at eight turning points a minute, the same moments for all symbols;
* `minute_candles`, `second_candles`, `trades`: the minute from its legs, the seconds and trades between turning points;
* `live_path`, `makers`, `takers`: the same path as it goes, for the participants of the live order books.

All arithmetic is on ints and on floats with +, -, *, / and square root alone, which IEEE 754 rounds exactly, so that
every processor and every version of numpy comes to the same past.
"""
