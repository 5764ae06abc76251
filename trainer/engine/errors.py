"""What the engine raises where it cannot do what it is asked. torch-free."""


class EngineError(Exception):
    """The engine cannot do what it is asked; the message is one sentence for the user."""
