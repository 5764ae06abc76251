"""Who was forked from whom, and what a run has of its parents. torch-free."""

from dataclasses import dataclass, field, replace

from ..schedule.epoch import Epoch
from .rows import Run, UnreadableError
from .store import Store


@dataclass
class Member:
    """A run and the runs that were forked from it, oldest first."""

    run: Run
    children: list["Member"] = field(default_factory=list)


def owner(store: Store, run: int, epoch: int) -> int:
    """The run that trained this epoch of a run's past: itself, a parent, or a parent's parent.

    Epoch 0, the beginning, is the first one's.
    """
    row = store.run(run)
    while row is not None and row.parent is not None and epoch <= (row.parent_epoch or 0):
        row = store.run(row.parent)
    return run if row is None else row.id


def prefix(store: Store, run: int) -> list[Epoch]:
    """The epochs before a fork, in order: its parents' rows. The last one has the decision that
    the fork's own schedule made of it, where it made one. Empty for a run that is no fork.
    """
    row = store.run(run)
    if row is None or row.parent is None or row.parent_epoch is None:
        return []
    rows = [*prefix(store, row.parent), *store.epochs(row.parent)]
    rows = [epoch for epoch in rows if epoch.epoch <= row.parent_epoch]
    if rows and row.decision is not None:
        rows[-1] = replace(rows[-1], decision=row.decision)
    return rows


def lineage(store: Store, run: int) -> list[Epoch]:
    """Every epoch of a run from the first: its parents' and its own."""
    return [*prefix(store, run), *store.epochs(run)]


def trees(store: Store, limit: int) -> list[Member]:
    """The newest runs as family trees, the one with the newest member first. A run whose parent
    is not among them is fetched with its forebears.
    """
    readable = [run for run in store.runs(limit) if isinstance(run, Run)]
    members = {run.id: Member(run) for run in readable}
    wanted = [m.run.parent for m in members.values()]
    while wanted:
        parent = wanted.pop()
        if parent is None or parent in members:
            continue
        try:
            row = store.run(parent)
        except UnreadableError:
            continue
        if row is not None:
            members[parent] = Member(row)
            wanted.append(row.parent)
    roots, newest = [], {}
    for number in sorted(members):
        member = members[number]
        if member.run.parent in members:
            members[member.run.parent].children.append(member)
        else:
            roots.append(member)
    for number in sorted(members):
        newest[_root(members, number)] = number
    return sorted(roots, key=lambda root: newest[root.run.id], reverse=True)


def _root(members: dict[int, Member], number: int) -> int:
    while (parent := members[number].run.parent) in members:
        number = parent
    return number


def last(store: Store, run: int) -> int:
    """The last epoch of a run that can be forked from: the last that it brought to its end."""
    row = store.run(run)
    if row is None:
        return 0
    own = [epoch.epoch for epoch in store.epochs(run) if epoch.decision is not None]
    return own[-1] if own else row.parent_epoch or 0


def refusal(store: Store, run: int, epoch: int) -> str | None:
    """Why a run cannot be forked after this epoch, in one sentence; None where it can."""
    row = store.run(run)
    if row is None:
        return f"There is no run {run}."
    if row.source != "trained":
        return f"Run {run} was {row.source}: it has no weights to go on from."
    end = last(store, run)
    if not 0 <= epoch <= end:
        return f"Run {run} has trained {end} epochs; fork it after one of 0 to {end}."
    return None
