"""The records that the engine yields, in the order in which they occur. torch-free."""

from dataclasses import dataclass
from typing import Literal

from ..config.text import lr_text, significant
from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from ..schedule.interventions import InterventionName
from ..schedule.trace import EMPTY, Trace


@dataclass(frozen=True, slots=True)
class Downloading:
    """A data set is being downloaded. `total` is 0 if the server does not send the size."""

    file: str
    received: int
    total: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One's own images are being read."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Loading:
    """The file of one's own network is run."""

    file: str


@dataclass(frozen=True, slots=True)
class Started:
    """Data and model are ready; the first batch comes next.

    `train`, `val` and `test` count images; `classes` is 0 where numbers are predicted; `device` is
    the one actually used; `torch`, `python` and `cpu` are recorded because the last bits of the
    results depend on them. So do one's own data and network: `data` and `network` are other texts
    after these have changed. `notes` say in sentences what was made of them.
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
    data: str = ""
    network: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forked:
    """The run continues from another run's `epoch`: `decision` is its own schedule's decision on
    that epoch, None if the schedule starts fresh after it.
    """

    epoch: int
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Retraining:
    """Epoch `epoch` of the `needed` epochs before a run's start has been retrained."""

    epoch: int
    needed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """`batch` of `batches` are done within an epoch. Yielded at time intervals, and where the
    control says so. `trace` has the groups of the epoch that are complete and have reached the
    host.
    """

    epoch: int
    batch: int
    batches: int
    trace: Trace = EMPTY


@dataclass(frozen=True, slots=True)
class Intervened:
    """A person, or the engine itself, changed the run before batch `batch` (from 0) of `epoch`.

    `name` and `value` are those of `trainer.schedule.interventions.Intervention`; `repeated` means
    that it was repeated from the record.
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
    """Something went wrong that does not end the run; None: it is over."""

    sentence: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The run stands still, for this reason, until the next event. It is not recorded: the engine
    never yields it, but whoever records its events where they cannot be.
    """

    sentence: str


@dataclass(frozen=True, slots=True)
class EpochEnded(Epoch):
    """An epoch was trained and evaluated, and the schedule has decided. `trace` is the epoch's."""

    decision: Decision
    trace: Trace = EMPTY

    def told(self) -> str:
        """Its numbers as a line for people; the decision's sentence follows."""
        metrics, accuracy = self.metrics, self.metrics.get("val_accuracy")
        percent = "      -" if accuracy is None else f"{100 * accuracy:5.1f} %"
        return (
            f"{self.epoch:>5}  lr {lr_text(self.lr):<8} "
            f"train {significant(metrics['train_loss']):<8} "
            f"val {significant(metrics['val_loss']):<8} {percent}"
        )


@dataclass(frozen=True, slots=True)
class Diverged(Epoch):
    """A loss became infinite or NaN in this epoch, which has no decision; the run is over."""

    reason: str
    trace: Trace = EMPTY


@dataclass(frozen=True, slots=True)
class Failed:
    """The run failed; `reason` is one sentence for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run finished, was stopped by a person, or was interrupted by the end of the program."""

    status: Literal["finished", "stopped", "interrupted"]
    test_loss: float | None = None
    test_accuracy: float | None = None

    def told(self) -> str:
        """The result of the test in words."""
        if self.test_accuracy is not None:
            return f"test accuracy {self.test_accuracy:.2%}"
        if self.test_loss is not None:
            return f"test loss {significant(self.test_loss)}"
        return "without a test, for which there is no data"


Event = (
    Downloading
    | Reading
    | Loading
    | Retraining
    | Started
    | Forked
    | Progress
    | Intervened
    | Warned
    | Waiting
    | EpochEnded
    | Diverged
    | Failed
    | Ended
)
