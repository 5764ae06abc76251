"""Which cells of a sweep train as one, and where they part.

A stage is a stretch of epochs that several cells share. One of them, its leader, trains; the
others, its followers, let their own schedules decide on the same losses. A follower whose next
epoch would be trained with another LR or momentum than the leader's parts from it: before the first
batch that differs.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..engine.sharing import Course, EpochPlan, Metrics, as_own, beginning
from ..engine.state import Snapshot, config_of
from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from ..store.run import OVER, Run

Position = tuple[int | None, int, Hashable]
"""A state of the weights: the cell that trained the last epoch, that epoch, and for epoch 0, which
nobody trained, what the cells have in common.
"""


@dataclass
class Stage:
    """Cells that train as one from here on.

    Attributes:
        courses: each cell's own schedule, by run; all stand at the same epoch.
        past: the metrics of each epoch so far.
        later: who part from it within the next epoch, by the batches that they share of it.
    """

    courses: dict[int, Course]
    past: list[Metrics] = field(default_factory=list)
    later: dict[int, list["Stage"]] = field(default_factory=dict)

    @property
    def leader(self) -> int:
        """The cell that trains: the oldest, since a run is a fork of older ones only."""
        return min(self.courses)

    @property
    def followers(self) -> list[int]:
        return sorted(self.courses.keys() - {self.leader})

    @property
    def all_runs(self) -> list[int]:
        """Its cells, and those who part from it later."""
        later = [stage for stages in self.later.values() for stage in stages]
        return [*self.courses, *(run for stage in later for run in stage.all_runs)]

    @property
    def epoch(self) -> int:
        return len(self.past)

    @property
    def is_over(self) -> bool:
        """Whether its cells have all their epochs."""
        return self.courses[self.leader].is_over

    def advance(self, metrics: Metrics) -> dict[int, Decision]:
        """End an epoch that the leader has trained; the decision of each follower's schedule."""
        self.past.append(metrics)
        leader = self.leader
        decided = {run: course.advance(metrics) for run, course in self.courses.items()}
        del decided[leader]
        return decided

    def part(self, within: bool = True) -> list["Stage"]:
        """Let those go whose next epoch is not the leader's. Returns those as stages who share
        nothing of it; the others are `later`, unless nobody is to part within an epoch.
        """
        if len(self.courses) == 1:
            return []
        own, *apart = _stages(self.courses, self.past, within)
        self.courses, self.later = own.courses, own.later
        return apart

    def take_later(self) -> list["Stage"]:
        """Those who were to part later, at once."""
        stages = [stage for each in self.later.values() for stage in each]
        self.later = {}
        return stages

    def leave(self, runs: Collection[int]) -> None:
        """Go on without these cells."""
        self.courses = {run: c for run, c in self.courses.items() if run not in runs}

    def own(self, shared: Snapshot) -> Snapshot:
        """The leader's snapshot, from that of another cell which has trained the same epochs, and
        the same batches of the next one.
        """
        course = self.courses[self.leader]
        if config_of(shared) == course.config:
            return shared
        return as_own(shared, course.config, course.schedule.batches, self.past)


def _stages(
    courses: Mapping[int, Course], past: Sequence[Metrics], within: bool = True
) -> list[Stage]:
    """Cells at the same state, as stages of those that train the next epoch, or its first batches,
    as one.
    """
    groups: dict[EpochPlan, dict[int, Course]] = defaultdict(dict)
    for run in sorted(courses):
        groups[courses[run].planned()][run] = courses[run]
    return _apart(list(groups.items()), past, 0) if within else [
        Stage(group, [*past]) for group in groups.values()
    ]  # fmt: skip


def _apart(
    groups: Sequence[tuple[EpochPlan, dict[int, Course]]], past: Sequence[Metrics], batches: int
) -> list[Stage]:
    """Stages of groups that share so many batches of the next epoch; the first one leads those that
    share more with it.
    """
    if not groups:
        return []
    (plan, courses), *others = groups
    alike: dict[int, list[tuple[EpochPlan, dict[int, Course]]]] = defaultdict(list)
    for group in others:
        alike[plan.alike(group[0])].append(group)
    apart = alike.pop(batches, [])
    later = {shared: _apart(alike[shared], past, shared) for shared in sorted(alike)}
    return [Stage(courses, [*past], later), *_apart(apart, past, batches)]


@dataclass
class Caught:
    """What a cell shares with cells that trained before it was asked for.

    Attributes:
        decided: the cell that trained each of these epochs, the epoch, and this cell's decision.
        twin: the cell that has ended at this cell's own last epoch: this one ends like it.
    """

    decided: list[tuple[int, int, Decision]]
    twin: int | None = None


