"""The runs of a comparison as they are stored: read together, and kept while they do not change."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from app.charts.series import done_text
from app.run_columns import RunColumns, stamp, whole
from app.run_names import name
from trainer.compare.groups import Compared, Past, setting_of
from trainer.schedule.decisions import Decision
from trainer.schedule.interventions import RecordedIntervention
from trainer.store import selection
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.selection import Columns
from trainer.store.store import Store

MOST_DECIDED = 50  # runs
MOST_TOLD = 45  # characters of what was changed by hand
MOST_LISTED = 5  # epochs in which it was


class Read(NamedTuple):
    """A run of a comparison with its epochs; a fork's with those that it shares with its parent."""

    run: Run
    columns: Columns
    compared: Compared

    @property
    def seed(self) -> int | None:
        return self.compared.seed


class Reading:
    """Reads the runs of comparisons from a store, and keeps their decisions as `columns` (its own
    if None) keeps their epochs.
    """

    def __init__(self, store: Store, columns: RunColumns | None = None) -> None:
        self._store = store
        self._columns = columns or RunColumns(store)
        self._decided: OrderedDict[int, tuple[object, dict[int, Decision | None]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, asked: Sequence[int]) -> tuple[list[Read], list[str]]:
        """These runs, in that order, and a sentence for each that cannot be shown."""
        found = self._columns.with_parents(asked)
        columns = self._columns.of([run for run in found.values() if isinstance(run, Run)])
        made = selection.by_hand(self._store, found)
        read, refused = [], []
        for number in asked:
            run = found.get(number)
            if run is None:
                refused.append(f"There is no run {number}.")
                continue
            own = columns.get(number)
            if isinstance(run, Unreadable) or isinstance(own, Unreadable) or own is None:
                why = next(p for p in (run, own) if isinstance(p, Unreadable))
                refused.append(why.reason)
                continue
            past = tuple(_past(run, found, made))
            epochs = whole(run, found, columns)
            unknown = tuple((part, run.settings[part]) for part in sorted(run.stand_ins))
            read.append(Read(run, epochs, Compared(run.id, run.recipe, past, unknown)))
        return read, refused

    def decisions(self, read: Sequence[Read]) -> dict[int, dict[int, Decision | None]]:
        """The decisions of these runs' own epochs, by run and epoch."""
        found: dict[int, dict[int, Decision | None]] = {}
        missing = []
        for each in read:
            seen, kept = self._decided.get(each.run.id, (None, {}))
            if seen == stamp(each.run):
                found[each.run.id] = kept
            else:
                missing.append(each)
        if missing:
            made = selection.decisions(self._store, [each.run.id for each in missing])
            for each in missing:
                own = made.get(each.run.id, [])
                numbers = each.columns.epochs[len(each.columns.epochs) - len(own) :]
                decided = dict(zip(numbers, own, strict=False))
                found[each.run.id] = decided
                with self._lock:
                    self._decided[each.run.id] = stamp(each.run), decided
                    while len(self._decided) > MOST_DECIDED:
                        self._decided.popitem(last=False)
        return found


def _past(
    run: Run,
    runs: Mapping[int, Run | Unreadable],
    made: Mapping[int, Sequence[RecordedIntervention]],
) -> Iterable[Past]:
    """What determined a run besides its recipe."""
    if run.config is None:
        yield Past(name(run), run.id)
    if run.parent and not run.sweep:  # a cell has the numbers of a run of its own
        parent = runs.get(run.parent)
        key: object = run.parent
        if isinstance(parent, Run):
            before = {
                number: [i for i in its if i.epoch <= (run.parent_epoch or 0)]
                for number, its in made.items()
            }
            key = (setting_of(parent.recipe), *_past(parent, runs, before))
        yield Past(f"fork after {run.parent_epoch}", (run.parent_epoch, key))
    if changes := made.get(run.id, ()):
        key = tuple((done.name, done.value, done.epoch, done.batch) for done in changes)
        details = (f"{_change(done)} in epoch {done.epoch}" for done in changes)
        yield Past(_by_hand(changes), key, ", ".join(details), by_hand=True)


def _by_hand(changes: Sequence[RecordedIntervention]) -> str:
    """What was changed by hand, or only in which epochs where that is long."""
    told = f"changed by hand ({', '.join(map(_change, changes))})"
    if len(told) <= MOST_TOLD:
        return told
    epochs = list(dict.fromkeys(str(done.epoch) for done in changes))
    if len(epochs) == 1:
        return f"changed by hand in epoch {epochs[0]}"
    if len(epochs) > MOST_LISTED:
        return f"changed by hand in {len(epochs)} epochs"
    return f"changed by hand in epochs {', '.join(epochs[:-1])} and {epochs[-1]}"


def _change(done: RecordedIntervention) -> str:
    """A change as it was asked for: two runs that had the same one may have had different LRs."""
    return "cut" if done.name == "cut" else done_text(done, 1.0, 1.0)
