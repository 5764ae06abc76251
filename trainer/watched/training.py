"""What the lines of a spool say of its run, one after the other. torch-free, but for confirming."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..config.metrics import OF_GROUP, SAYS, is_known, mode
from ..config.recipe import Recipe
from ..config.text import plain
from ..engine.events import Ended, EpochEnded, Event, Failed, Intervened, Progress, Warned
from ..schedule.decisions import Decision, moved
from ..schedule.interventions import sentence
from ..store.recording import Happened
from ..store.run import Elsewhere, Known
from . import points, seen
from .lines import (
    Changed,
    Controls,
    End,
    EpochDone,
    First,
    InEpoch,
    Line,
    Obeyed,
    Paused,
    Planned,
    Refused,
    Start,
    Warning,
)

News = Happened | Known
MONITORED = "monitored"  # the name of what the scheduler was given where no metric has its value
LOOP = "Your loop"  # what changes the LR where no scheduler does
# The metric that is watched where no scheduler says which: the first of these, else the first.
USUAL = ("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "loss")
MOST_NAME, MOST_METRIC, MOST_SENTENCE = 80, 200, 400


class Training:
    """A watched training as far as its lines were read.

    Args:
        start: its first line.

    Attributes:
        recipe, elsewhere: what is known of it now.
        over: whether it has said that it ended.
    """

    def __init__(self, start: Start) -> None:
        optimizer, unknown = seen.optimizer_of(start.optimizer)
        groups = start.optimizer.groups if start.optimizer else []
        self.start = start
        self.over = False
        self._controls = tuple(start.controls)
        self._optimizer = optimizer
        self._group: Mapping[str, object] = groups[0] if groups else {}
        self._seen = seen.schedule_of(start.scheduler, self._group, start.batches or 0)
        self._planned = start.epochs
        self._monitor = start.monitor and plain(start.monitor, MOST_METRIC)
        self._given = self._monitor or ""  # its name in the lines
        self._is_monitor_known = False
        self._epoch = self._added = 0
        self._last: tuple[float, float] | None = None  # the last epoch's first LR, and its last
        self._has_begun = False  # whether an epoch has ended
        self._changed = False  # by hand, since the last epoch ended
        self._paused_at: float | None = None
        self._paused_for = 0.0
        self._warned: str | None = None
        self._confirming: object = None
        self.elsewhere = Elsewhere(
            program=plain(start.script, MOST_NAME),
            host=plain(start.host, MOST_NAME),
            pid=start.pid,
            python=plain(start.python, MOST_NAME),
            torch=plain(start.torch or "", MOST_NAME),
            batches=max(start.batches or 0, 0),
            optimizer=unknown,
            schedule=self._seen.unknown,
            groups=max(len(groups), 1),
            late=self._seen.late,
            grows=self._planned is None and self._seen.epochs is None,
        )
        self.recipe = self._recipe()
        self._told = self.known

    @property
    def known(self) -> Known:
        """What is known of it now."""
        return Known(self.recipe, self.elsewhere, self._controls)

    @property
    def name(self) -> str | None:
        """What its user calls it; None if nothing."""
        return plain(" ".join(self.start.name.split()), MOST_NAME) or None

    def first_words(self) -> Iterator[News]:
        """What its user should know from the start."""
        late, scheduler = self._seen.late, self.start.scheduler
        if late > 0 and scheduler is not None:
            said = (
                f"{scheduler.name} had taken {late:,} steps before this run: a what-if begins at "
                "its first."
            )
            yield self._happened(self.start.at, self._warning(said))

    def feed(self, line: Line, at: float, confirm: bool = True) -> Iterator[News]:
        """What one more line says.

        Args:
            at: when it was written, in seconds since 1970, if it does not say so itself.
            confirm: whether its decisions are needed.
        """
        at = getattr(line, "at", None) or at
        match line:
            case Planned(epochs=epochs):
                self._planned = epochs
                yield from self._revised()
            case First(epoch=epoch):
                self._epoch = epoch - 1
                yield from self._revised()
            case Controls(controls=controls):
                self._controls = tuple(controls)
                yield from self._revised()
            case InEpoch():
                yield self._happened(at, self._progress(line))
            case EpochDone():
                yield from self._ended(line, at, confirm)
            case Changed():
                yield from self._intervened(line, at)
            case Refused(command=command, reason=reason):
                yield self._happened(at, self._warning(plain(reason, MOST_SENTENCE)), made=command)
            case Obeyed(command=command):
                yield self._happened(at, made=command)
            case Paused(kind=kind):
                self._pause(kind == "paused", at)
                yield replace(self._happened(at), paused=kind == "paused")
            case Warning(sentence=said):
                yield self._happened(at, self._warning(plain(said, MOST_SENTENCE)))
            case End():
                yield from self._end(line, at)

    def warn(self, said: str, at: float) -> Happened:
        """Something that its user should know."""
        return self._happened(at, self._warning(said))

    # Times

    def _happened(self, at: float, event: Event | None = None, made: int | None = None) -> Happened:
        paused = self._paused_for
        if self._paused_at is not None:
            paused += max(at - self._paused_at, 0)
        return Happened(at, event, max(at - self.start.at - paused, 0.0), made)

    def _pause(self, paused: bool, at: float) -> None:
        if self._paused_at is not None:
            self._paused_for += max(at - self._paused_at, 0.0)
        self._paused_at = at if paused else None

    # Lines

    def _progress(self, line: InEpoch) -> Event:
        batches = self.elsewhere.batches
        batch = min(line.batch, batches) if batches else line.batch
        return Progress(
            line.epoch, batch, max(batches, 1), points.trace(line.trace, batch, batches)
        )

    def _ended(self, line: EpochDone, at: float, confirm: bool) -> Iterator[News]:
        self._know_batches(line.batches)
        fits = self._steps_as_known(line)
        metrics = self._metrics(line)
        if warning := self._find_monitor(line, metrics):
            yield self._happened(at, self._warning(warning))
        self._has_begun = True
        self._epoch = max(self._epoch, line.epoch)
        lr, lr_last = _lr(line.lr), _lr(line.lr_last if line.lr_last is not None else line.lr)
        decision = self._decision(line, lr, lr_last, fits and confirm)
        yield from self._revised()
        batches = self.elsewhere.batches
        trace = points.trace(line.trace, batches, batches)
        seconds = max(_lr(line.seconds), 0.0)
        event = EpochEnded(line.epoch, lr, lr_last, metrics, seconds, decision, trace)
        yield self._happened(at, event)
        self._last, self._changed = (lr, lr_last), False

    def _intervened(self, line: Changed, at: float) -> Iterator[News]:
        # Never an epoch that is over: the record would lose it.
        epoch, batch = line.epoch, line.batch
        if epoch <= self._epoch:
            epoch, batch = self._epoch + 1, 0
        if line.name == "epochs":
            self._added += int(line.value or 0)
        self._changed = True
        before, after = _lr(line.lr_before), _lr(line.lr_after)
        told = sentence(line.name, line.value, before, after)
        event = Intervened(epoch, batch, line.name, line.value, before, after, told)
        yield self._happened(at, event, made=line.command)
        if line.name == "epochs":
            yield from self._revised()

    def _end(self, line: End, at: float) -> Iterator[News]:
        self.over = True
        yield from self._revised()
        if line.status == "failed":
            reason = plain(line.reason or "The training failed.", MOST_SENTENCE)
            yield self._happened(at, Failed(reason))
            return
        yield self._happened(at, Ended(line.status))
        if line.reason:
            yield self._happened(at, self._warning(plain(line.reason, MOST_SENTENCE)))

    def _warning(self, said: str | None) -> Warned:
        self._warned = said
        return Warned(said)

    # What is known of its recipe

    def _recipe(self) -> Recipe:
        monitor = self._monitor or USUAL[0]
        under_way = 0 if self.over else 1
        epochs = (self._plan or self._epoch + under_way) - self._added
        return seen.recipe(self._seen, self._optimizer, monitor, max(epochs, 1))

    @property
    def _plan(self) -> int | None:
        """How many epochs are planned; None if nobody has said so, or there are more by now."""
        return self._planned if (self._planned or 0) >= self._epoch else None

    def _revised(self) -> Iterator[News]:
        self.recipe = self._recipe()
        grows = self._plan is None and self._seen.epochs is None and not self.over
        self.elsewhere = replace(self.elsewhere, grows=grows)
        known = self.known
        if known != self._told:
            self._told = known
            yield known

    def _know_batches(self, batches: int) -> None:
        """The first epoch says how many batches an epoch has."""
        if self._has_begun or batches < 1 or batches == self.elsewhere.batches:
            return
        self._seen = seen.schedule_of(self.start.scheduler, self._group, batches)
        self.elsewhere = replace(self.elsewhere, batches=batches, schedule=self._seen.unknown)

    def _steps_as_known(self, line: EpochDone) -> bool:
        """Whether the scheduler has stepped as LRScope steps it: once an epoch, or each batch. One
        that does not in its first epoch is none that LRScope knows.
        """
        scheduler, known = self.start.scheduler, self._seen
        if scheduler is None or known.unknown or line.stepped == 0:
            return False
        fits = line.stepped == (line.batches if known.schedule.traits.per_batch else 1)
        if not fits and not self._has_begun:
            often = f"{line.stepped} times an epoch"
            self._unknown(
                f"{scheduler.name}, stepped "
                + ("each batch" if line.stepped == line.batches else often)
            )
        return fits

    def _unknown(self, name: str) -> None:
        found = seen.schedule_of(None, self._group, 0)
        self._seen = replace(found, unknown=name)
        self.elsewhere = replace(self.elsewhere, schedule=name)

    # An epoch's metrics

    def _metrics(self, line: EpochDone) -> dict[str, float | None]:
        named = {plain(name, MOST_METRIC): value for name, value in line.metrics.items() if name}
        metrics = {name: _finite(value) for name, value in named.items()}
        for i, lr in enumerate(line.lrs[1:], 2):
            metrics[f"{OF_GROUP}{i}"] = _finite(lr)
        return metrics

    def _find_monitor(self, line: EpochDone, metrics: dict[str, float | None]) -> str | None:
        """Find the metric that is watched, and see to it that it is among an epoch's; returns what
        its user should know.
        """
        names = [name for name in metrics if not name.startswith(OF_GROUP)]
        if not self._seen.is_plateau:
            if not self._is_monitor_known and names:
                usual = [name for name in (self._monitor, *USUAL) if name in metrics]
                self._monitor, self._is_monitor_known = (usual or names)[0], True
            return None
        if line.step is None:
            return None
        given, warning = _finite(line.step.metric), None
        if not self._is_monitor_known or metrics.get(self._given, given) != given:
            self._is_monitor_known = True
            equal = [name for name in names if metrics[name] == given]
            found = self._monitor if self._monitor in equal else (equal or [MONITORED])[0]
            assert found is not None
            warning = self._watch(found, line.step.before.state.get("mode", "min"))
        if self._given != self._monitor and not is_known(self._given):
            metrics.pop(self._given, None)  # it has a name that says more
        assert self._monitor is not None
        metrics[self._monitor] = given
        return warning

    def _watch(self, name: str, direction: str) -> str | None:
        """Watch this metric. Where its name says another direction than the scheduler's, it is
        watched under one that says the scheduler's.
        """
        self._given = self._monitor = name
        if direction not in SAYS or mode(name) == direction:
            return None
        self._monitor = name + SAYS["max" if direction == "max" else "min"]
        if not is_known(name):
            return None
        better, other = ("lower", "max") if direction == "min" else ("higher", "min")
        return (
            f"The scheduler was made with mode={direction!r}, so that a {better} {name} is better "
            f"to it: make it with mode={other!r} if that is not meant."
        )

    # Decisions

    def _decision(self, line: EpochDone, lr: float, lr_last: float, confirm: bool) -> Decision:
        next_lr = _lr(line.next_lrs[0]) if line.next_lrs else lr_last
        step, scheduler = line.step, self.start.scheduler
        if step is None or scheduler is None or line.stepped == 0:
            return self._move(line, LOOP, lr_last if self._changed else lr, next_lr)
        if confirm and (found := self._confirm(line)):
            return found
        by = seen.title(scheduler)
        if line.stepped > 1:
            return self._move(line, by, lr_last if self._changed else lr, next_lr)
        if scheduler.name in seen.PARTED:
            from .confirming import parts_told

            by = parts_told(scheduler, step)
        return self._move(line, by, _lr(step.before.lrs[0]), _lr(step.after.lrs[0]))

    def _confirm(self, line: EpochDone) -> Decision | None:
        from .confirming import Confirming

        if not isinstance(self._confirming, Confirming):
            self._confirming = Confirming()
        scheduler = self.start.scheduler
        assert scheduler is not None
        return self._confirming.decision(self._recipe(), scheduler, self.elsewhere.batches, line)

    def _move(self, line: EpochDone, by: str, lr: float, next_lr: float) -> Decision:
        """What happened to the LR, where no rule says why."""
        if by == LOOP and self.start.scheduler is None and next_lr != lr:
            self._unknown("set by the loop")
        was_constant = self._last == (lr, lr) and _lr(line.lr) == lr
        return moved(line.epoch, lr, next_lr, was_constant, by)


def _lr(value: float | None) -> float:
    """A number as it can be stored: 0 for one that is not known or not finite."""
    return float(value) if value is not None and math.isfinite(value) else 0.0


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
