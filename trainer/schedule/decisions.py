"""What a schedule did at the end of an epoch, with its evidence, and as a sentence. torch-free."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from ..config.text import distinct, epochs_text, lr_text, significant

Kind = Literal[
    "improved",  # plateau: a new best
    "waiting",  # plateau: a bad epoch, within patience
    "cooldown",  # plateau: a bad epoch in the cooldown, not counted
    "cut",  # the LR was reduced in one step
    "no effect",  # plateau: a cut was attempted, but eps or min_lr prevented it
    "warm-up",
    "kept",
    "lowered",
    "raised",
    "peak",  # the highest LR of a cycle, before it falls
    "bottom",  # the lowest LR of a cycle, before it rises
    "restart",  # the LR jumped back up
]

RECORDED = "Recorded"  # in place of the schedule, for LRs that came with a file


class PlateauEvidence(BaseModel):
    """The state of torch's ReduceLROnPlateau before and after one `step(metric)`.

    `metric` is None if it was not finite; so are a best and its level (before the first value, or
    once an infinite value became the best). `met_best` and `level` are the best and the level to
    beat before the step, `cooling` whether a cooldown was in progress; `best`, `bad_epochs`,
    `cooldown_left` and `next_level` are the class's state after the step; `counted` is the number
    of bad epochs that it compared with patience in this step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    monitor: str
    mode: Literal["min", "max"]
    metric: float | None
    met_best: float | None
    level: float | None
    cooling: bool
    best: float | None
    next_level: float | None
    counted: int
    bad_epochs: int
    patience: int
    cooldown_left: int
    factor: float
    min_lr: float
    eps: float

    @property
    def surpassed(self) -> bool:
        """Whether the metric is truly better than the best before it, or is the first."""
        if self.metric is None or self.level is None:
            return self.metric is not None
        gain = (self.met_best or 0.0) - self.metric
        return gain * (1 if self.mode == "min" else -1) > 0


