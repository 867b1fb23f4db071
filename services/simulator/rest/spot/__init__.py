"""The spot exchange's REST API, /api/v3, a module for each topic."""
