"""`from lrscope import runs`: what was recorded, as records and as a table of pandas."""

import csv
import io
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.exported import Runs
from tests.small import small
from trainer import watch
from trainer.export import tables
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store

lrscope_runs: Any = watch.runs


def test_runs_are_listed_newest_first(runs: Runs) -> None:
    def listed(**asked: Any) -> list[int]:
        return [record["run"] for record in lrscope_runs.list(home=runs.home, **asked)]

    assert listed() == [5, 4, 3, 2, 1]
    assert listed(limit=2) == [5, 4]
    assert listed(status="diverged") == [5]
    assert listed(schedule="CosineAnnealingLR") == [3, 2]
    assert listed(dataset="digits", status="finished") == [3, 2, 1]


def test_a_run_is_read_as_the_lines_that_it_printed(runs: Runs, store: Store) -> None:
    *epochs, _ = map(json.loads, tables.jsonl(store, [3]).splitlines())
    assert lrscope_runs.read(3, home=str(runs.home)) == epochs


def test_the_home_is_that_of_the_command_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRSCOPE_HOME", str(tmp_path))
    with pytest.raises(StoreError, match=r"^There is no LRScope home at "):
        lrscope_runs.list()
    assert list(tmp_path.iterdir()) == []
    with closing(Store(tmp_path)) as store:
        store.add(small(), claimed=True)
        assert [run["status"] for run in lrscope_runs.list()] == ["training"]
    with pytest.raises(CommandError, match=r"^There is no run 2\.$"):
        lrscope_runs.read(2)


def test_without_pandas_a_frame_is_refused_in_a_sentence(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^runs\.frame needs pandas: pip install pandas\.$"):
        lrscope_runs.frame(1, home=runs.home)


def test_a_frame_has_the_rows_and_columns_of_the_csv(runs: Runs, store: Store) -> None:
    pytest.importorskip("pandas")
    frame = lrscope_runs.frame(1, 3, 5, home=runs.home)
    head, *rows = csv.reader(io.StringIO(tables.csv(store, [1, 3, 5])))
    assert list(frame.columns) == head
    assert len(frame) == len(rows)
    for name, column in zip(head, zip(*rows, strict=True), strict=True):
        for value, cell in zip(frame[name], column, strict=True):
            missing = value is None or value != value
            assert missing == (cell == "")
            assert missing or cell == value or float(cell) == value


def test_a_frame_of_no_run_has_a_row_for_each(runs: Runs) -> None:
    pytest.importorskip("pandas")
    frame = lrscope_runs.frame(home=runs.home)
    assert list(frame["run"]) == [5, 4, 3, 2, 1]
    assert {"best", "lr", "parent"} <= set(frame.columns)
