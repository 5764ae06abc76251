"""What is wrong with one's own data or network."""


class OwnError(Exception):
    """One's own data or network cannot be used; the message is one sentence for the user."""
