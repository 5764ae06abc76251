"""The records that the engine yields, in the order in which they happen. torch-free."""

from dataclasses import dataclass
from typing import Literal

from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from ..schedule.interventions import InterventionName


@dataclass(frozen=True, slots=True)
class Downloading:
    """A data set is on its way. `total` is 0 where the server does not say."""

    file: str
    received: int
    total: int


@dataclass(frozen=True, slots=True)
class Started:
    """Data and model are ready; the first batch comes next.

    `train`, `val` and `test` count images; `device` is the one that auto came to; `torch`,
    `python` and `cpu` say what it trains on, for the last bits depend on them.
    """

    device: str
    threads: int
    batches: int
    train: int
    val: int
    test: int
    classes: int
    parameters: int
    torch: str = ""
    python: str = ""
    cpu: str = ""


@dataclass(frozen=True, slots=True)
class Forked:
    """The run goes on from another run's `epoch`: `decision` is what its own schedule makes of
    that epoch, None where the schedule begins anew after it.
    """

    epoch: int
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Retraining:
    """Epoch `epoch` of the `wanted` that lead to a run's start was trained again."""

    epoch: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Somewhere inside an epoch: `batch` of `batches` done. Comes by the clock."""

    epoch: int
    batch: int
    batches: int


@dataclass(frozen=True, slots=True)
class Intervened:
    """A person changed the run before batch number `batch` (from 0) of `epoch`.

    `name` and `value` are those of `trainer.schedule.interventions.Intervention`; `repeated` says
    that it was made again from the record.
    """

    epoch: int
    batch: int
    name: InterventionName
    value: float | None
    lr_before: float
    lr_after: float
    sentence: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong that does not end the run."""

    sentence: str


@dataclass(frozen=True, slots=True)
class EpochEnded(Epoch):
    """An epoch was trained and evaluated, and the schedule has decided."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Diverged(Epoch):
    """A loss stopped being finite in this epoch, which has no decision; the run is over."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The run could not go on; `reason` is one sentence for its user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last epoch was trained, or the run was stopped before it; interrupted: by the end of
    the program, not by a person.
    """

    status: Literal["finished", "stopped", "interrupted"]
    test_loss: float | None = None
    test_accuracy: float | None = None


Event = (
    Downloading
    | Retraining
    | Started
    | Forked
    | Progress
    | Intervened
    | Warned
    | EpochEnded
    | Diverged
    | Failed
    | Ended
)
