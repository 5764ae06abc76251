"""A run's current state, as its row has it. torch-free."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from ..config.recipe import Recipe
from ..config.run import RunConfig
from ..config.table import chosen, from_config
from ..engine.events import Started
from ..schedule.decisions import Decision
from ..schedule.interventions import ByHand, consequence

Status = Literal["queued", "training", "finished", "stopped", "diverged", "failed", "interrupted"]
OVER: set[Status] = {"finished", "stopped", "diverged", "failed", "interrupted"}
RESUMABLE: set[Status] = {"interrupted", "stopped", "failed"}
EXAMPLE = "example"  # the origin of the run that a first visitor finds
Source = Literal["trained", "imported", "watched"]
PlainCommand = Literal["stop", "pace", "pause", "unpause", "step"]
CommandName = PlainCommand | ByHand
COMMANDS = {*get_args(PlainCommand), *get_args(ByHand)}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known, beside its recipe, of a run that trains in another program.

    Attributes:
        program: the name of its script; empty if unknown.
        host, pid: the machine, and the process on it.
        batches: batches per epoch; 0 while they are not known.
        optimizer: how its optimizer is called if LRScope does not know it: the recipe's is then
            only a stand-in. None if it does.
        schedule: the same of its schedule.
        groups: how many parameter groups its optimizer has; the first one's LR is the run's.
        late: how many steps its schedule had taken before the run began.
        grows: whether nobody has said how many epochs are planned: the recipe's are those so far,
            and the one under way.
    """

    program: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    torch: str = ""
    batches: int = 0
    optimizer: str | None = None
    schedule: str | None = None
    groups: int = 1
    late: int = 0
    grows: bool = False


