"""Binance's WebSockets: market streams, user data streams and the WebSocket API, for spot and USD-M futures.

`StreamsApp` (`app`) is the way in. An update is made and framed once (`topics`, `frames`) and the same bytes go to all
who subscribed; what nobody subscribed to is not made at all.
"""