class Tree:
    """The cells of a sweep as they were recorded, as a tree of the epochs that they share.

    Args:
        cells: the sweep's runs, oldest first.
        epochs: the epochs that each trained itself.
        batches: batches per epoch, by cell; one without is not trained.
    """

    def __init__(
        self,
        cells: Sequence[Run],
        epochs: Callable[[int], list[Epoch]],
        batches: Mapping[int, int],
    ) -> None:
        self._batches = batches
        self._rows: dict[int, dict[int, Epoch]] = {}
        self._next: dict[Position, list[tuple[Hashable, int]]] = defaultdict(list)
        self._runs = {cell.id: cell for cell in cells}
        self._stands: dict[int, tuple[Position, Course, list[Metrics]]] = {}
        self.caught: dict[int, Caught] = {}
        for cell in cells:
            own = epochs(cell.id)
            if own:
                self._rows[cell.id] = {row.epoch: row for row in own}
                self._enter(cell)
        for cell in cells:
            if cell.id not in self._rows and cell.status not in OVER and cell.id in batches:
                self._follow(cell)

    def stages(self, stopped: Collection[int] = (), until: int | None = None) -> list[Stage]:
        """The stages that are left to train, the oldest cell's first.

        Args:
            stopped: cells that are not trained further.
            until: from this epoch on, nobody parts within an epoch.
        """
        waiting: dict[Position, dict[int, Course]] = defaultdict(dict)
        pasts: dict[Position, list[Metrics]] = {}
        for run, (position, course, past) in self._stands.items():
            caught = self.caught.get(run)
            is_over = run in stopped or self._runs[run].status in OVER
            if is_over or (caught and caught.twin is not None):
                continue
            waiting[position][run] = course
            pasts[position] = past
        found = [
            stage
            for position, courses in waiting.items()
            for stage in _stages(
                courses, pasts[position], until is None or len(pasts[position]) < until
            )
        ]
        return sorted(found, key=lambda stage: stage.leader)

    def _course(self, cell: Run) -> Course:
        assert cell.config is not None
        return Course(cell.config, self._batches[cell.id])

    def _enter(self, cell: Run) -> None:
        """Enter a cell that has trained epochs itself."""
        course, past = self._course(cell), list[Metrics]()
        for row in self._prefix(cell):
            course.advance(row.metrics)
            past.append(row.metrics)
        position = self._position(cell)
        for row in self._rows[cell.id].values():
            if row.epoch != course.epoch + 1:
                continue
            self._next[position].append((course.planned(), cell.id))
            if row.decision is None:  # it diverged
                break
            course.advance(row.metrics)
            past.append(row.metrics)
            position = cell.id, row.epoch, ""
        self._stands[cell.id] = position, course, past

    def _prefix(self, cell: Run) -> Iterator[Epoch]:
        """The epochs that a cell shares with the one that it is a fork of."""
        if cell.parent is None or cell.parent not in self._runs:
            return
        rows = [*self._prefix(self._runs[cell.parent])]
        rows += self._rows.get(cell.parent, {}).values()
        yield from (row for row in rows if row.epoch <= (cell.parent_epoch or 0))

    def _position(self, cell: Run) -> Position:
        if cell.parent is None or not cell.parent_epoch:
            assert cell.config is not None
            return None, 0, beginning(cell.config)
        return cell.parent, cell.parent_epoch, ""

    def _follow(self, cell: Run) -> None:
        """Let a cell that has trained nothing itself share what others have, as far as it can."""
        assert cell.config is not None
        course, past = self._course(cell), list[Metrics]()
        position: Position = None, 0, beginning(cell.config)
        caught = Caught([])
        while not course.is_over:
            planned = course.planned()
            owner = next((run for key, run in self._next[position] if key == planned), None)
            if owner is None or owner > cell.id:
                break
            row = self._rows[owner][course.epoch + 1]
            if row.decision is None:
                caught.twin = owner
                break
            decision = course.advance(row.metrics)
            caught.decided.append((owner, row.epoch, decision))
            past.append(row.metrics)
            position = owner, row.epoch, ""
        last = self._runs[position[0]] if position[0] is not None else None
        if course.is_over and last and last.status == "finished" and last.epoch == course.epoch:
            caught.twin = last.id
        known = cell.parent_epoch or 0
        caught.decided = [each for each in caught.decided if each[1] > known]
        self.caught[cell.id] = caught
        self._stands[cell.id] = position, course, past
