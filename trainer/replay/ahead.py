"""The LR that is still to come: before a run, and after each of its epochs.

torch's own classes say it, from the state that they are in. For the plateau rule, whose future is
not known, the waiting between two cuts is skipped by setting the class's counters; the step that
cuts is its own.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..config.recipe import Recipe
from ..schedule.batches import Constant
from ..schedule.epoch import Epoch
from ..schedule.interventions import Intervention
from ..schedule.parts import last_step, step_cycle, warm_up
from ..schedule.past import Stretch
from ..schedule.plateau import Plateau
from ..schedule.schedule import Schedule
from .walk import Inherited, Walk, through

Point = tuple[float, float]
Curve = tuple[Point, ...]

MOST = 400  # points of a curve
SAMPLES = 100  # the least for a schedule that steps each batch, besides its turns
CHANGES_LR = ("lr", "scale", "cut")


class Ahead(NamedTuple):
    """The LR up to the last planned epoch, as points (x, LR) on the axis of epochs.

    The LR of epoch e lies from e - 1/2 to e + 1/2; that of a batch, where it differs from batch to
    batch, in the middle of its share of that. Of more than 400 points those are kept that have the
    highest and the lowest LRs.

    A curve may start in the past, so that it stays the same as long as all goes as planned: what is
    ahead of epoch e is `rest(curve, e)`.

    Attributes:
        low: the LR; under the plateau rule, if no epoch improves.
        high: under the plateau rule, the LR if every epoch improves; None under any other.
        first_cut: under the plateau rule, the epoch after which the LR can fall first; None if it
            cannot before the last epoch.
    """

    low: Curve
    high: Curve | None = None
    first_cut: int | None = None


NOTHING = Ahead(())


def rest(curve: Sequence[Point], epoch: int) -> Curve:
    """The part of a curve after the end of this epoch."""
    start = epoch + 0.5
    at = next((i for i, (x, _) in enumerate(curve) if x > start), len(curve))
    if at in (0, len(curve)):
        return tuple(curve[at:])
    (x, lr), (x_next, lr_next) = curve[at - 1 : at + 1]
    share = (start - x) / (x_next - x)
    return ((start, lr + (lr_next - lr) * share), *curve[at:])


def planned(recipe: Recipe, batches: int, inherited: Inherited | None = None) -> Ahead:
    """The whole LR of a run before its start.

    Args:
        recipe: the run's.
        batches: batches per epoch.
        inherited: for a fork, what it takes over from its parent (`walk.inherit`).

    Raises:
        ConfigError: torch's class cannot run for so many steps.
    """
    schedule = inherited.by(recipe, batches) if inherited else Schedule(recipe, batches)
    return _from(schedule, recipe.epochs)


def ahead(stretches: Sequence[Stretch], last: Epoch | None, batches: int, epochs: int) -> Ahead:
    """The LR after the last recorded epoch of a run; nothing if it has none left, or diverged.

    It is recomputed only after a change by hand, except under the plateau rule, where it takes a
    step of torch's class for each cut ahead.

    Args:
        stretches: how the run was trained, with what was done by hand in the epoch that now trains.
            What is about to be done can be among it.
        last: the last epoch of its lineage, with the fork's own decision on it if there is one;
            None before the first.
        batches: batches per epoch.
        epochs: how many epochs it is to have.

    Raises:
        TorchChangedError: torch's plateau rule does not work as LRScope expects.
    """
    done = last.epoch if last else 0
    if done >= epochs or (last and last.decision is None):
        return NOTHING
    *_, stretch = stretches
    if last and done >= stretch.recipe.warmup and stretch.recipe.schedule.traits.watches_monitor:
        schedule = _plateau_after(stretches, last, batches)
        since = max(stretch.after, stretch.recipe.warmup)
        return _from(schedule, epochs, stretch.interventions, since)
    return _from_last_change(
        tuple(Stretch(s.recipe, s.after, _changes(s), s.lasts) for s in stretches), batches, epochs
    )


def _changes(stretch: Stretch) -> tuple[Intervention, ...]:
    """What changed the LR by hand."""
    made = (i for i in stretch.interventions if i.name in CHANGES_LR)
    return tuple(Intervention(i.epoch, i.batch, i.name, i.value) for i in made)


@lru_cache(maxsize=64)  # for each epoch of a run it is the same
def _from_last_change(stretches: tuple[Stretch, ...], batches: int, epochs: int) -> Ahead:
    """The LR from the last change by hand on, or else from the start of the run or the fork, under
    a schedule whose LR does not depend on the losses.
    """
    *_, stretch = stretches
    start = max([stretch.after, *(made.epoch - 1 for made in stretch.interventions)])
    walk = Walk(stretches, batches)
    for epoch in range(1, start + 1):
        walk.through(epoch)
        walk.end(epoch, {})
    return _from(walk.schedule, epochs, stretch.interventions)


def _plateau_after(stretches: Sequence[Stretch], last: Epoch, batches: int) -> Schedule:
    """The schedule after an epoch, with all of torch's state that matters from there on."""
    *_, stretch = stretches
    schedule, decision = Schedule(stretch.recipe, batches), last.decision
    schedule.epoch = last.epoch
    if decision is None or decision.plateau is None:  # it starts here, at its own LR
        return schedule
    main, seen = schedule.main.scheduler, decision.plateau
    assert isinstance(main, Plateau)
    schedule.set_lr(decision.next_lr)
    if seen.monitor != stretch.recipe.monitor:  # a fork that forgets its parent's best
        if stretch.recipe.lr != stretches[-2].recipe.lr:
            schedule.set_lr(stretch.recipe.lr)
        return schedule
    main.num_bad_epochs, main.cooldown_counter = seen.bad_epochs, seen.cooldown_left
    main.best = main.best if seen.best is None else seen.best
    return schedule