class Known(NamedTuple):
    """What is known now of a run that trains elsewhere."""

    recipe: Recipe
    elsewhere: Elsewhere
    controls: tuple[CommandName, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A run's current state. Times are seconds since 1970.

    Attributes:
        source: whether it was trained here, imported, or watched while it trains elsewhere.
        origin: the file of an imported run; EXAMPLE for the one that a first visitor finds.
        recipe: its recipe; for a run that was trained here, its whole config.
        pace: epochs per second, None for no limit.
        began, ended: `ended` is when it was last recorded; see `elapsed`.
        activity: what it is doing before its first batch.
        epoch, batch: `batch` batches of epoch `epoch` + 1 are done, which may be more than
            `batches` where these are not known.
        parent, parent_epoch: the run and the epoch that a fork continues from.
        decision: the decision of a fork's own schedule on that epoch.
        asked: commands up to this id were carried out, or came before the run was resumed.
        warning: a problem that did not end it.
        added: epochs added by hand.
        stopping: whether it was asked to stop and still trains.
        name: what a person calls it; None if nobody has named it.
        starred, tags, note, archived: what people noted of it.
        deleted: when it was deleted; None if it was not (see `trainer.store.deletion`).
        controls: the commands that a run which trains elsewhere obeys; None for one that was
            trained here, which obeys all.
        elsewhere: what else is known of a watched run; None for any other.
        sweep: the sweep of which it is a cell; None for any other run.
    """

    id: int
    created: float
    source: Source
    origin: str | None
    recipe: Recipe
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
    added: int = 0
    stopping: bool = False
    name: str | None = None
    starred: bool = False
    tags: tuple[str, ...] = ()
    note: str | None = None
    archived: bool = False
    deleted: float | None = None
    controls: tuple[CommandName, ...] | None = None
    elsewhere: Elsewhere | None = None
    sweep: int | None = None

    @property
    def elapsed(self) -> float | None:
        """The seconds that it has taken, without pauses, up to its last record; None if unknown."""
        if self.began is None or self.ended is None:
            return None
        return max(self.ended - self.began, 0.0)

    @property
    def config(self) -> RunConfig | None:
        """The config of a run that was trained here; None for any other."""
        return self.recipe if isinstance(self.recipe, RunConfig) else None

    @property
    def epochs(self) -> int:
        """The planned number of epochs, including those before a fork."""
        return self.recipe.epochs + self.added

    @property
    def batches(self) -> int:
        """Batches per epoch; 1 where it is unknown: of a run that was not trained here, or is to
        be with one's own data.
        """
        if self.started:
            return self.started.batches
        if self.elsewhere:
            return max(self.elsewhere.batches, 1)
        return (self.config.batches if self.config else None) or 1

    @property
    def resumable(self) -> bool:
        return self.status in RESUMABLE and self.source == "trained"

    @property
    def over(self) -> bool:
        return self.status in OVER

    @property
    def follows(self) -> bool:
        """Whether it is a cell of a sweep that shares the epochs which another one trains now."""
        shares = self.parent is not None and self.parent_epoch == self.epoch
        return self.sweep is not None and self.status == "training" and not self.started and shares

    @property
    def open_ended(self) -> bool:
        """Whether nobody knows how many epochs it will have, as where it follows a file: those of
        its recipe are planned for the time being.
        """
        grows = self.elsewhere is not None and self.elsewhere.grows
        return grows or (self.source == "imported" and not self.over)

    @property
    def done(self) -> str:
        """How many epochs are done, of those that are planned: "13 of 20"."""
        if self.open_ended or self.epoch == self.epochs:
            return str(self.epoch)
        return f"{self.epoch} of {self.epochs}"

    @property
    def optimizer(self) -> str:
        """What its optimizer is called, also where LRScope does not know it."""
        return (self.elsewhere and self.elsewhere.optimizer) or self.recipe.optimizer.name

    @property
    def schedule(self) -> str:
        """What its schedule is called, also where LRScope does not know it."""
        return (self.elsewhere and self.elsewhere.schedule) or self.recipe.schedule.name

    @property
    def ranked_by(self) -> str:
        """The metric by which it is compared with other runs."""
        return "val_loss" if self.config else self.recipe.monitor

    @property
    def stand_ins(self) -> set[str]:
        """The parts of its recipe that only stand for one that LRScope does not know."""
        known = self.elsewhere
        parts = {"optimizer": known and known.optimizer, "schedule": known and known.schedule}
        return {part for part, unknown in parts.items() if unknown}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its recipe by key, as far as they are known."""
        values = from_config(self.recipe)
        unknown = {s.key for s in chosen(values, type(self.recipe)) if s.group in self.stand_ins}
        known = {key: value for key, value in values.items() if key not in unknown}
        return {**known, "schedule": self.schedule, "optimizer": self.optimizer}

    @property
    def known_batches(self) -> int:
        """Batches per epoch; 0 while they are not known."""
        if self.started:
            return self.started.batches
        return self.elsewhere.batches if self.elsewhere else 0

    @property
    def inside(self) -> float:
        """The share of the current epoch's batches that are done; 0 where nobody knows it."""
        return self.batch / self.known_batches if self.known_batches else 0.0

    def disobeys(self, name: CommandName) -> str | None:
        """Why it does not obey this command, in a sentence; None if it does."""
        if self.sweep is not None and name != "stop":
            other = (
                "fork it to change it by hand" if name in get_args(ByHand) else "pause the sweep"
            )
            return (
                f"Run {self.id} is a cell of sweep {self.sweep}, whose cells share epochs: {other}."
            )
        if self.controls is None or name in self.controls:
            return None
        if self.source != "watched":
            return f"Run {self.id} follows {self.origin}: it cannot be changed from here."
        why = "pass control=True to watch()"
        if name == "pace":
            why = "it keeps its own pace"
        elif name == "stop" or (name == "epochs" and "pause" in self.controls):
            why = "let its loop be over scope.epochs()"
        return f"Run {self.id} trains elsewhere and does not obey {name}: {why}."

    def response(self, name: ByHand) -> str:
        """How its schedule will respond to this change by hand, if it is made now."""
        if "schedule" in self.stand_ins and name != "epochs":
            return (
                f"LRScope does not know {self.schedule}: its next step may write over an LR that "
                "was set by hand."
            )
        return consequence(self.recipe, name, self.epoch, lasts=self.source == "watched")
