"""A machine that other programs use too: LRScope's automatic threads beside fixed ones."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from tests.bench.sides import (
    TUTORIAL,
    Lrscope,
    Tutorial,
    now,
    part_of,
    plainly,
    shuffled,
    torchvision_mnist,
)
from tests.bench.table import Figure, Plan, Report, Row, faster
from tests.bench.turns import in_turns
from trainer.engine.datasets import load
from trainer.engine.loop import train

OTHERS = (0, 1, 2, 4)
TURN_SECONDS = 2.5  # the first turn, which does not count, sees the threads change
AT_A_TIME = 10  # batches
SHARE = 0.2
spawned = multiprocessing.get_context("spawn")


def busy(plan: Plan) -> Report:
    """Milliseconds a batch beside programs that only count."""
    threads = torch.get_num_threads()
    title = "A busy machine"
    if threads < 2:
        return Report(title, "torch has one thread here: there is none to give up.")
    rows = []
    with ExitStack() as stack:
        apart = [stack.enter_context(ProcessPoolExecutor(1, spawned)) for _ in range(4)]
        sides = [
            *[partial(_lrscope, plan.root, count) for count in (0, 1, threads)],
            partial(_tutorial, plan.root),
        ]
        for others in OTHERS:
            with counting(others):
                took = in_turns(
                    *[
                        lambda pool=pool, side=side: pool.submit(side).result()
                        for pool, side in zip(apart, sides, strict=True)
                    ],
                    rounds=plan.rounds,
                )
            rows += _rows(others, threads, took)
    return Report(
        title,
        "The CNN on MNIST, each loop in a process of its own; beside them run none, one, two or "
        "four programs that only count. Automatic threads against the better of one thread and "
        f"{threads}, and against the tutorial's loop.",
        rows,
    )


def _rows(others: int, threads: int, took: list[tuple[float, ...]]) -> list[Row]:
    auto, one, every, plain = took
    fixed = [Figure("1 thread", "ms", one), Figure(f"{threads} threads", "ms", every)]
    better, worse = sorted(fixed, key=lambda figure: figure.median)
    ours = Figure("auto", "ms", auto)
    beside = f"a batch beside {others or 'no'} busy program{'' if others == 1 else 's'}"
    return [
        faster(beside, ours, better, 0.9 if others else 0.99),
        faster(beside, ours, worse),
        faster(beside, ours, Figure("tutorial", "ms", plain)),
    ]


@contextmanager
def counting(others: int) -> Iterator[None]:
    """So many programs that only count, in this block."""
    counters = [spawned.Process(target=_count, daemon=True) for _ in range(others)]
    for counter in counters:
        counter.start()
    try:
        yield
    finally:
        for counter in counters:
            counter.kill()
            counter.join()


def _count() -> None:
    while True:
        pass


# In the process of a side


def _lrscope(root: Path, threads: int) -> float:
    run = _run(root, threads)
    began, rates = now("cpu"), []
    while now("cpu") - began < TURN_SECONDS:
        rates.append(run.train(AT_A_TIME))
    return 1e3 * sum(rates) / len(rates)


@cache
def _run(root: Path, threads: int) -> Lrscope:
    config = TUTORIAL.model_copy(update={"threads": threads})
    splits = part_of(load(config.dataset, root, config.seed), SHARE, 64)
    return Lrscope(train(config, root), splits)


def _tutorial(root: Path) -> float:
    tutorial, loader = _tutorials(root)
    batches = iter(loader)
    began, done = now("cpu"), 0
    while now("cpu") - began < TURN_SECONDS:
        done += len(tutorial.epoch([next(batches)]))
    return 1e3 * (now("cpu") - began) / done


@cache
def _tutorials(root: Path) -> tuple[Tutorial, DataLoader[Any]]:
    splits = load(TUTORIAL.dataset, root, TUTORIAL.seed)
    loader = shuffled(torchvision_mnist(root, splits.train), TUTORIAL)
    return Tutorial(plainly(TUTORIAL, splits), TUTORIAL), loader