def _from(
    schedule: Schedule, epochs: int, made: Sequence[Intervention] = (), since: int | None = None
) -> Ahead:
    """The LR from the end of an epoch on.

    Args:
        schedule: the schedule there; it is stepped.
        epochs: the last planned epoch.
        made: what is changed by hand in the next epoch.
        since: the epoch after which the curve starts, if that is earlier.
    """
    recipe, main, drawn = schedule.recipe, schedule.main.scheduler, list[Point]()
    start = schedule.epoch if since is None else since
    changed = [i for i in made if i.epoch == schedule.epoch + 1 and i.name in CHANGES_LR]
    if changed:
        drawn += _changed(schedule, changed)
        start = schedule.epoch + 1
        if schedule.warming_up or not isinstance(main, Plateau):
            schedule.step_epoch(math.nan)
    if start >= epochs:
        curve = _thinned(drawn)
        return Ahead(curve, curve if isinstance(main, Plateau) else None)
    if schedule.warming_up:
        drawn += _warm_up(schedule)
        start = schedule.epoch
    lr = schedule.lr
    if isinstance(main, Plateau):
        cuts = list(_cuts(schedule, main, epochs))
        low = [*drawn, *_staircase(start, lr, cuts, epochs)]
        high = [*drawn, *_staircase(start, lr, [], epochs)]
        return Ahead(_thinned(low), _thinned(high), cuts[0][0] if cuts else None)
    if recipe.schedule.traits.per_batch:
        return Ahead(_thinned([*drawn, *_batches(schedule, epochs)]))
    moves = list(_moves(schedule, epochs))
    return Ahead(_thinned([*drawn, *_staircase(start, lr, moves, epochs)]))


def _changed(schedule: Schedule, made: Sequence[Intervention]) -> Iterator[Point]:
    """The next epoch, with what is changed by hand in it."""
    at = 0
    for batches in through(schedule, made, schedule.epoch + 1):
        if isinstance(batches, Constant):
            for edge in (at, at + batches.count):
                yield _x(schedule, edge), batches.lr
            at += batches.count
            continue
        lrs = [lr for lr, _ in batches]
        turns = {lrs.index(min(lrs)), lrs.index(max(lrs))}
        for i in sorted(turns | _spread(range(len(lrs)), SAMPLES)):
            yield _x(schedule, at + i + 0.5), lrs[i]
        at += len(lrs)


def _x(schedule: Schedule, batch: float) -> float:
    """The place of that many batches after the last epoch."""
    return schedule.epoch + 0.5 + batch / schedule.batches


