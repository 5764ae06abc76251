"""The records that the engine yields, in the order in which they happen. torch-free."""

from dataclasses import dataclass
from typing import Literal

from trainer.decisions import Decision


@dataclass(frozen=True, slots=True)
class Downloading:
    """A data set is on its way. `total` is 0 where the server does not say."""

    file: str
    received: int
    total: int


@dataclass(frozen=True, slots=True)
class Started:
    """Data and model are ready; the first batch comes next.

    `train`, `val` and `test` count images; `device` is the one that auto came to.
    """

    device: str
    threads: int
    batches: int
    train: int
    val: int
    test: int
    classes: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Somewhere inside an epoch: `batch` of `batches` done. Comes by the clock."""

    epoch: int
    batch: int
    batches: int


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """One epoch's record.

    `lr` is the LR that was used in the epoch's first batch, `lr_last` in its last: they are equal
    but for schedules that step each batch. Losses are means over images, accuracy a share of 1.
    """

    epoch: int
    lr: float
    lr_last: float
    train_loss: float
    val_loss: float
    val_accuracy: float
    seconds: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Diverged:
    """A loss stopped being finite in this epoch; the run is over. The finite losses are kept."""

    epoch: int
    lr: float
    lr_last: float
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The run could not go on; `reason` is one sentence for its user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last epoch was trained, or the run was stopped before it."""

    status: Literal["finished", "stopped"]
    test_loss: float | None = None
    test_accuracy: float | None = None


Event = Downloading | Started | Progress | EpochEnded | Diverged | Failed | Ended
