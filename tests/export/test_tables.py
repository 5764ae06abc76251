"""The epochs and decisions of runs as JSON Lines and CSV, with every number as it was recorded."""

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.cli.terminal import JsonLines
from tests import exported
from tests.execute.runs import train
from tests.exported import PLATEAU, Runs
from tests.small import load, small
from trainer.config.recipe import Recipe
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.engine import datasets
from trainer.export import tables
from trainer.schedule.epoch import Epoch
from trainer.store.faults import CommandError
from trainer.store.lineage import lineage
from trainer.store.store import Store

store = exported.store


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    "settings",
    [{"schedule": PLATEAU}, {"optimizer": {"name": "SGD", "weight_decay": 1.0}, "lr": 100.0}],
    ids=["finishes", "diverges"],
)
def test_the_lines_are_those_that_the_run_printed_as_it_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(datasets, "load", load)
    with closing(Store(tmp_path)) as store:
        run = store.add(small(**settings), claimed=True)
        show = JsonLines().show
        train(store, run, lambda event: show(run, event))
        printed = capsys.readouterr().out
        assert len(printed.splitlines()) >= 2
        assert tables.jsonl(store, [run]) == printed


def test_a_forks_lines_begin_with_the_epochs_that_it_shares(store: Store, runs: Runs) -> None:
    *epochs, last = lines(tables.jsonl(store, [runs.grandchild]))
    assert [(line["run"], line["epoch"]) for line in epochs] == [(3, n) for n in range(1, 7)]
    rows = lineage(store, runs.grandchild)
    assert [line["val_loss"] for line in epochs] == [row.metrics["val_loss"] for row in rows]
    # The fork's own schedule starts fresh after the epoch from which it continues.
    assert [line["decision"]["schedule"] for line in epochs][2:4] == [
        rows[2].decision.schedule,
        "CosineAnnealingLR",
    ]
    assert last["status"] == "finished"


def test_a_run_that_was_stopped_ends_with_how_it_goes_on(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        run = store.add(small())
        assert tables.jsonl(store, [run]) == ""  # it is not over
        store.stop(run)
        (last,) = lines(tables.jsonl(store, [run]))
    assert last["reason"] == "The run was stopped; lrscope resume 1 continues it."


def test_the_table_has_every_number_of_the_lines_in_full(store: Store, runs: Runs) -> None:
    several = [runs.parent, runs.grandchild, runs.imported, runs.diverged]
    epochs = [line for line in lines(tables.jsonl(store, several)) if "epoch" in line]
    rows = cells(tables.csv(store, several))
    assert len(rows) == len(epochs)
    for row, line in zip(rows, epochs, strict=True):
        decision = line.pop("decision") or {}
        evidence = decision.get("plateau") or {}
        wanted = {
            **line,
            **{name: decision.get(name) for name in ("kind", "next_lr", "turn", "sentence")},
            **{name: evidence.get(name) for name in tables.EVIDENCE},
        }
        for name, value in wanted.items():
            assert row[name] == ("" if value is None else str(value))
            assert not isinstance(value, float) or float(row[name]) == value
        assert {name for name, cell in row.items() if cell} <= wanted.keys()


def test_the_table_of_a_run_can_be_imported(store: Store, runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    file.write_text(tables.csv(store, [runs.parent]))
    with closing(Store(tmp_path)) as other:
        imported = other.epochs(import_curve(other, read(file), {}))
    for found, row in zip(imported, lineage(store, runs.parent), strict=True):
        assert (found.epoch, found.lr) == (row.epoch, row.lr)
        assert found.metrics["val_loss"] == row.metrics["val_loss"]


def test_a_metric_that_is_called_like_a_column_hides_nothing(tmp_path: Path) -> None:
    epoch = Epoch(1, 0.5, 0.25, {"lr": 3.0, "epoch": 4.0, "best": 5.0, "loss": 6.0}, 7.0, None)
    with closing(Store(tmp_path)) as store:
        run = store.add_imported(Recipe(), "a.csv", [epoch])
        (line, _), (row,) = lines(tables.jsonl(store, [run])), cells(tables.csv(store, [run]))
    wanted = {"epoch": 1, "lr": 0.5, "lr_last": 0.25, "seconds": 7.0, "loss": 6.0}
    wanted |= {"metric_lr": 3.0, "metric_epoch": 4.0, "metric_best": 5.0}
    assert wanted.items() <= line.items()
    assert {name: str(value) for name, value in wanted.items()}.items() <= row.items()


def test_a_run_that_is_not_there_is_a_sentence(store: Store) -> None:
    for table in (tables.jsonl, tables.csv):
        with pytest.raises(CommandError, match=r"^There is no run 99\.$"):
            table(store, [1, 99])
