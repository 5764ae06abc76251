"""What a script repeats: a run's lineage, as far as it was trained. torch-free."""

from dataclasses import dataclass

from ..config.run import RunConfig, is_known_data, is_known_model
from ..schedule.interventions import RecordedIntervention
from ..store import lineage
from ..store.rows import UnreadableError
from ..store.run import Run
from ..store.store import Store
from .error import ExportError


@dataclass(frozen=True)
class Stretch:
    """The epochs after epoch `after` that `run` trained with one config."""

    run: int
    config: RunConfig
    after: int
    interventions: list[RecordedIntervention]


@dataclass(frozen=True)
class Course:
    """A run and what its numbers come from.

    `threads` are torch's CPU threads at its start, 0 if it has not begun. `epochs` is the last
    epoch to train: the last that the run trained, if it is over.
    """

    run: Run
    config: RunConfig
    stretches: list[Stretch]
    epochs: int
    threads: int

    @property
    def device(self) -> str:
        """The type of the device: cpu, cuda or mps."""
        if self.run.started:
            return self.run.started.device.split(":")[0]
        return "cpu" if self.config.device == "auto" else self.config.device

    @property
    def tested(self) -> bool:
        return self.run.test_loss is not None


def course(store: Store, number: int) -> Course:
    """The course of a run.

    Raises:
        ExportError: there is no such run, it was not trained here, an ancestor is missing, or its
            data or network is one's own.
    """
    try:
        runs = _forebears(store, number)
        made = lineage.stretches(store, number)
    except UnreadableError as error:
        raise ExportError(str(error)) from error
    run = runs[-1]
    assert run.config is not None
    if not is_known_data(run.config.dataset) or not is_known_model(run.config.model):
        raise ExportError(
            f"Run {number} has data or a network that LRScope has no code for: export its config, "
            "from which lrscope trains it again."
        )
    trained = [epoch.epoch for epoch in store.epochs(number)]
    epochs = trained[-1] if run.over and trained else run.epochs
    stretches = [
        Stretch(
            row.id,
            row.config,
            past.after,
            [i for i in past.interventions if isinstance(i, RecordedIntervention)],
        )
        for row, past in zip(runs, made, strict=True)
        if row.config is not None
    ]
    began = runs[0].started
    return Course(run, run.config, stretches, epochs, began.threads if began else 0)


def _forebears(store: Store, number: int) -> list[Run]:
    """The runs that trained a run's epochs, the first first."""
    run = store.run(number)
    if run is None:
        raise ExportError(f"There is no run {number}.")
    if run.config is None:
        raise ExportError(
            f"Run {number} was {run.source}: LRScope has not trained it, and has no script for it."
        )
    runs = [run]
    while run.parent is not None and run.parent_epoch:
        parent = store.run(run.parent)
        if parent is None or parent.config is None:
            raise ExportError(
                f"Run {number} continues from run {run.parent}, which is no longer there: "
                "its first epochs cannot be repeated."
            )
        runs.append(run := parent)
    return runs[::-1]
