"""What the page shows of a way to find an LR, as plain JSON."""

import math
from typing import Any

from app import form
from app.paths import LAB
from app.sweep import head
from app.sweep.found import NAMES, Runs, found
from trainer.config.text import epochs_text, lr_text, significant
from trainer.store.faults import CommandError
from trainer.store.store import Store
from trainer.store.sweeps import Epochs, Sweep
from trainer.sweep.find.answers import Answer
from trainer.sweep.find.finding import answer, check, plan_of
from trainer.sweep.find.plans import RangeTest
from trainer.sweep.find.sentences import sentences
from trainer.sweep.find.suggestions import RULES

# A line of the table: its cells, each a text, or a run and the text of the link to it.
Line = dict[str, Any]


def answered(store: Store, sweep: Sweep, epochs: Epochs) -> dict[str, Any]:
    """The parts of the page: its head, the answer in sentences, and the figure, its numbers as a
    table, and what can be done with it.

    Raises:
        StoreError: it cannot be read.
    """
    made = answer(store, sweep)
    runs: Runs = {}
    if sweep.kind == "which":
        cells = [
            run.config and (run.config.lr, run.config.seed, run.id) for run in store.cells(sweep.id)
        ]
        runs = {(cell[0], cell[1]): cell[2] for cell in cells if cell}
    told = sentences(sweep.kind, made)
    so_far = ["So far:"] if sweep.status != "finished" and made.get("best") else []
    figure = found(sweep.kind, made, runs)
    return {
        "head": _head(store, sweep, epochs, made),
        "statement": [" ".join([*so_far, *told[:1]]), *told[1:]],
        "found": figure and figure._asdict(),
        "numbers": _numbers(sweep, made, runs),
        "next": _next(store, sweep, made),
    }


def _head(store: Store, sweep: Sweep, epochs: Epochs, made: Answer) -> dict[str, Any]:
    """As of a grid; but what has not finished may have more to train than its cells say."""
    left, archived = sweep.status != "finished", sweep.over and store.is_archived(sweep.id)
    told = head.told(sweep, epochs, left, archived)
    told["counts"] = f"{epochs.trained:,} epochs trained"
    plan = plan_of(sweep)
    if isinstance(plan, RangeTest):
        tested, batch = len(made["seeds"]), 0 if sweep.over else made.get("batch", 0)
        at = f", batch {batch} of {plan.batches}" if batch else ""
        told["counts"] = f"{tested} of {plan.seeds} seed{'s' * (plan.seeds > 1)} tested{at}"
        told["percent"] = round(100 * (tested + batch / plan.batches) / plan.seeds, 1)
    return told


def _numbers(sweep: Sweep, made: Answer, runs: Runs) -> dict[str, Any]:
    """The figure as a table: its columns, and its lines, which of them is the answer."""
    match sweep.kind:
        case "which":
            columns = ["LR", "Mean", *(f"Seed {seed}" for seed in made["seeds"])]
            lines = [
                _line(
                    [lr_text(s["lr"]), _mean(s["score"])],
                    [
                        (runs.get((s["lr"], seed)), _loss(loss, s["diverged"]))
                        for seed, loss in zip(made["seeds"], s["losses"], strict=True)
                    ],
                    s["lr"] == made["lr"],
                )
                for s in made["scores"]
            ]
        case "find":
            columns = ["LR", "Probe", "Lowest", "Epoch"]
            ends = {run["lr"]: run for run in made["runs"]}
            lines = []
            for p in made["probes"]:
                links = [(p["run"], _loss(p["val_loss"], p["diverged"]))]
                end = ends.get(p["lr"])
                links += [(end["run"], significant(end["val_loss"]))] if end else []
                best = made["best"] is not None and p["lr"] == made["best"]["lr"]
                line = _line([lr_text(p["lr"])], links, best)
                line["cells"] += [str(end["epoch"])] if end else ["", ""]
                lines.append(line)
        case _:
            columns = ["Rule", *(f"Seed {seed['seed']}" for seed in made["seeds"])]
            lines = [
                {
                    "cells": [
                        NAMES[rule],
                        *(
                            lr_text(lr) if (lr := seed["suggestions"][rule]) else ""
                            for seed in made["seeds"]
                        ),
                    ],
                    "best": False,
                }
                for rule in RULES
            ]
    return {"columns": columns, "lines": lines}


def _line(texts: list[str], links: list[tuple[int | None, str]], best: bool) -> Line:
    return {"cells": [*texts, *([run, text] if run else text for run, text in links)], "best": best}


def _mean(score: float | None) -> str:
    return "" if score is None else significant(math.exp(score))


def _loss(loss: float | None, diverged: bool) -> str:
    return significant(loss) if loss is not None else "diverged" if diverged else "not yet"


def _next(store: Store, sweep: Sweep, made: Answer) -> dict[str, Any]:
    """What can be done with an answer: its LR in the Lab's form, and the check."""
    lr = made.get("lr") if sweep.kind == "which" else (made.get("best") or {}).get("lr")
    found: dict[str, Any] = {"use": None, "check": None}
    if lr is not None:
        config = sweep.config.model_copy(update={"lr": lr})
        found["use"] = [f"Use LR {lr_text(lr)} in the Lab", f"{LAB}{form.to_query(config)}"]
    if sweep.status != "finished":
        return found
    try:
        its = check(store, sweep.id)
    except CommandError:
        return found
    lrs, epochs = " and ".join(map(lr_text, sorted(its.lrs))), epochs_text(its.config.epochs)
    found["check"] = f"Check: {its.grid.seeds} seeds each of LR {lrs}, {epochs} each"
    return found
