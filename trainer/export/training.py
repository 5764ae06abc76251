"""A run's optimizer, schedule and loop, as code."""

from dataclasses import dataclass, field
from itertools import chain

from ..config import forks
from ..config.recipe import Recipe
from . import changes
from .code import Span, branches, by_epoch, comment, indented
from .course import Course, Stretch


@dataclass
class Training:
    """The lines of a training.

    Attributes:
        setup: before the loop.
        before: by epoch and batch (from 0), before that batch.
        batches, epochs: after each batch, and after each epoch, of these epochs.
        ends: by epoch, after it, in place of those of `epochs`.
    """

    setup: list[str] = field(default_factory=list)
    before: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    batches: list[Span] = field(default_factory=list)
    epochs: list[Span] = field(default_factory=list)
    ends: dict[int, list[str]] = field(default_factory=dict)

    @property
    def uses_group(self) -> bool:
        lines = [*self.setup, *chain(*self.before.values(), *self.ends.values())]
        return any("group[" in line for line in lines)


def setup(course: Course, training: Training) -> list[str]:
    """The optimizer and what moves its LR."""
    made = changes.optimizer(course.stretches[0].config, course.device)
    return [*made, *([changes.GROUP] if training.uses_group else []), *training.setup]


def loop(course: Course, training: Training, moved: str) -> list[str]:
    """The training loop.

    Args:
        moved: what follows a tensor to move it to the run's device; "" for the CPU.
    """
    rate = 'group["lr"]' if training.uses_group else 'optimizer.param_groups[0]["lr"]'
    before = branches(
        (f"(epoch, batch) == ({epoch}, {batch})", lines)
        for (epoch, batch), lines in sorted(training.before.items())
    )
    batches = "batch, index in enumerate(batches)" if before else "index in batches"
    return [
        f"order = torch.Generator().manual_seed({course.config.seed})",
        "",
        f"for epoch in range(1, {course.epochs + 1}):",
        *indented(
            [
                f"lr = {rate}",
                "batches = torch.randperm(len(x_train), generator=order)"
                f".split({course.config.batch_size})",
                "losses = []",
                "model.train()",
                f"for {batches}:",
                *indented(
                    [
                        *before,
                        "loss = cross_entropy(model(pixels(x_train[index])), y_train[index])",
                        "optimizer.zero_grad()",
                        "loss.backward()",
                        "optimizer.step()",
                        "losses.append(loss.detach())",
                        *by_epoch({}, training.batches, course.epochs),
                    ]
                ),
                f"sizes = torch.tensor([float(len(index)) for index in batches]){moved}",
                "train_loss = ((torch.stack(losses) * sizes).sum() / len(x_train)).item()",
                "val_loss, val_accuracy = evaluate(x_val, y_val)",
                "print(epoch, lr, train_loss, val_loss, val_accuracy)",
                *by_epoch(training.ends, training.epochs, course.epochs),
            ]
        ),
    ]


@dataclass
class _Schedule:
    """One of torch's schedulers: its steps count from epoch `begun`, it has `length` epochs if that
    is fixed, and takes its steps up to epoch `upto`.
    """

    begun: int
    length: int
    upto: int = 0


def training(course: Course) -> Training:
    """The lines of a run's training, from the first epoch of its lineage."""
    return _Walk(course).training


