"""What a sweep shows, in sentences: which setting was the lowest, and what one cannot say. Pure."""

import math
from collections.abc import Sequence

from ..compare.seeds import APART, MOST_SEEDS, logarithm, percent
from ..config.metrics import label, rises
from ..config.text import significant
from ..verdict.noise import step
from .reading import Read
from .settings import Standing, Tried, in_prose, words

# Times the best: a reach that is further comes from too few settings to mean anything.
FURTHEST = 3
LEAST_EPOCHS = 4  # fewer do not show how far a loss moves from one to the next


def noise(course: Sequence[float | None], metric: str) -> float | None:
    """How far the best run's metric moves by itself, as a difference of logarithms: the least that
    two runs must differ by to be told apart where there is only one seed.

    It is the median step from one epoch to the next up to the best one. Seeds differ by more than
    that as a rule, since another seed has other weights and another order: it is a lower bound.

    Args:
        course: the best run's values, epoch by epoch, up to its best.
    """
    logs = [log for value in course if (log := logarithm(metric, value)) is not None]
    return step(logs) if len(logs) >= LEAST_EPOCHS else None


def statement(read: Read, settings: Sequence[Tried], standing: Standing) -> list[str]:
    """What the sweep shows so far, in one to three sentences.

    "Of 63 runs on this seed and split, LR 0.01, factor 0.1, patience 5 had the lowest validation
    loss (0.0312, epoch 31). 7 settings within 12 % cannot be told apart from one seed." The 12 % is
    the noise of the seeds if there are several (`trainer.compare.additive`), else `noise`.
    """
    if standing.best is None:
        return ["Nothing is measured yet."]
    best = settings[standing.best]
    several = max(len(its.cells) for its in settings) > 1
    where = "on this seed and split"
    if several:
        seeds = len({cell.seed for cell in read.cells if cell.best is not None})
        where = "one seed" if seeds == 1 else f"{seeds} seeds"
    measured = [its for its in settings if its.mean is not None]
    count = len(measured) if several else sum(len(its.cells) for its in measured)
    what = "settings" if several else "runs"
    end = "highest" if rises(read.metric) else "lowest"
    epoch = "" if best.at is None or len(best.cells) > 1 else f", epoch {best.at}"
    mean = "mean " if len(best.cells) > 1 else ""
    on = f", {where}," if several else f" {where},"
    unfinished = any(cell.goes_on for cell in read.cells)
    value = f"({significant(best.mean)}{epoch})"
    if len(settings) == 1:
        so_far = " so far" if unfinished else ""
        one = f"The mean of {where}" if several else "The one run"
        return [f"{one}: {end} {label(read.metric)}{so_far} {value[1:-1]}."]
    if len(measured) == 1 and not any(its.reached for its in settings if its is not best):
        only = f"So far only {words(best.values)} is measured"
        return [f"{only}: {end} {mean}{label(read.metric)} {value[1:-1]}."]
    alike = sum(its.mean == best.mean for its in measured) - 1
    others = f" and {alike} other{'s' * (alike > 1)}" if alike else ""
    had = ("have" if alike else "has") + " so far" if unfinished else "had"
    of = f"Of {count:,} {what}{on} {words(best.values)}{others}"
    sentences = [f"{of} {had} the {end} {mean}{label(read.metric)} {value}."]
    sentences += _apart(standing, settings)
    return sentences + _alike(read, settings, standing)


def _apart(standing: Standing, settings: Sequence[Tried]) -> list[str]:
    """Which others cannot be told from it, without those that are equal to it."""
    assert standing.best is not None
    seeds = f"{standing.seeds} seeds" if standing.seeds > 1 else "one seed"
    least = settings[standing.best].mean
    near = sum(settings[i].mean != least for i in standing.within)
    if all(its.mean in (None, least) for its in settings):
        return []
    if standing.reach is None:
        return [f"Nothing can be said yet of how far the noise reaches: {seeds}."]
    within = percent(standing.reach)
    if not near:
        if standing.seeds > 1:
            return [f"No other setting lies within the noise ({within})."]
        return [
            f"No other setting comes within {within} of it, which is how far this one run moves by "
            "itself; another seed may still order them otherwise."
        ]
    others = f"{near} setting" if near == 1 else f"{near} settings"
    if standing.reach > math.log(FURTHEST):
        return [f"{others} cannot be told from it: how far {seeds} scatter is not known yet."]
    told = f"{others} within {within} cannot be told apart from {seeds}"
    if standing.seeds > 1:
        told = f"{others} within {within} cannot be told from it with {seeds}"
    return [f"{told}."]


def _alike(read: Read, settings: Sequence[Tried], standing: Standing) -> list[str]:
    """The keys of which the best's value can be told from no other, all else being equal; and how
    many seeds it would take.
    """
    assert standing.best is not None
    best = settings[standing.best]
    nothing, untold = list[str](), list[str]()
    for key in read.keys:
        every = {its.values.get(key) for its in settings if its.mean is not None}
        others = [
            settings[i]
            for i in standing.within
            if all(settings[i].values.get(k) == best.values.get(k) for k in read.keys if k != key)
        ]
        # What halving has stopped early may have come as far as the best.
        beside = [its for its in others if its.status != "stopped"]
        if len(every) < 2 or not every <= {its.values.get(key) for its in (best, *beside)}:
            continue
        same = all(its.mean == best.mean for its in beside)
        (nothing if same else untold).append(in_prose(key))
    told = []
    if nothing:
        changes = "changes" if len(nothing) == 1 else "change"
        told.append(
            f"Next to the best, {_listed(nothing)} {changes} nothing: the best epoch is one that "
            "these runs share."
        )
    if untold:
        make = "makes" if len(untold) == 1 else "make"
        needed = seeds_needed(standing)
        takes = f" To tell 10 % apart takes about {needed} seeds." if needed else ""
        at = "Next to the best, " if not nothing else "There, "
        told.append(f"{at}{_listed(untold)} {make} no difference that can be told.{takes}")
    return told


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def seeds_needed(standing: Standing) -> int | None:
    """About how many seeds it takes to tell 10 % apart; None where one seed cannot say, or these
    seeds are enough.
    """
    if standing.reach is None or standing.seeds < 2:
        return None
    # The reach falls with the root of the number of seeds.
    needed = math.ceil(standing.seeds * (standing.reach / math.log1p(APART)) ** 2)
    return needed if standing.seeds < needed <= MOST_SEEDS else None
