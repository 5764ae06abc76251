"""The epochs and decisions of runs as records, as JSON Lines and as CSV. torch-free."""

import csv as csv_files
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from ..schedule.epoch import Epoch
from ..store.faults import CommandError
from ..store.lineage import lineage
from ..store.run import Run
from ..store.store import Store

Record = dict[str, Any]
DECIDED = ("kind", "next_lr", "turn")  # of a decision
EVIDENCE = ("level", "best", "bad_epochs", "cooldown_left")  # of the plateau rule's
# The columns of a table before and after the metrics.
BEFORE = ("run", "epoch", "lr", "lr_last")
AFTER = ("seconds", *DECIDED, *EVIDENCE, "sentence")
OTHERS = {*BEFORE, *AFTER, "decision"}  # what a metric is not called


def record(run: int, row: Epoch) -> Record:
    """An epoch as one object, with its metrics by name. A metric that is called like another part
    of it is `metric_` and its name.
    """
    found: Record = {"run": run}
    for field in fields(Epoch):
        value = getattr(row, field.name)
        if field.name == "metrics":
            value = {f"metric_{m}" if m in OTHERS else m: number for m, number in value.items()}
            found |= value
        else:
            found[field.name] = value
    return found | {"decision": row.decision and row.decision.model_dump()}


def ending(run: int, status: str, accuracy: float | None, reason: str | None) -> Record:
    """How a run ended, as one object; its reason if it did not finish."""
    if status in ("stopped", "interrupted"):
        reason = f"The run was {status}; lrscope resume {run} continues it."
    last = {"run": run, "status": status, "test_accuracy": accuracy}
    return last if reason is None else {**last, "reason": reason}


def line(found: Record) -> str:
    """A record as a line of JSON."""
    return json.dumps(found, allow_nan=False)


def flat(found: Record) -> Record:
    """An epoch's record as one row of numbers and texts: what was decided in place of the decision,
    None where there is nothing to say.
    """
    decision = found["decision"] or {}
    plateau = decision.get("plateau") or {}
    row = {name: value for name, value in found.items() if name != "decision"}
    row |= {name: decision.get(name) for name in DECIDED}
    row |= {name: plateau.get(name) for name in EVIDENCE}
    return row | {"sentence": decision.get("sentence")}


def known(store: Store, run: int) -> Run:
    """The run with that id.

    Raises:
        CommandError: there is none.
    """
    row = store.run(run)
    if row is None:
        raise CommandError(f"There is no run {run}.")
    return row


def records(store: Store, run: int) -> list[Record]:
    """Every epoch of a run, a fork's with those that it shares with its ancestors.

    Raises:
        CommandError: there is no such run.
    """
    known(store, run)
    return [record(run, row) for row in lineage(store, run)]


def jsonl(store: Store, runs: Sequence[int]) -> str:
    """The epochs of runs, each as `lrscope train --json` prints it, and after those of a run that
    is over how it ended.

    Raises:
        CommandError: there is no such run.
    """
    return "".join(f"{line(found)}\n" for run in runs for found in _told(store, run))


def _told(store: Store, run: int) -> Iterator[Record]:
    row = known(store, run)
    yield from records(store, run)
    if row.over:
        yield ending(run, row.status, row.test_accuracy, row.reason)


def csv(store: Store, runs: Sequence[int]) -> str:
    """The epochs of runs as a table with one heading, numbers in full. A cell is empty where a
    metric was not measured or not finite, and where there was no decision.

    Raises:
        CommandError: there is no such run.
    """
    table = rows(store, runs)
    file = io.StringIO()
    writer = csv_files.DictWriter(file, columns(table), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue()


def rows(store: Store, runs: Sequence[int]) -> list[Record]:
    """The epochs of runs, each as one row of numbers and texts.

    Raises:
        CommandError: there is no such run.
    """
    return [flat(found) for run in runs for found in records(store, run)]


def columns(rows: Sequence[Record]) -> list[str]:
    """The names in these rows, each once, the metrics of all of them among them."""
    metrics = dict.fromkeys(name for row in rows for name in row if name not in OTHERS)
    return [*BEFORE, *metrics, *AFTER]
