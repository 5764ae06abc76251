"""Why nothing is recorded of the displayed run."""

import threading
import time
from collections.abc import Callable

from trainer.store.run import Run
from trainer.store.store import Store
from trainer.worker import Worker

# Seconds without a record: few, since they are told in a text that a screen reader reads out.
TOLD = {10: "10 s", 60: "a minute", 600: "10 minutes", 3600: "an hour", 86_400: "a day"}
LONG_STEP = 60  # seconds: torch may load for so long, or a large batch take
MOST_RUNS = 100  # that are looked after


class Trouble:
    """Says on a run's page what keeps it from being trained or recorded. What another process
    trains can say nothing while it cannot record: here it is seen that its record stands still,
    and tried whether the store can be written.

    Args:
        clock: seconds that only ever rise; what is recorded has the time of another's clock.
    """

    def __init__(
        self, store: Store, worker: Worker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._seen: dict[int, tuple[Run, float]] = {}  # a run's row, and since when it is that
        self._lock = threading.Lock()

    def of(self, run: Run | None) -> str | None:
        """Why no run is trained here, or nothing of this one recorded, in a sentence or two; None
        if all is well, as far as can be seen.
        """
        here = self._worker.training
        if trouble := self._worker.trouble(run.id if run else None):
            return trouble
        if run is None or run.status != "training" or run.paused or run.id == here:
            return None
        seconds = self._seconds_without_a_record(run)
        told = [text for least, text in TOLD.items() if seconds >= least]
        if not told:
            return None
        nothing = f"Run {run.id} has recorded nothing for more than {told[-1]}"
        if refusal := self._store.refusal():
            return f"{nothing}. {refusal}"
        if seconds < LONG_STEP or run.source == "imported":  # no one knows when its file grows
            return None
        return (
            f"{nothing}, and its store can be written: its process is in a long step, or stands "
            "still. Look where it was started."
        )

    def _seconds_without_a_record(self, run: Run) -> float:
        now = self._clock()
        with self._lock:
            row, since = self._seen.get(run.id, (None, now))
            if row != run:
                self._seen.pop(run.id, None)
                self._seen[run.id] = run, now
                if len(self._seen) > MOST_RUNS:
                    del self._seen[next(iter(self._seen))]
                return 0.0
        return now - since
