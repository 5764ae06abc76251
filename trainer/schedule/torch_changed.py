"""The error for a torch whose private parts are not as they were. torch-free."""

from importlib.metadata import version

TESTED = "torch 2.9 to 2.14"


class TorchChangedError(Exception):
    """torch's class works differently from the versions that LRScope was tested with; the message
    is one sentence for the user.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"ReduceLROnPlateau of torch {version('torch')} {what}, so LRScope cannot explain "
            f"what it does: install a version that LRScope was tested with ({TESTED})."
        )
