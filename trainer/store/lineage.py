"""Which runs are forks of which, and the epochs that they share. torch-free."""

from dataclasses import dataclass, field, replace

from ..config.recipe import Recipe
from ..schedule.epoch import Epoch
from ..schedule.past import Stretch
from ..schedule.trace import Trace
from .rows import UnreadableError
from .run import Run
from .store import Store


@dataclass
class Member:
    """A run and its forks, oldest first."""

    run: Run
    children: list["Member"] = field(default_factory=list)


def owner(store: Store, run: int, epoch: int) -> int:
    """The run that trained this epoch of a run's lineage: the run itself or one of its ancestors.

    Epoch 0, the start, belongs to the first ancestor.
    """
    row = store.run(run)
    while row is not None and row.parent is not None and epoch <= (row.parent_epoch or 0):
        row = store.run(row.parent)
    return run if row is None else row.id


def prefix(store: Store, run: int) -> list[Epoch]:
    """The epochs before a fork, in order: its ancestors' rows. The last one has the decision of
    the fork's own schedule, if it made one; those of a sweep's cell all have. Empty for a run that
    is not a fork.
    """
    row = store.run(run)
    if row is None or row.parent is None or row.parent_epoch is None:
        return []
    rows = [*prefix(store, row.parent), *store.epochs(row.parent)]
    rows = [epoch for epoch in rows if epoch.epoch <= row.parent_epoch]
    if row.sweep is not None:
        own = store.decided(run)
        rows = [replace(r, decision=own.get(r.epoch, r.decision)) for r in rows]
    if rows and row.decision is not None:
        rows[-1] = replace(rows[-1], decision=row.decision)
    return rows


def own(store: Store, run: Run, after: int = 0) -> list[Epoch]:
    """The epochs after `after` that are a run's own, in order: those that it trained. Of a sweep's
    cell also those that it shares, which it would have trained by itself.
    """
    trained = store.epochs(run.id, after)
    if run.sweep is None or run.parent is None or (run.parent_epoch or 0) <= after:
        return trained
    parent, decided = store.run(run.parent), store.decided(run.id, after)
    shared = own(store, parent, after) if parent else []
    rows = [replace(row, decision=decided.get(row.epoch, row.decision)) for row in shared]
    return [*(row for row in rows if row.epoch <= (run.parent_epoch or 0)), *trained]


def own_traces(store: Store, run: Run, after: int = 0) -> dict[int, Trace]:
    """What happened within the epochs after `after` that are a run's own, by epoch; also within the
    one that trains, by the run itself or by the cell whose epochs it shares.

    Raises:
        UnreadableError: one of them cannot be read.
    """
    trained = store.traces(run.id, after)
    shared_to = (run.parent_epoch or 0) + run.follows
    if run.sweep is None or run.parent is None or shared_to <= after:
        return trained
    parent = store.run(run.parent)
    shared = own_traces(store, parent, after) if parent else {}
    return {epoch: trace for epoch, trace in shared.items() if epoch <= shared_to} | trained


def lineage(store: Store, run: int) -> list[Epoch]:
    """Every epoch of a run from the first: its ancestors' and its own."""
    return [*prefix(store, run), *store.epochs(run)]


def stretches(store: Store, run: int) -> list[Stretch]:
    """How every epoch of a run's lineage was trained, from the first."""
    row = store.run(run)
    if row is None:
        return []
    made = store.interventions(run)
    if row.parent is None or not row.parent_epoch:
        return [Stretch(row.recipe, 0, made, lasts=row.source == "watched")]
    before = [
        replace(s, interventions=[i for i in s.interventions if i.epoch <= row.parent_epoch])
        for s in stretches(store, row.parent)
        if s.after < row.parent_epoch
    ]
    return [*before, Stretch(row.recipe, row.parent_epoch, made)]


def length(store: Store, recipe: Recipe, parent: int | None, epoch: int) -> int:
    """The epochs for which the schedule of a run with this recipe runs, if it is a fork of `parent`
    after `epoch`: another class starts fresh there, the same one keeps its parent's length.
    """
    row = store.run(parent) if parent is not None else None
    if row is None or epoch <= recipe.warmup:
        return recipe.epochs - recipe.warmup
    if row.recipe.schedule.name != recipe.schedule.name:
        return recipe.epochs - epoch
    return length(store, row.recipe, row.parent, row.parent_epoch or 0)


def trees(store: Store, limit: int) -> list[Member]:
    """The newest runs as family trees, the tree with the newest run first. Ancestors that are not
    among them are loaded too.
    """
    readable = [run for run in store.runs(limit) if isinstance(run, Run)]
    members = {run.id: Member(run) for run in readable}
    parents = [m.run.parent for m in members.values()]
    while parents:
        parent = parents.pop()
        if parent is None or parent in members:
            continue
        try:
            row = store.run(parent)
        except UnreadableError:
            continue
        if row is not None:
            members[parent] = Member(row)
            parents.append(row.parent)
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
    """The last epoch of a run that can be forked: the last one that it completed."""
    row = store.run(run)
    if row is None:
        return 0
    own = [epoch.epoch for epoch in store.epochs(run) if epoch.decision is not None]
    return own[-1] if own else row.parent_epoch or 0


def refusal(store: Store, run: int, epoch: int) -> str | None:
    """One sentence on why a run cannot be forked after this epoch; None if it can."""
    row = store.run(run)
    if row is None:
        return f"There is no run {run}."
    if row.source != "trained":
        return f"Run {run} was {row.source}: it has no weights to continue from."
    end = last(store, run)
    if not 0 <= epoch <= end:
        return f"Run {run} has trained {end} epochs; fork it after an epoch from 0 to {end}."
    return None