def _spread(steps: range, count: int) -> set[int]:
    """At most that many of these steps, at equal distances, with the first and the last."""
    return {steps[i * (len(steps) - 1) // (count - 1)] for i in range(count)}


def _warm_up(schedule: Schedule) -> Iterator[Point]:
    """The rest of the warm-up, a line; the schedule is then at its end."""
    recipe, batches = schedule.recipe, schedule.batches
    lrs = warm_up(recipe.lr, recipe.warmup * batches)
    first = schedule.epoch * batches
    left, scale = len(lrs) - first, schedule.lr / lrs[first]
    for batch in sorted({0, left - 1}):
        yield _x(schedule, batch + 0.5), scale * lrs[first + batch]
    schedule.epoch = recipe.warmup


def _staircase(
    start: int, lr: float, moves: Sequence[tuple[int, float]], epochs: int
) -> Iterator[Point]:
    """An LR from the end of an epoch to that of the last one, and the LRs after some between."""
    yield start + 0.5, lr
    for epoch, next_lr in moves:
        yield epoch + 0.5, lr
        yield epoch + 0.5, next_lr
        lr = next_lr
    yield epochs + 0.5, lr


def _moves(schedule: Schedule, epochs: int) -> Iterator[tuple[int, float]]:
    """The epochs after which the LR changes, each with the LR after it."""
    lr = schedule.lr
    for epoch in range(schedule.epoch + 1, epochs):
        schedule.step_epoch(math.nan)
        if schedule.lr != lr:
            lr = schedule.lr
            yield epoch, lr


def _cuts(schedule: Schedule, main: Plateau, epochs: int) -> Iterator[tuple[int, float]]:
    """The epochs after which the plateau rule cuts if nothing improves, each with the LR after it.

    They end before a cut without effect: each later one would be the same.
    """
    epoch, lr = schedule.epoch, schedule.lr
    if math.isinf(main.best):  # nothing is known yet, so that any value is better
        main.step(1.0)
        epoch += 1
    while True:
        counted = 0 if main.in_cooldown else main.num_bad_epochs
        epoch += main.cooldown_counter + max(main.patience - counted, 0) + 1
        if epoch >= epochs:
            return
        main.cooldown_counter, main.num_bad_epochs = 0, max(main.patience, counted)
        main.step(math.nan)
        if schedule.lr == lr:
            return
        lr = schedule.lr
        yield epoch, lr


def _batches(schedule: Schedule, epochs: int) -> Iterator[Point]:
    """The LR of a schedule that steps each batch: its turns, and as many between as there is room
    for.
    """
    main, batches = schedule.main.scheduler, schedule.batches
    assert main is not None
    first = at = (schedule.epoch - schedule.start_epoch) * batches
    steps = range(first, first + (epochs - schedule.epoch) * batches)
    turns = _turns(schedule, steps)
    for step in sorted(turns | _spread(steps, max(MOST - SAMPLES - len(turns), SAMPLES))):
        step_cycle(main, step - at)
        at = step
        yield _x(schedule, step - first + 0.5), schedule.lr


def _turns(schedule: Schedule, steps: range) -> set[int]:
    """Those of these steps at which a schedule that steps each batch may turn, or ends."""
    spec, main, batches = schedule.recipe.schedule, schedule.main.scheduler, schedule.batches
    assert main is not None
    found = {last_step(main)}
    for done in range(steps.start // batches, steps.stop // batches + 1):
        found.update(spec.peak(done, schedule.length, batches))
        if spec.turns(done, batches):
            found.add(done * batches)
    return {step for step in found if step in steps}


def _thinned(points: Sequence[Point]) -> Curve:
    """At most `MOST` points: of each of equal shares the first, last, lowest and highest."""
    if len(points) <= MOST:
        return tuple(points)
    size, kept = -(-len(points) // (MOST // 4)), set[int]()
    for first in range(0, len(points), size):
        share = range(first, min(first + size, len(points)))
        lrs = [points[i][1] for i in share]
        kept |= {share[0], share[-1]}
        kept |= {share[lrs.index(min(lrs))], share[lrs.index(max(lrs))]}
    return tuple(points[i] for i in sorted(kept))
