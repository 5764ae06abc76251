"""What a CSV column or a TensorBoard tag contains, judging by common names. torch-free."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args

from ..config.metrics import RISING
from ..config.text import plain

Role = Literal["val_loss", "train_loss", "val_accuracy", "lr"]
Rank = tuple[Role, int]  # 0 for the most likely name

# Words for a validation set, most likely first.
HELD_OUT = [{"val", "valid", "validation", "dev"}, {"eval", "evaluation"}, {"test", "testing"}]
TRAIN = {"train", "training"}
ACCURACY = {"acc", "accuracy"}
COUNTERS = ["epoch", "epochs", "step", "global step", "iteration", "iter"]  # most likely first
COUNTING = re.compile(r"(epochs?|step|global|iteration|iter|[\W_])+")  # without another word
KNOWN = {"loss", *ACCURACY, *TRAIN}.union(*HELD_OUT)  # the words of a metric's name
MEASURED = RISING | {"loss", "error", "mse", "rmse", "mae", "nll"}  # of those kept beside the curve
OF_A_BATCH = {"step", "batch"}  # Lightning's train_loss_step is no number of an epoch
BOUNDS = ("__MIN", "__MAX")  # what W&B exports beside each metric of each run
CLOCKS = {"time", "walltime", "timestamp", "runtime", "relative"}
TELLING = re.compile("loss|acc|lr|rate")  # without one of these a name has no role
CAMEL = re.compile("(?<=[a-z])(?=[A-Z])")
WORD = re.compile(r"[^\W_]+")
MOST_JUDGED = 200  # characters of a name
MOST_SHOWN = 80  # characters of a name in an error
BARE_LOSS: Rank = ("train_loss", 1)  # as in Keras, next to a val_loss


class CurveError(Exception):
    """One sentence on what is wrong with a file, where, and what to do."""


class NoCurveError(CurveError):
    """There is no curve in a file; there may be one once more is written."""


def words(name: str) -> tuple[str, ...]:
    """The words of a name."""
    return tuple(WORD.findall(CAMEL.sub(" ", name).lower()))  # valLoss


def counted(name: str) -> str | None:
    """What a column of that name counts, one of COUNTERS; None if it is no counter."""
    own = _own(name)
    if not COUNTING.fullmatch(own.lower()):
        return None
    said = " ".join(words(own))
    return said if said in COUNTERS else None


def rank_of(name: str) -> Rank | None:
    """The role of that name and its rank; None if unknown."""
    return _rank_of(_own(name))


@lru_cache  # a W&B export has a column of each name for every run
def _rank_of(name: str) -> Rank | None:
    if not TELLING.search(name.lower()):
        return None
    found = set(words(name)) - {"epoch"}  # Lightning's train_loss_epoch
    if "lr" in found or {"learning", "rate"} <= found:
        return "lr", len(found)  # lr-Adam, before lr-Adam-momentum
    if not found <= KNOWN:
        return None
    for rank, held_out in enumerate(HELD_OUT):
        rest = found - held_out
        if rest != found and rest == {"loss"}:
            return "val_loss", rank
        if rest != found and len(rest) == 1 and rest <= ACCURACY:
            return "val_accuracy", rank
    if found - TRAIN == {"loss"}:
        return ("train_loss", 0) if found & TRAIN else BARE_LOSS
    return ("val_accuracy", len(HELD_OUT)) if len(found) == 1 and found <= ACCURACY else None


def roles_of(
    name: str, kind: str, names: dict[str, Rank | None], tag: str | None
) -> dict[Role, str]:
    """The names in a file by role, the curve first.

    If two names are equally likely, neither is used; nor are names of another run than the curve's.

    Args:
        name: the file's name, for the error.
        kind: "column" or "tag".
        names: the columns or the tags, each with its rank.
        tag: the one to use as the curve; None for the most likely.

    Raises:
        CurveError: there is no such tag, or no single name is the most likely.
    """
    if tag is not None and tag not in names:
        raise NoCurveError(
            f"{name} has no {kind} called {cut(tag)}: choose one of {_listed(names)}."
        )
    if tag is None:
        tag = _alone(names)
    ranks = {n: rank for n, rank in names.items() if rank}
    losses = {n: rank for n, rank in ranks.items() if rank[0] in ("val_loss", "train_loss")}
    if all(rank == BARE_LOSS for rank in losses.values()):
        ranks |= dict.fromkeys(losses, ("val_loss", 0))  # the curve to look at
    found: dict[Role, str] = {}
    if tag is not None:
        role, _ = ranks.get(tag, ("val_accuracy" if is_accuracy(tag) else "val_loss", 0))
        found[role] = tag
    for role in get_args(Role):
        run = next((_run(curve) for curve in found.values()), None)
        candidates = {n: rank[1] for n, rank in ranks.items() if rank[0] == role}
        candidates = {n: rank for n, rank in candidates.items() if run is None or _run(n) == run}
        first = min(candidates.values(), default=0)
        best = [n for n, rank in candidates.items() if rank == first]
        if len(best) == 1:
            found.setdefault(role, best[0])
        elif best and not found:
            break
    if next(iter(found), "lr") == "lr":
        raise unnamed(name, kind, names)
    return found


def _alone(names: dict[str, Rank | None]) -> str | None:
    """The only one that can be a metric; None if its role is known, or there are several."""
    metrics = [
        n
        for n, rank in names.items()
        if n
        and (rank is None or rank[0] != "lr")
        and not _is_bound(n)
        and not (CLOCKS | OF_A_BATCH) & set(words(_own(n)))
    ]
    return metrics[0] if len(metrics) == 1 and names[metrics[0]] is None else None


def further(names: Iterable[str], roles: dict[Role, str]) -> dict[str, str]:
    """What else is measured in the curve's own run, an epoch at a time: the metrics by the name of
    their column or tag.
    """
    taken, run = set(roles.values()), _run(next(iter(roles.values())))
    found: dict[str, str] = {}
    for name in names:
        telling = set(words(_own(name)))
        if (
            name not in taken
            and telling & MEASURED
            and not telling & OF_A_BATCH
            and not _is_bound(name)
            and _run(name) == run
            and len(name) <= MOST_JUDGED
            and (metric := plain(_own(name))) not in found.values()
        ):
            found[name] = metric
    return found


def metrics_of(
    roles: dict[Role, str], others: dict[str, str], names: Iterable[str]
) -> dict[str, str]:
    """The name of the metric in each column or tag in use, the curve's first. One that only its tag
    says is the curve keeps its own, without the run in an export of W&B's.

    Args:
        others: the metrics beside those of a known role, by column or tag.
        names: all columns or tags.
    """
    known = {*names}
    found: dict[str, str] = {}
    for role, name in roles.items():
        if role != "lr":
            exported = any(name + bound in known for bound in BOUNDS)
            own = name.rpartition(" - ")[2] if exported else name
            found[name] = role if rank_of(name) else plain(own)
    return found | {name: metric for name, metric in others.items() if metric not in found.values()}


def is_held_out(name: str) -> bool:
    """Whether the values of that name are measured after an epoch, on a validation set."""
    rank = rank_of(name)
    return rank is not None and rank[0] != "train_loss"


def is_accuracy(name: str) -> bool:
    """Whether the values of that name are shares, or percent."""
    return bool(ACCURACY & set(words(_own(name))))


def _is_bound(name: str) -> bool:
    return name.endswith(BOUNDS)


def unnamed(name: str, kind: str, names: Iterable[str]) -> NoCurveError:
    """The error for a file whose names do not identify the curve."""
    return NoCurveError(
        f"{name} has no single {kind} with a name such as val_loss for the validation loss: "
        f"choose one of {_listed(names)}."
    )


def _run(name: str) -> str:
    return name.rpartition(" - ")[0]


def _own(name: str) -> str:
    """What is judged of a name: its start, without the run that a W&B export puts before it."""
    return name.rpartition(" - ")[2][:MOST_JUDGED]


def _listed(names: Iterable[str]) -> str:
    listed = sorted(name for name in names if name and not _is_bound(name))
    return (", ".join(map(cut, listed[:20])) + (", …" if len(listed) > 20 else "")) or "none"


def cut(name: str) -> str:
    """A name as it stands in an error: not longer than can be read."""
    return plain(name, MOST_SHOWN)
