"""Runs on the terminal, as tables and as curves."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from app import run_names
from app.charts.series import sentences
from app.cli.console import console, print_table, shows
from app.cli.curve import EIGHTHS, curve
from app.cli.events import folded
from trainer.config.metrics import label
from trainer.config.own import called
from trainer.config.table import SETTINGS, Setting, chosen, from_config
from trainer.config.text import lr_text, plain, significant
from trainer.export import configs
from trainer.export.error import ExportError
from trainer.export.tables import Record
from trainer.schedule.epoch import Epoch, monitored
from trainer.store.lineage import lineage
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.store import Store

HEADS = (
    "run", "name", "status", "data", "model", "optimizer", "schedule", "lr", "best", "last",
    "test", "epochs", "seconds", "when",
)  # fmt: skip
# What is left out first where a terminal is narrow.
SPARE = ("last", "seconds", "schedule", "model", "optimizer", "when", "data", "epochs", "test")
RESULTS = ("best", "best_epoch", "last", "test_accuracy", "epoch", "seconds")
NOTHING = "-"
WIDE, HIGH = 100, 5  # of a curve


def print_runs(found: Sequence[Run | Unreadable], told: Sequence[Record]) -> None:
    """Print a row for each run; what cannot be read stands below, with its reason."""
    records = {record["run"]: record for record in told}
    rows = [_row(run, records[run.id]) for run in found if isinstance(run, Run)]
    if rows:
        print_table(HEADS, rows, SPARE)
    else:
        print("No run is like that.")
    for run in found:
        if isinstance(run, Unreadable):
            print(plain(run.reason))


def _row(run: Run, record: Record) -> list[str]:
    status = f"{record['status']}, archived" if run.archived else record["status"]
    done = run.done.replace(" of ", "/")
    return [
        str(run.id), run_names.name(run), status, called(record["dataset"] or NOTHING),
        called(record["model"] or NOTHING), record["optimizer"], record["schedule"],
        lr_text(run.recipe.lr),
        _number(record["best"]), _number(record["last"]), _percent(run.test_accuracy), done,
        NOTHING if run.elapsed is None else f"{run.elapsed:.1f}", _time(run.created),
    ]  # fmt: skip


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _number(value: float | None) -> str:
    return NOTHING if value is None else significant(value)


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.2%}"


def print_run(store: Store, run: Run, record: Record) -> None:
    """Print what a run is, what came of it, its curves and its events."""
    # A run that trains may have ended another epoch since it was read.
    rows = [row for row in lineage(store, run.id) if row.epoch <= run.epoch]
    made = store.interventions(run.id)
    out = console()

    def say(text: str) -> None:
        out.print(plain(text), markup=False)

    out.print(f"Run {run.id}: {run_names.name(run)}", style="bold", markup=False)
    took = "" if run.elapsed is None else f" in {run.elapsed:.1f} s"
    say(f"{record['status']}, {run.done} epochs{took}; {_time(run.created)}")
    say(run_names.details(run))
    if run.sweep is not None:
        say(f"Cell of sweep {run.sweep}. {run_names.cell(run)}".strip())
    elif run.parent:
        say(f"It continues from epoch {run.parent_epoch} of run {run.parent}.")
    if record["best"] is not None:
        say(
            f"{label(run.recipe.monitor)}: best {significant(record['best'])} in epoch "
            f"{record['best_epoch']}, last {_number(record['last'])}"
        )
    if run.test_accuracy is not None:
        say(f"test accuracy: {run.test_accuracy:.2%}")
    for sentence in (run.reason, run.warning):
        if sentence:
            say(sentence)
    if others := _not_default(run):
        say(f"settings that are not the default: {others}")
    with suppress(ExportError):  # it was not trained here
        out.print(configs.command(store, run.id), markup=False, soft_wrap=True)  # to be copied
    _print_curves(run, rows)
    told = sentences(rows, made, run.epochs)
    for event in folded(told, record["best_epoch"], run.parent_epoch or 0):
        say(f"{event.epochs:>9}  {event.words}")


def _not_default(run: Run) -> str:
    values = run.settings
    return ", ".join(
        f"{s.key} {_texts(s, [values[s.key]])[0]}"
        for s in chosen(from_config(run.recipe), type(run.recipe))
        if s.key in values and values[s.key] != s.default
    )


def _print_curves(run: Run, rows: Sequence[Epoch]) -> None:
    """Draw the monitor and the LR; nothing where the output has no block characters."""
    if not rows or not shows(EIGHTHS):
        return
    width = min(WIDE, shutil.get_terminal_size().columns - 12) if sys.stdout.isatty() else WIDE
    monitor = run.recipe.monitor
    for name, values, text, height in (
        (label(monitor), monitored(monitor, rows), significant, HIGH),
        ("LR", [row.lr for row in rows], lr_text, HIGH - 2),
    ):
        lines = curve(values, max(width, 1), height)
        if not lines:
            continue
        finite = [value for value in values if value is not None]
        print(f"\n{name}, epochs {rows[0].epoch} to {rows[-1].epoch}")
        ends = {0: text(max(finite)), len(lines) - 1: text(min(finite))}
        for number, line in enumerate(lines):
            print(f"{ends.get(number, ''):>9} {line}".rstrip())
    print()


def print_comparison(
    runs: Sequence[Run], told: Sequence[Record], differing: Mapping[str, Sequence[Any]]
) -> None:
    """Print the settings in which runs differ, and their results, a column for each run."""
    by_key = {setting.key: setting for setting in SETTINGS}
    rows = [["name", *map(run_names.name, runs)]]
    for key, values in differing.items():
        rows.append([key, *_texts(by_key[key], values)])
    for key in RESULTS:
        rows.append([key.replace("_", " "), *(_result(key, record[key]) for record in told)])
    print_table(["", *(f"run {run.id}" for run in runs)], rows)


def _texts(setting: Setting, values: Sequence[Any]) -> list[str]:
    """A setting's values: numbers with three significant digits, or with as many as it takes to
    tell them apart.
    """
    texts: list[str] = []
    for digits in range(3, 18):  # 17 distinguish any two floats
        texts = [
            NOTHING if value is None
            else lr_text(value, digits) if setting.kind == "float"
            else setting.text(value)
            for value in values
        ]  # fmt: skip
        if len(set(texts)) == len(set(map(str, values))):
            break
    return texts


def _result(key: str, value: float | None) -> str:
    if key == "test_accuracy":
        return _percent(value)
    if key == "seconds":
        return NOTHING if value is None else f"{value:.1f}"
    return _number(value) if isinstance(value, float) else str(NOTHING if value is None else value)
