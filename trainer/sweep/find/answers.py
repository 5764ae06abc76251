"""What runs at several LRs show, from their recorded numbers. Pure and torch-free; the answers are
plain values, as they are stored.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ...compare.seeds import CONFIDENCE, student

Answer = dict[str, Any]
WIDEST = 2.0  # decades: a band that is wider tells nothing
LIKE = math.log(2)  # LRs whose loss is at most twice the best say how seeds scatter
SETTLED = 1 / 5  # of the epochs: until then a loss falls more than it scatters
FEWEST = 3  # epochs within which a scatter can be seen
# The variance of a - 2b + c is six times that of one of three independent values.
SECOND = math.sqrt(6)


@dataclass(frozen=True)
class Tried:
    """A run at an LR.

    Attributes:
        losses: the validation loss of each epoch, None where it was not finite.
        lrs: the LR of each epoch.
        finished: whether it trained to its end.
        diverged: whether it ended since a loss was not finite.
    """

    run: int
    lr: float
    seed: int
    losses: tuple[float | None, ...]
    lrs: tuple[float, ...]
    finished: bool
    diverged: bool

    @property
    def over(self) -> bool:
        return self.finished or self.diverged

    @property
    def last(self) -> float | None:
        """Its last validation loss, if it finished."""
        return self.losses[-1] if self.losses and self.finished else None

    @property
    def best(self) -> tuple[float, int] | None:
        """Its lowest validation loss, and that epoch, if it finished."""
        measured = [(v, n) for n, v in enumerate(self.losses, 1) if v is not None]
        return min(measured) if measured and self.finished else None


def lowest(probes: Iterable[Tried], keep: int) -> list[Tried]:
    """Which probes go on: those with the lowest last losses, lowest first. What has no finite one
    drops out; of equals the lower LR goes on.
    """
    measured = [(p.last, p.lr, p) for p in probes if p.last is not None]
    return [probe for *_, probe in sorted(measured, key=lambda each: each[:2])[:keep]]


def best_here(probes: Sequence[Tried], to_the_end: Sequence[Tried]) -> Answer:
    """A: the run with the lowest validation loss of one seed.

    Returns:
        `best`: the run, its lr, val_loss and epoch, None if there is none; `runs`: those that were
        trained to the end, best first; `probes`; `within`: as a fraction, how far above the best a
        run cannot be told apart from it, None if unknown; `tied`: the runs that are not; `edge`:
        whether the best LR is the lowest or the highest tried.
    """
    ended = [(*run.best, run) for run in to_the_end if run.best]
    ranked = sorted(ended, key=lambda each: (each[0], each[2].lr))
    runs = [{"run": r.run, "lr": r.lr, "val_loss": v, "epoch": n} for v, n, r in ranked]
    scatter = wobble([run for *_, run in ranked])
    within = None if scatter is None else math.expm1(normal() * math.sqrt(2) * scatter)
    best = runs[0] if runs else None
    near = [r["run"] for r in runs[1:] if best and within and _above(r, best) <= within]
    return {
        "best": best,
        "runs": runs,
        "probes": [
            {"run": p.run, "lr": p.lr, "val_loss": p.last, "diverged": p.diverged}
            for p in sorted(probes, key=lambda p: p.lr)
        ],
        "within": within,
        "tied": near,
        "edge": best and edge(best["lr"], [p.lr for p in probes]),
    }


def _above(run: Mapping[str, Any], best: Mapping[str, Any]) -> float:
    return float(run["val_loss"] / best["val_loss"]) - 1 if best["val_loss"] else math.inf


def edge(lr: float, tried: Sequence[float]) -> str | None:
    """Whether an LR is the lowest or the highest tried."""
    return "lowest" if lr == min(tried) else "highest" if lr == max(tried) else None


def wobble(runs: Sequence[Tried]) -> float | None:
    """How much the logarithm of a run's loss scatters from epoch to epoch around its course, as a
    standard deviation, pooled over runs; None where there is too little to see it.

    The course is taken out by second differences. Epochs after the first cut are left out: at a low
    LR a loss scatters less than the run does that led to it.
    """
    squares = []
    for run in runs:
        constant = [v for v, lr in zip(run.losses, run.lrs, strict=True) if lr == run.lrs[0]]
        losses = constant[int(len(run.losses) * SETTLED) :]
        logs = [math.log(v) if v and v > 0 else None for v in losses]
        for a, b, c in zip(logs, logs[1:], logs[2:], strict=False):
            if a is not None and b is not None and c is not None:
                squares.append(((a - 2 * b + c) / SECOND) ** 2)
    return math.sqrt(fmean(squares)) if len(squares) >= FEWEST else None


def normal() -> float:
    """How many standard deviations to either side hold the confidence that is told everywhere."""
    return student(1000, (1 + CONFIDENCE) / 2)


def which_lr(tried: Sequence[Tried], within: float) -> Answer:
    """B: the lowest LR whose score is about as good as the best.

    The score of an LR is the logarithm of its last validation loss, the mean over the seeds. An LR
    at which a seed has no finite loss has none.

    Args:
        within: as a fraction, how far above the best the loss may be.

    Returns:
        `lr`: the answer, None where nothing can be told, or not before all have ended; `best`: the
        LR with the best score; `band`: the lowest and the highest LR within; `cliff`: the next LR
        above the band, and how many times the best its loss is, None if not finite; `wide`:
        whether the band is too wide to tell; `scores`: of each LR; `apart`: as a fraction, how far
        two LRs must be apart for these seeds to tell them, None if unknown; `edge`: as of
        `best_here`, of the band.
    """
    seeds = sorted({each.seed for each in tried})
    table = {lr: _of_seeds(lr, tried) for lr in sorted({each.lr for each in tried})}
    logs = {
        lr: [math.log(row[seed] or 0.0) for seed in seeds]
        for lr, row in table.items()
        if all(row.get(seed) for seed in seeds)
    }
    scores = {lr: fmean(values) for lr, values in logs.items()}
    answer: Answer = {
        "scores": [
            {
                "lr": lr,
                "score": scores.get(lr),
                "losses": [row.get(seed) for seed in seeds],
                "diverged": any(e.diverged for e in tried if e.lr == lr),
            }
            for lr, row in table.items()
        ],
        "seeds": seeds,
        "runs": sum(each.over for each in tried),
        "within": within,
    }
    if not scores or not all(each.over for each in tried):
        none = dict.fromkeys(("lr", "best", "band", "cliff", "apart", "edge"))
        return {**answer, **none, "wide": False}
    least = min(scores.values())
    best = next(lr for lr, score in scores.items() if score == least)
    good = [lr for lr, score in scores.items() if score - least <= math.log1p(within) + 1e-12]
    low, high = good[0], good[-1]
    wide = math.log10(high / low) > WIDEST + 1e-9
    above = next((lr for lr in table if lr > high), None)
    if not all(each.over for each in tried if each.lr == above):
        above = None  # what has not ended is no cliff
    times = scores[above] - least if above in scores else None
    return {
        **answer,
        "lr": None if wide else low,
        "best": best,
        "band": [low, high],
        "cliff": above and {"lr": above, "times": None if times is None else math.exp(times)},
        "wide": wide,
        "apart": _apart([row for lr, row in logs.items() if scores[lr] - least <= LIKE]),
        "edge": edge(high, list(table)) if high != low else edge(low, list(table)),
    }


def _of_seeds(lr: float, tried: Sequence[Tried]) -> dict[int, float | None]:
    return {each.seed: each.last for each in tried if each.lr == lr}


def _apart(rows: Sequence[Sequence[float]]) -> float | None:
    """How far apart two LRs must be for their seeds to tell them, as a fraction, from what is left
    of a table of logarithms (LR by seed) without its rows' and its columns' means.
    """
    seeds = len(rows[0])
    freedom = (len(rows) - 1) * (seeds - 1)
    if freedom < 1:
        return None
    of_row = [fmean(row) for row in rows]
    of_seed = [fmean(column) for column in zip(*rows, strict=True)]
    mean = fmean(of_row)
    left = [
        value - of_row[i] - of_seed[j] + mean
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
    ]
    scatter = math.sqrt(sum(value * value for value in left) / freedom)
    reach = student(freedom, (1 + CONFIDENCE) / 2) * scatter * math.sqrt(2 / seeds)
    return math.expm1(min(reach, 700.0))
