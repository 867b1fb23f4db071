"""The names of the synthetic participants, which no user's account can have."""

MAKERS, TAKERS = "~makers", "~takers"


def is_user(account: str) -> bool:
    """Return whether an account is a user's; trades of the synthetic past have no accounts at all."""
    return bool(account) and not account.startswith("~")
