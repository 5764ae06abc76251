"""Where the time of a training batch goes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch.profiler import ProfilerActivity

from tests.bench.sides import TUTORIAL, Lrscope, part_of, recorded
from tests.bench.table import Figure, Plan, Report, Row
from tests.bench.turns import in_turns, seconds
from trainer.engine.datasets import load
from trainer.snapshots.writer import SnapshotWriter
from trainer.store.store import Store

KINDS = ("convolutions", "pooling, other kernels", "optimizer", "gather, convert", "store")
# What LRScope writes in the loop's own thread, by the name that the profiler shows.
WRITES = {"store.record": (Store, "record"), "store.keep": (SnapshotWriter, "keep")}
SHARE = 0.2  # of an epoch a round


def profile(plan: Plan) -> Report:
    """Where the time of a training batch goes in LRScope, in per cent, on MNIST."""
    splits = part_of(load(TUTORIAL.dataset, plan.root, TUTORIAL.seed), SHARE)
    with recorded(TUTORIAL, splits) as run:
        profiles: list[Profile] = []

        def profiled() -> float:
            profiles.append(profiled_epoch(run))
            return 1e3 * profiles[-1].batch

        with_profiler, without = in_turns(profiled, lambda: 1e3 * run.epoch(), rounds=plan.rounds)
    counted = profiles[1:]
    shares = [
        Row(kind, Figure("LRScope", "%", tuple(100 * p.shares[kind] for p in counted)))
        for kind in counted[0].shares
    ]
    return Report(
        "Where a batch's time goes",
        f"{SHARE:.0%} of an epoch a round with its validation, under torch's profiler; store: "
        "records, and copies for snapshots. What the profiler costs falls mostly to Python and to "
        "small operations; the last row tells how much that is.",
        [
            *shares,
            Row(
                "a batch, profiled",
                Figure("LRScope", "ms", with_profiler),
                Figure("not profiled", "ms", without),
            ),
        ],
    )


@dataclass(frozen=True)
class Profile:
    """`shares` of the wall time by kind of work, adding up to 1; `batch` in seconds."""

    shares: dict[str, float]
    batch: float


def profiled_epoch(run: Lrscope) -> Profile:
    """One round: a whole epoch of the run, from its end to the end of the next."""
    with writes_named(), torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        wall = seconds(run.epoch)
    spent = dict.fromkeys(KINDS, 0.0)
    for event in profiler.events() or ():
        if event.cpu_parent is None:
            spent[kind_of_work(event.name)] += event.cpu_time_total / 1e6
    spent["Python"] = wall - sum(spent.values())
    return Profile({kind: time / wall for kind, time in spent.items()}, wall / run.batches)


@contextmanager
def writes_named() -> Iterator[None]:
    """The profiler sees what is written."""

    def named(name: str, original: Any) -> Any:
        def method(*args: Any, **kwargs: Any) -> Any:
            with torch.profiler.record_function(name):
                return original(*args, **kwargs)

        return method

    with ExitStack() as stack:
        for name, (owner, method) in WRITES.items():
            patched = named(name, getattr(owner, method))
            stack.enter_context(mock.patch.object(owner, method, patched))
        yield


def kind_of_work(operation: str) -> str:
    """The kind of an operation that Python calls, by the profiler's name for it."""
    if operation in WRITES:
        return "store"
    if operation.startswith("Optimizer."):
        return "optimizer"
    if "conv" in operation.lower():
        return "convolutions"
    if operation in ("aten::index", "aten::index_select", "aten::to", "aten::div_"):
        return "gather, convert"
    return "pooling, other kernels"
