"""What a comparison shows: its runs, their settings, and the look of each. Pure."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from app.charts import theme
from app.compare.address import RUN, SETTING, Asked
from app.compare.figure import DASHES, Look, Picture, Subject, Wanted, picture
from app.compare.reading import Read
from app.compare.strips import MOST_EPOCHS, MOST_STRIPS, Strip
from trainer.compare.groups import Group, grouped
from trainer.config.schedules import NoSchedule
from trainer.config.table import from_config
from trainer.schedule.decisions import Decision

COLOURS = theme.CATEGORICAL


class Scene(NamedTuple):
    """A comparison as it is asked for: the runs in the order of their settings.

    Attributes:
        metric: what is drawn; the runs' monitor, unless another is asked for.
        monitor: what the seeds are compared by.
        colours: the place of each run's colour, by run.
        looks: how each setting is drawn.
    """

    asked: Asked
    read: list[Read]
    groups: list[Group]
    metric: str
    monitor: str
    colours: dict[int, int]
    looks: list[Look]

    def colour_of(self, run: int) -> str:
        """The colour of a run, by the theme's name."""
        return COLOURS[self.colours[run] % len(COLOURS)]

    @property
    def live(self) -> bool:
        """Whether one of the runs trains, or is to."""
        return any(not read.run.over for read in self.read)

    def strips(self) -> list[Read]:
        """The runs whose rule strips are drawn: those drawn whose LR their schedule moves."""
        moved = [
            read
            for read in self.read
            if read.run.stand_ins
            or (
                not isinstance(read.run.recipe.schedule, NoSchedule)
                and read.run.id not in self.asked.hidden
            )
        ]
        before = accumulate(len(read.columns.epochs) for read in moved)
        kept = [read for read, epochs in zip(moved, before, strict=True) if epochs <= MOST_EPOCHS]
        return (kept or moved[:1])[:MOST_STRIPS] if self.asked.x != "lr" else []

    def picture(self, decisions: Mapping[int, Mapping[int, Decision | None]]) -> Picture:
        """The picture; `decisions` has those of the runs in `strips`, by epoch."""
        subjects = [self._subject(read) for read in self.read]
        strips = [
            Strip(read.run.id, f"#{read.run.id}", decisions[read.run.id], read.run.epochs)
            for read in self.strips()
            if read.run.id in decisions
        ]
        epochs = max((read.run.epochs for read in self.read), default=1)
        asked = self.asked
        wanted = Wanted(self.metric, asked.x, self.scale, asked.smooth, asked.group)
        return picture(subjects, self.looks, wanted, strips, epochs)

    @property
    def scale(self) -> str:
        """The scale of the metric's axis: linear where a value has no logarithm."""
        values = (v for read in self.read for v in read.columns.metric(self.metric))
        return "linear" if any(v is not None and v <= 0 for v in values) else self.asked.scale

    def _subject(self, read: Read) -> Subject:
        place = self.colours[read.run.id]
        return Subject(
            run=read.run.id,
            label=f"#{read.run.id}" + (f" seed {read.seed}" if read.seed is not None else ""),
            colour=self.colour_of(read.run.id),
            dash=_dash(place),
            group=next(i for i, g in enumerate(self.groups) if read.run.id in g.runs),
            columns=read.columns,
            batches=read.run.batches,
            hidden=read.run.id in self.asked.hidden,
        )


def scene(asked: Asked, read: Sequence[Read]) -> Scene:
    """The scene of these runs."""
    groups = grouped([each.compared for each in read])
    by_run = {each.run.id: each for each in read}
    ordered = [by_run[run] for group in groups for run in group.runs]
    monitors = {each.run.recipe.monitor for each in read}
    monitor = monitors.pop() if len(monitors) == 1 else "val_loss"
    colours = _colours(asked.colour, groups, by_run)
    looks = []
    for place, group in enumerate(groups):
        its = {colours[run] for run in group.runs}
        colour = its.pop() if len(its) == 1 else place
        looks.append(Look(group.name, group.short, COLOURS[colour % len(COLOURS)], _dash(colour)))
    return Scene(asked, ordered, groups, asked.metric or monitor, monitor, colours, looks)


def _colours(by: str, groups: Sequence[Group], runs: dict[int, Read]) -> dict[int, int]:
    """The place of each run's colour: its setting's, its own, or that of a value."""
    if by == RUN:
        return {run: i for i, run in enumerate(run for group in groups for run in group.runs)}
    if by == SETTING:
        return {run: i for i, group in enumerate(groups) for run in group.runs}
    values = {run: from_config(read.run.recipe).get(by) for run, read in runs.items()}
    order = sorted(set(values.values()), key=_sortable)
    return {run: order.index(value) for run, value in values.items()}


def _sortable(value: Any) -> tuple[bool, bool, Any]:
    """Numbers before words, and what has no value last."""
    return value is None, not isinstance(value, int | float), value if value is not None else 0


def _dash(place: int) -> str:
    return DASHES[place // len(COLOURS) % len(DASHES)]
