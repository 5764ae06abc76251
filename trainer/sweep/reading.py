"""What the cells of a sweep have measured so far, as plain rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..config.metrics import rises
from ..config.table import SETTINGS, Setting
from ..store import measured
from ..store.measured import Reached, State
from ..store.run import OVER
from ..store.store import Store
from ..store.sweeps import Epochs, Sweep

METRIC = "val_loss"
SEED = "seed"
KEPT = 4  # sweeps whose cells are kept


class Cell(NamedTuple):
    """A cell of a sweep.

    Attributes:
        values: of the sweep's keys; a key that does not apply to the cell is not among them.
        status: a `trainer.store.run.Status`.
        epoch, epochs: how many it has, with those it shares, and how many are planned.
        best, at: its best value, and the first epoch that has it; None before its first.
        cost: the value, or minus it where a higher one is better; infinite where there is none.
        last: its value in its last epoch; None if that has none.
        parent, parent_epoch: the cell that trained its first epochs, and how many of them.
    """

    run: int
    values: dict[str, Any]
    seed: int
    status: str
    reason: str | None
    epoch: int
    epochs: int
    best: float | None = None
    at: int | None = None
    cost: float = math.inf
    last: float | None = None
    parent: int | None = None
    parent_epoch: int | None = None

    @property
    def goes_on(self) -> bool:
        """Whether it trains as soon as its sweep does."""
        return self.status not in OVER or self.status == "interrupted"


class Read(NamedTuple):
    """A sweep as it stands.

    Attributes:
        keys: the settings in which its cells differ, those of a grid in its order; no seed.
        metric: what `best` and `last` are of.
        cells: oldest first.
    """

    keys: tuple[str, ...]
    metric: str
    cells: list[Cell]

    @property
    def epochs(self) -> Epochs:
        """As `trainer.store.sweeps.Sweeps.epochs_of`, without reading the store again."""
        return Epochs(
            sum(cell.epochs for cell in self.cells),
            sum(cell.epoch for cell in self.cells),
            sum(cell.epoch - (cell.parent_epoch or 0) for cell in self.cells),
        )


class _Known(NamedTuple):
    """What need not be read again: the settings of each run, each cell with the state that it was
    made of, and the best of a run's own epochs up to one of them.
    """

    settings: dict[int, dict[str, Any]]
    cells: dict[int, tuple[State, Cell]]
    parts: dict[tuple[int, int], Reached | None]


class Reading:
    """Reads sweeps again and again: a cell that has not changed since costs next to nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[int, str, tuple[str, ...]], _Known] = {}

    def of(self, sweep: Sweep, metric: str = METRIC) -> Read:
        """The sweep's cells as they stand now."""
        states = {state.run: state for state in measured.states(self._store, sweep.id)}
        known = next((v for k, v in self._known.items() if k[:2] == (sweep.id, metric)), None)
        settings = dict(known.settings) if known else {}
        unread = measured.configs(self._store, states.keys() - settings.keys())
        settings |= {run: _settings(config) for run, config in unread.items()}
        keys = _keys(sweep, [settings[run] for run in states if run in settings])
        known = self._known.pop((sweep.id, metric, keys), None) or _Known({}, {}, {})
        known.settings.update(settings)
        before = known.cells
        changed = [
            state
            for run, state in states.items()
            if run in settings and (run not in before or before[run][0] != state)
        ]
        if changed:
            self._measure(known, states, changed, keys, metric)
        while len(self._known) >= KEPT:
            self._known.pop(next(iter([*self._known])), None)
        self._known[sweep.id, metric, keys] = known
        shown = [run for run, state in states.items() if run in settings and not state.deleted]
        return Read(keys, metric, [known.cells[run][1] for run in shown])

    def course(self, sweep: Sweep, read: Read, cell: Cell) -> list[float | None]:
        """The values of a cell's epochs up to its best, those with it that others have trained."""
        known = self._known.get((sweep.id, read.metric, read.keys))
        if known is None or cell.at is None:
            return []
        states = {run: state for run, (state, _) in known.cells.items()}
        places = {
            epoch: owner
            for owner, upto in _parts(states[cell.run], states)
            for epoch in range(states[owner].shared + 1, min(upto, cell.at) + 1)
        }
        found = measured.values(self._store, [(places[e], e) for e in places], read.metric)
        return [found.get((places[epoch], epoch)) for epoch in sorted(places)]

    def _measure(
        self,
        known: _Known,
        states: Mapping[int, State],
        changed: Sequence[State],
        keys: Sequence[str],
        metric: str,
    ) -> None:
        """Make these cells anew."""
        parts = {state.run: list(_parts(state, states)) for state in changed}
        every = {part for its in parts.values() for part in its}
        own = measured.bests(self._store, {run for run, _ in every}, metric)
        # The best of all that a run has trained may come after another has parted from it.
        late = {
            (run, upto)
            for run, upto in every - known.parts.keys()
            if run in own and own[run][1] > upto
        }
        found = measured.bests_until(self._store, late, metric)
        known.parts.update({part: found.get(part) for part in late})
        trained = {
            state.run: (run, state.epoch)
            for state in changed
            for run, _ in reversed(parts[state.run])
            if states[run].shared < state.epoch
        }
        lasts = measured.values(self._store, trained.values(), metric)
        sign = -1 if rises(metric) else 1
        for state in changed:
            reached = [
                best
                for part in parts[state.run]
                if (best := known.parts[part] if part in known.parts else own.get(part[0]))
            ]
            cost, at = min(reached, default=(None, None))
            settings = known.settings[state.run]
            cell = Cell(
                state.run,
                {key: settings[key] for key in keys if key in settings},
                settings[SEED],
                state.status,
                state.reason,
                state.epoch,
                settings["epochs"],
                None if cost is None else sign * cost,
                at,
                math.inf if cost is None else cost,
                lasts.get(trained.get(state.run, (0, 0))),
                state.parent,
                state.parent_epoch,
            )
            known.cells[state.run] = state, cell


def _parts(state: State, states: Mapping[int, State]) -> Iterator[tuple[int, int]]:
    """Who has trained a cell's epochs, and up to which: first itself, then each ancestor."""
    upto = state.epoch
    while True:
        yield state.run, upto
        parent = states.get(state.parent or 0)
        if parent is None or parent.run >= state.run or not state.shared:
            return
        upto, state = min(upto, state.shared), parent


def _keys(sweep: Sweep, settings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The settings in which a sweep's cells differ, but the seed; of a grid those that it names."""
    if sweep.kind == "grid":
        return tuple(axis.key for axis in sweep.grid.axes if axis.key != SEED)
    absent = object()
    every = dict.fromkeys(setting.key for setting in SETTINGS if setting.key != SEED)
    return tuple(key for key in every if len({own.get(key, absent) for own in settings}) > 1)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by key of a config's plain fields."""
    parts = {"run": config, "schedule": config["schedule"], "optimizer": config["optimizer"]}
    found = {"schedule": config["schedule"]["name"], "optimizer": config["optimizer"]["name"]}
    for group, part in parts.items():
        for setting in OWNED.get(None if group == "run" else part["name"], []):
            if setting.name in part and setting.key not in found:
                value = part[setting.name]
                found[setting.key] = tuple(value) if isinstance(value, list) else value
    return found


OWNED: dict[str | None, list[Setting]] = {}
for _setting in SETTINGS:
    OWNED.setdefault(_setting.owner, []).append(_setting)
