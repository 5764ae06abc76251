"""The epochs of several runs as columns: read together, and kept while they do not change."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from trainer.store import selection
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.selection import Columns
from trainer.store.store import Store

MOST_KEPT = 200_000  # epochs


class RunColumns:
    """Reads runs from a store. What was read of a run is kept until it has trained another epoch,
    so that a change of what is drawn reads nothing again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, tuple[object, Columns]] = OrderedDict()
        self._lock = threading.Lock()

    def with_parents(self, asked: Iterable[int]) -> dict[int, Run | Unreadable]:
        """These runs and all their ancestors, those that there are."""
        found: dict[int, Run | Unreadable] = {}
        wanted = set(asked)
        while wanted:
            more = selection.runs(self._store, wanted)
            found |= more
            parents = {run.parent for run in more.values() if isinstance(run, Run) and run.parent}
            wanted = parents - found.keys()
        return found

    def of(self, runs: Sequence[Run]) -> dict[int, Columns | Unreadable]:
        """The own epochs of each of these runs."""
        stamps = {run.id: stamp(run) for run in runs}
        with self._lock:
            kept = {
                run: self._kept[run][1]
                for run, its in stamps.items()
                if run in self._kept and self._kept[run][0] == its
            }
            for run in kept:
                self._kept.move_to_end(run)
        found: dict[int, Columns | Unreadable] = dict(kept)
        missing = stamps.keys() - kept.keys()
        if missing:
            found |= selection.columns(self._store, missing)
        with self._lock:
            for run in missing:
                columns = found[run]
                if isinstance(columns, Columns):
                    self._kept[run] = stamps[run], columns
            while sum(len(c.epochs) for _, c in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def stamp(run: Run) -> object:
    """What changes whenever a run's epochs do."""
    return run.epoch, run.status, run.began


def whole(
    run: Run,
    runs: Mapping[int, Run | Unreadable],
    columns: Mapping[int, Columns | Unreadable],
) -> Columns:
    """All epochs of a run: its ancestors' and its own; its own, where those cannot be read."""
    own = columns[run.id]
    assert isinstance(own, Columns)
    parent = runs.get(run.parent or 0)
    if not isinstance(parent, Run) or not isinstance(columns.get(parent.id), Columns):
        return own
    return whole(parent, runs, columns).upto(run.parent_epoch or 0).then(own)
