"""The USD-M futures exchange's REST API, /fapi, a module for each topic."""
