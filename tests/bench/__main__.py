"""`python -m tests.bench [PART ...]`: how fast LRScope is, beside what it is compared with.

Two things are compared by running them in turns (A, B, A, B ...) on the same machine, after one
turn of each that does not count. A ratio is taken round by round; every figure is the median of
the rounds, with the smallest and the largest beside it.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from app.cli.options import Datasets
from tests.bench import busy, loops, page, server, storage, watching
from tests.bench.cells import cells
from tests.bench.finding import TASKS, finding
from tests.bench.following import following
from tests.bench.profile import profile
from tests.bench.same import same
from tests.bench.sweeps import sweeping
from tests.bench.table import Plan, Report, as_json, as_table, machine
from tests.bench.turns import seconds
from tests.bench.workers import workers
from trainer import folders
from trainer.engine.datasets import DatasetError

PARTS: dict[str, Callable[[Plan], Report]] = {
    "epoch": loops.epoch,
    "same": same,
    "bare": loops.bare,
    "lightning": loops.lightning,
    "models": loops.models,
    "busy": busy.busy,
    "watched": page.watched,
    "watch": watching.watching,
    "start": server.start,
    "load": page.load,
    "update": storage.update,
    "latency": page.latency,
    "following": following,
    "sweep": sweeping,
    "cells": cells,
    "find": finding,
    "store": storage.store,
    "memory": server.memory,
    "places": workers,
    "profile": profile,
    "cuda": loops.cuda,
}

WIDTH = 150  # of the table in a file


def main(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"{', '.join(PARTS)}; all by default.")
    ] = None,
    datasets: Datasets = None,
    rounds: Annotated[int, typer.Option(min=1, help="Fewer than 5 are a quick look.")] = 5,
    tasks: Annotated[
        int, typer.Option(min=1, max=len(TASKS), help="On how many tasks an LR is found.")
    ] = 1,
    json_: Annotated[bool, typer.Option("--json", help="JSON, with every round.")] = False,
) -> None:
    """Measure LRScope, each part against what it is to be compared with."""
    chosen = parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}.")
    plan = Plan(datasets or folders.datasets(), rounds, tasks)
    console, waiting = Console(), Console(stderr=True)
    if not console.is_terminal:
        console.width = WIDTH
    reports: dict[str, Report] = {}

    def measure(name: str) -> None:
        reports[name] = PARTS[name](plan)

    for name in chosen:
        try:
            with waiting.status(f"Measuring {name}"):
                took = seconds(partial(measure, name))
        except DatasetError as error:
            print(f"bench: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        waiting.print(f"{name}: measured in {took:.0f} s")
    if json_:
        print(as_json(reports))
        return
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()), end="\n\n")
    console.print(as_table(reports), end="\n\n")
    for name, report in reports.items():
        console.print(f"{name}: {report.note}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
