"""What may be asked of a run while it trains. torch-free."""

import threading


class Control:
    """The one way back into a running engine: it looks here before every batch.

    Any thread may ask; what was asked cannot be taken back.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the run before its next batch."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()
