"""The rows of the store: what they hold, and how they are read. torch-free."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from ..config.run import RunConfig
from ..engine.events import Started
from ..schedule.decisions import Decision
from ..schedule.interventions import InterventionName

Status = Literal["queued", "training", "finished", "stopped", "diverged", "failed", "interrupted"]
OVER: set[Status] = {"finished", "stopped", "diverged", "failed", "interrupted"}
RESUMABLE: set[Status] = {"interrupted", "stopped", "failed"}
CommandName = Literal["stop", "pace", "pause", "resume", "step"] | InterventionName


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands. Times are seconds since 1970; `pace` is epochs a second, or None for as
    fast as it goes; `batch` batches of epoch `epoch` + 1 are done; `activity` says what it does
    before its first batch. A fork goes on from `parent`'s epoch `parent_epoch`, and `decision` is
    what its own schedule made of that epoch. `added` epochs were added by hand; commands up to
    number `asked` were for an earlier part of a run that was resumed; `warning` does not end it.
    `source` is the file of a run that was imported: nothing was trained here.
    """

    id: int
    created: float
    config: RunConfig
    status: Status
    reason: str | None
    began: float | None
    ended: float | None
    pace: float | None
    started: Started | None
    activity: str | None
    epoch: int
    batch: int
    test_loss: float | None
    test_accuracy: float | None
    parent: int | None = None
    parent_epoch: int | None = None
    decision: Decision | None = None
    paused: bool = False
    asked: int = 0
    warning: str | None = None
    source: str | None = None
    added: int = 0

    @property
    def epochs(self) -> int:
        """How many epochs the run is to have, those before a fork among them."""
        return self.config.epochs + self.added

    @property
    def batches(self) -> int:
        """Batches in an epoch; of an imported run 1, for all that is known."""
        if self.started:
            return self.started.batches
        return 1 if self.source else self.config.batches

    @property
    def resumable(self) -> bool:
        return self.status in RESUMABLE

    @property
    def over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's row; losses are None where they were not finite, and then so is the decision."""

    epoch: int
    lr: float
    lr_last: float
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked of a run: `stop`, `pause`, `resume` after a pause, `step` to the end of
    an epoch and pause there, `pace` with epochs a second (None: no limit), or an intervention.
    """

    id: int
    name: CommandName
    value: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed by hand: `trainer.engine.events.Intervened`, `at` seconds since 1970."""

    id: int
    at: float
    epoch: int
    batch: int
    name: InterventionName
    value: float | None
    lr_before: float
    lr_after: float
    sentence: str


RUN_COLUMNS = (
    "id, created, config, status, reason, began, ended, pace, started, activity, epoch, batch, "
    "test_loss, test_accuracy, parent, parent_epoch, decision, paused, asked, warning, source, "
    "(SELECT coalesce(sum(value), 0) FROM interventions "
    "WHERE run = runs.id AND name = 'epochs') AS added"
)
EPOCH_COLUMNS = "epoch, lr, lr_last, train_loss, val_loss, val_accuracy, seconds, decision"
CHANGE_COLUMNS = "id, at, epoch, batch, name, value, lr_before, lr_after, sentence"


def run(row: tuple[Any, ...]) -> Run:
    """The run of a row of RUN_COLUMNS."""
    fields = dict(zip(Run.__slots__, row, strict=True))
    fields["config"] = RunConfig.model_validate_json(fields["config"])
    fields["started"] = Started(**json.loads(fields["started"])) if fields["started"] else None
    fields["decision"] = _decision(fields["decision"])
    fields["paused"], fields["added"] = bool(fields["paused"]), int(fields["added"])
    return Run(**fields)


def epoch(row: tuple[Any, ...]) -> Epoch:
    """The epoch of a row of EPOCH_COLUMNS."""
    fields = dict(zip(Epoch.__slots__, row, strict=True))
    return Epoch(**{**fields, "decision": _decision(fields["decision"])})


def _decision(text: str | None) -> Decision | None:
    if text is None:
        return None
    fields = json.loads(text)
    fields.pop("sentence")  # drawn from the evidence again
    return Decision.model_validate(fields)
