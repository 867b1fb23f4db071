"""Binance's REST API over the exchange: spot under /api and /sapi, USD-M futures under /fapi."""