class Decision(BaseModel):
    """What the schedule did after `epoch`: the LR of its first batch, and of the next epoch's.

    `turn` is the LR at a cycle's peak or bottom: the next LR or, if the peak was within the epoch,
    the highest that a batch of it used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    epoch: int
    lr: float
    next_lr: float
    schedule: str
    turn: float | None = None
    plateau: PlateauEvidence | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sentence(self) -> str:
        """The decision as one sentence, with the numbers behind it."""
        if self.plateau is not None:
            return _plateau_sentence(self, self.plateau)
        lr, next_lr = distinct(self.lr, self.next_lr, lr_text)
        match self.kind:
            case "warm-up":
                return f"Warm-up: LR rises from {lr} to {next_lr}."
            case "cut":
                return f"{self.schedule}: LR cut from {lr} to {next_lr}."
            case "peak" if self.turn is not None:
                return f"{self.schedule}: LR at its peak, {self._turned}; then it goes down."
            case "bottom" if self.turn is not None:
                return f"{self.schedule}: LR at its lowest, {self._turned}; then it goes up."
            case "restart":
                return f"{self.schedule}: warm restart, LR back from {lr} to {next_lr}."
            case "lowered":
                return f"{self.schedule}: LR goes down from {lr} to {next_lr}."
            case "raised":
                return f"{self.schedule}: LR goes up from {lr} to {next_lr}."
            case _:
                return f"Kept {lr}."

    def told(self, epochs: float) -> str:
        """The sentence in a run of so many epochs: after its last one nothing takes effect."""
        if self.epoch < epochs:
            return self.sentence
        if self.plateau is not None and self.kind == "waiting":
            return self.sentence.removesuffix(_warning(self, self.plateau))
        if not self.comes_too_late(epochs):
            return self.sentence
        lr, next_lr = distinct(self.lr, self.next_lr, lr_text)
        why = self.schedule
        if self.plateau is not None:
            why = _bad(self.plateau)
        return f"{why}: one more epoch would have LR {next_lr} instead of {lr}."

    def comes_too_late(self, epochs: float) -> bool:
        """Whether it changes the LR for the epoch after the last of so many."""
        between = self.kind in ("peak", "bottom") and not self.turned_within
        return self.epoch >= epochs and (between or self.kind in ("cut", "restart"))

    @property
    def ending(self) -> str:
        """What one line about this epoch and others like it ends with: "0.0574 stands". Empty if
        the epoch needs a line of its own.
        """
        if self.plateau is not None:
            return _plateau_ending(self, self.plateau)
        if self.kind in ("warm-up", "kept", "lowered", "raised"):
            return distinct(self.lr, self.next_lr, lr_text)[1]
        return ""

    @property
    def turned_within(self) -> bool:
        """Whether a cycle turned within the epoch, and not between it and the next."""
        return self.turn not in (None, self.next_lr)

    @property
    def _turned(self) -> str:
        """The LR of a turn, and the epoch that has it."""
        assert self.turn is not None
        epoch = f"in epoch {self.epoch}"
        if not self.turned_within:
            epoch = f"as epoch {self.epoch + 1} starts"
        return f"{lr_text(self.turn)}, {epoch}"


def moved(
    epoch: int, lr: float, next_lr: float, was_constant: bool, schedule: str = RECORDED
) -> Decision:
    """What happened to the LR after an epoch, where no rule is known: a cut if it was constant
    before.
    """
    kind: Kind = "kept"
    if next_lr > lr:
        kind = "raised"
    elif next_lr < lr:
        kind = "cut" if was_constant else "lowered"
    return Decision(kind=kind, epoch=epoch, lr=lr, next_lr=next_lr, schedule=schedule)


def _bad(seen: PlateauEvidence) -> str:
    return f"{epochs_text(seen.counted, 'bad epoch')}, patience is {seen.patience}"


def _plateau_sentence(decision: Decision, seen: PlateauEvidence) -> str:
    lr, next_lr = distinct(decision.lr, decision.next_lr, lr_text)
    bad = _bad(seen)
    match decision.kind:
        case "improved":
            return _better(seen)
        case "cooldown":
            left = epochs_text(seen.cooldown_left) if seen.cooldown_left else "nothing"
            return f"Kept {lr}: {_worse(seen)}, not counted in the cooldown; {left} of it left."
        case "cut":
            return f"{bad}: LR cut from {lr} to {next_lr}."
        case "no effect":
            if seen.min_lr and decision.lr <= seen.min_lr:
                is_at = decision.lr == seen.min_lr
                lr, least = distinct(decision.lr, seen.min_lr, lr_text)
                why = f"already at min LR {least}" if is_at else f"it is below min LR {least}"
            else:
                why = f"the cut would be no more than eps {lr_text(seen.eps)}"
            return f"{bad}: cut attempted, no effect, LR stays at {lr} ({why})."
        case _:
            last = _warning(decision, seen) if seen.bad_epochs == seen.patience else ""
            count = f"{seen.bad_epochs} of {epochs_text(seen.patience, 'bad epoch')}"
            return f"Kept {lr}: {_worse(seen)}; {count}.{last}"


def _plateau_ending(decision: Decision, seen: PlateauEvidence) -> str:
    match decision.kind:
        case "improved" if seen.surpassed:
            return f"{'down' if seen.mode == 'min' else 'up'} to {significant(seen.metric)}"
        case "waiting" | "cooldown":
            return f"{significant(seen.best)} stands" if seen.best is not None else "no finite best"
        case "no effect":
            return lr_text(decision.next_lr)
        case _:
            return ""


def _better(seen: PlateauEvidence) -> str:
    if seen.metric is None:
        return "New best: an infinite value, which nothing can beat."
    if seen.level is None:
        return f"First value: {significant(seen.metric)} is the best so far."
    metric, level = distinct(seen.metric, seen.level)
    if seen.surpassed:
        return f"New best: {metric} beats {level}."
    return (
        f"Counted as better: {metric} beats {level}, though it is no better than "
        f"{significant(seen.met_best)} (a relative threshold is wrong below zero)."
    )


def _worse(seen: PlateauEvidence) -> str:
    if seen.metric is None:
        return "a value that is not a finite number counts as bad"
    if seen.level is None:
        return f"{significant(seen.metric)} cannot beat the infinite best"
    metric, level = distinct(seen.metric, seen.level)
    return f"{metric} did not beat {level}"


def _warning(decision: Decision, seen: PlateauEvidence) -> str:
    """What the next bad epoch will do, by the class's own rule for eps and min_lr."""
    cut = max(decision.next_lr * seen.factor, seen.min_lr)
    if decision.next_lr - cut > seen.eps:
        return " The next bad epoch cuts."
    return " The next bad epoch attempts a cut, without effect."