class _Walk:
    """Walks through a run's lineage. What a fork changes is as in trainer/schedule/handover.py."""

    def __init__(self, course: Course) -> None:
        self.training = Training()
        self._batches = course.run.batches
        self._warmup = course.config.warmup
        self._at = 0  # the epochs that have their lines
        self._schedule: _Schedule | None = None  # none during the warm-up
        self._used: list[tuple[int, int, Recipe, _Schedule]] = []
        first, *others = [s for s in course.stretches if s.after < course.epochs]
        self._first = recipe = first.config
        self._begin()
        for fork in others:
            self._go(fork.after, recipe)
            self._fork(fork, recipe)
            recipe = fork.config
        self._go(course.epochs, recipe)
        for after, upto, used, schedule in self._used:
            self.training.batches.append(Span(after, upto, self._step(used, schedule)))
            self.training.epochs.append(Span(after, upto, changes.step(used)))
        for stretch in (first, *others):
            for made in stretch.interventions:
                if made.epoch <= course.epochs:
                    self._before(made.epoch, made.batch, changes.by_hand(made, stretch.config))

    def _begin(self) -> None:
        recipe, setup = self._first, self.training.setup
        start = changes.first_momentum(recipe, self._batches)
        if changes.buffers(None, recipe) and start.get("momentum") == 0 and recipe.moves_momentum:
            # torch makes no buffer for a momentum that is 0 in the first step.
            self._before(*divmod(self._batches + 1, self._batches), changes.buffers(None, recipe))
        if not self._warmup:
            self._schedule = _Schedule(0, recipe.epochs)
            setup += changes.scheduler(recipe, self._batches, recipe.epochs)
            return
        if start != changes.momentum(recipe):
            setup += changes.assigned(start)
        steps = self._warmup * self._batches
        setup += [
            "# The warm-up steps after each batch.",
            "scheduler = torch.optim.lr_scheduler.LinearLR(",
            f"    optimizer, start_factor=1 / {steps + 1}, total_iters={steps}",
            ")",
        ]

    def _go(self, epoch: int, recipe: Recipe) -> None:
        """Say what happens in the epochs up to this one."""
        if self._schedule is None:
            upto = min(epoch, self._warmup)
            self.training.batches.append(Span(self._at, upto, ["scheduler.step()"]))
            self._at = upto
            if epoch > self._warmup:
                self._start(recipe)
        if self._schedule is not None:
            self._used.append((self._at, epoch, recipe, self._schedule))
            self._schedule.upto = self._at = epoch

    def _start(self, recipe: Recipe) -> None:
        """End the warm-up: the schedule starts."""
        length = recipe.epochs - self._warmup
        self._schedule = _Schedule(self._warmup, length)
        self.training.ends.setdefault(self._warmup, []).extend(
            [
                "# The warm-up is over.",
                *changes.lr(recipe, fresh=recipe.lr != self._first.lr),
                *changes.scheduler(recipe, self._batches, length),
            ]
        )

    def _fork(self, fork: Stretch, before: Recipe) -> None:
        """A fork takes over."""
        own, changed = fork.config, _changed(before, fork.config)
        lines = [*changes.settings(before.optimizer, own.optimizer)]
        if self._schedule is None:
            start = changes.first_momentum(own, self._batches)
            if start != changes.first_momentum(before, self._batches):
                lines += changes.assigned(start)
            lines += changes.buffers(before, own)
            if own.lr != before.lr and fork.after < self._warmup:
                lines.append(f'group["lr"] *= {own.lr!r} / {before.lr!r}')
        else:
            lines += self._taken_over(fork.after, before, own)
        if lines and lines != changes.step(before):
            told = f"Run {fork.run} was forked here, with its own {', '.join(changed)}."
            self.training.ends[fork.after] = [*comment(told), *lines]

    def _taken_over(self, epoch: int, before: Recipe, own: Recipe) -> list[str]:
        """A schedule that has started goes on, or another one starts."""
        assert self._schedule is not None
        spec, length = own.schedule, self._schedule.length
        other = spec.name != before.schedule.name
        rebuilt = not other and spec.traits.formula and _moves_otherwise(before, own)
        lines = [*changes.moved_on(before, own, other or rebuilt), *changes.buffers(before, own)]
        own_lr = changes.lr(own) if own.lr != before.lr else []
        if other:
            length = own.epochs - epoch
            self._schedule = _Schedule(epoch, length)
            made = changes.scheduler(own, self._batches, length)
            return [*lines, *changes.lr(own, fresh=True), *made]
        if rebuilt:
            self._schedule = _Schedule(self._schedule.begun, length)
            made = changes.scheduler(own, self._batches, length)
            return [*lines, *changes.lr(own, fresh=True), *made, *self._forward(epoch, own)]
        if spec.traits.watches_monitor and own.monitor != before.monitor:
            made = changes.scheduler(own, self._batches, length)
            return [*changes.step(before), *lines, *made, *own_lr]
        return [*lines, *changes.attributes(before, own), *changes.step(own), *own_lr]

    def _forward(self, epoch: int, recipe: Recipe) -> list[str]:
        """The steps of a new scheduler up to the end of an epoch."""
        assert self._schedule is not None
        steps = epoch - self._schedule.begun
        if recipe.schedule.traits.per_batch:
            steps *= self._batches
        if recipe.schedule.traits.fixed_length:
            steps = min(steps, self._schedule.length * self._batches - 1)
        return [f"for _ in range({steps}):", "    scheduler.step()"]

    def _step(self, recipe: Recipe, schedule: _Schedule) -> list[str]:
        """The schedule's step after a batch."""
        traits = recipe.schedule.traits
        if not traits.per_batch:
            return []
        step, steps = "scheduler.step()", schedule.length * self._batches
        if traits.fixed_length and schedule.upto - schedule.begun > schedule.length:
            return [f"if scheduler.last_epoch < {steps - 1}:  # its last step", f"    {step}"]
        return [step]

    def _before(self, epoch: int, batch: int, lines: list[str]) -> None:
        if lines:
            self.training.before.setdefault((epoch, batch), []).extend(lines)


def _changed(before: Recipe, own: Recipe) -> list[str]:
    """What a fork changes, by name."""
    paths = forks.changed(before, own)
    own_settings = (
        "schedule." if "schedule" in paths else "."
    )  # those of another class are not told
    return [p.rpartition(".")[2] for p in paths if not p.startswith(own_settings)]


def _moves_otherwise(before: Recipe, own: Recipe) -> bool:
    return own.schedule != before.schedule or own.lr != before.lr
