"""A grid from the terminal and from a script."""

import itertools
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.cli import sweeping
from tests.cli.conftest import Here
from tests.small import NOWHERE, load
from tests.sweep.sweeps import assert_as_alone, least
from trainer import watch
from trainer.config.table import ConfigError
from trainer.engine import datasets
from trainer.store.store import Store
from trainer.sweep import batches
from trainer.sweep.places import PlaceError

QUICK = ("--model", "mlp", "--batch-size", "8", "--device", "cpu", "--epochs", "5")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(batches, "batches", lambda _: 3)
    monkeypatch.setenv("LRSCOPE_DATASETS", str(NOWHERE))


def test_several_values_make_a_grid_each_of_whose_runs_is_as_one_of_its_own(
    here: Here, tmp_path: Path
) -> None:
    grid = ("--lr", "0.001,0.01", "--patience", "0,2", "--seeds", "2")
    code, out, err = here("sweep", *QUICK, *grid, "--name", "first")
    assert (code, err) == (0, "")
    with closing(Store(tmp_path)) as store:
        (sweep,) = store.sweeps()
        assert (sweep.name, sweep.status) == ("first", "finished")
        assert len(store.cells(sweep.id)) == 8
        assert_as_alone(store, sweep.id)
        trained = store.epochs_of(sweep.id).trained
        assert trained == least(store, sweep.id)
    assert f"Sweep 1: 8 runs, 40 of 40 epochs done, {trained} trained" in out
    heading = next(line.split() for line in out.splitlines() if line.startswith("lr"))
    assert heading == ["lr", "patience", "val_loss", "seeds", "done", "runs"]


def test_a_sweep_whose_output_is_a_pipe_says_now_and_then_how_far_it_is(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "PIPED_SECONDS", 0.0)
    _, out, _ = here("sweep", *QUICK, "--lr", "0.001,0.01")
    done = [
        int(at) for at in re.findall(r"^Sweep 1: 2 runs, (\d+) of 10 epochs", out, re.MULTILINE)
    ]
    assert done[-1] == 10
    assert done == sorted(done)
    assert len({*done}) > 1


def test_json_has_a_line_for_each_epoch_that_is_trained_and_one_for_the_sweep(
    here: Here, tmp_path: Path
) -> None:
    code, out, _ = here("sweep", *QUICK, "--patience", "0,1,4", "--json")
    *rows, last = map(json.loads, out.splitlines())
    assert code == 0
    with closing(Store(tmp_path)) as store:
        recorded = [(c.id, e.epoch) for c in store.cells(1) for e in store.epochs(c.id)]
        best = store.best(1, "val_loss")
    assert sorted((row["run"], row["epoch"]) for row in rows) == recorded
    assert {key: last[key] for key in ("sweep", "status", "cells", "asked", "trained")} == {
        "sweep": 1, "status": "finished", "cells": 3, "asked": 15, "trained": len(rows),
    }  # fmt: skip
    assert best is not None
    least_loss = best.metrics["val_loss"]
    assert least_loss is not None
    assert last["best"]["val_loss"] <= least_loss
    assert last["best"].keys() == {"patience", "runs", "val_loss"}


def test_a_script_trains_a_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = watch.sweep(
        lr=[0.001, 0.01], milestones=[[1], [2, 4]], schedule="MultiStepLR", model="mlp",
        batch_size=8, device="cpu", epochs=5, home=tmp_path, datasets=NOWHERE,
    )  # fmt: skip
    assert (record["status"], record["cells"], record["asked"]) == ("finished", 4, 20)
    with closing(Store(tmp_path)) as store:
        assert record["trained"] == least(store, 1)
        assert_as_alone(store, 1)
        cells = store.cells(1)
    out = capsys.readouterr().out
    assert "finished: test accuracy" in out
    assert f"Sweep 1 finished: 4 runs, 20 of 20 epochs done, {record['trained']} trained." in out
    assert "had the lowest validation loss" in out
    for cell in cells:
        told = [
            line for line in out.splitlines() if re.match(rf"Runs? [0-9, ]*\b{cell.id}\b", line)
        ]
        assert len(told) == 1


@pytest.mark.parametrize(
    "lrs",
    [
        np.logspace(-3, -1, 3), np.logspace(-3, -1, 3, dtype=np.float32),
        torch.logspace(-3, -1, 3), [np.float64(0.001), torch.tensor(0.01), 0.1],
        (10.0**k for k in (-3, -2, -1)),
    ],
    ids=["array", "float32", "tensor", "numbers", "generator"],
)  # fmt: skip
def test_arrays_are_stored_as_plain_numbers(tmp_path: Path, lrs: Any) -> None:
    count: Any = np.int64(1)
    watch.sweep(
        lr=lrs, patience=range(1, 3), seed=np.arange(1), model="mlp", batch_size=np.int64(8),
        device="cpu", epochs=np.array(1), seeds=count, home=tmp_path, datasets=NOWHERE,
    )  # fmt: skip
    with closing(Store(tmp_path)) as store:
        (sweep,) = store.sweeps()
        values = {axis.key: list(axis.values) for axis in sweep.grid.axes}
        assert values == {"lr": [0.001, 0.01, 0.1], "patience": [1, 2], "seed": [0]}
        assert {cell.recipe.lr for cell in store.cells(1)} == {0.001, 0.01, 0.1}


def test_a_sweep_is_deleted_and_brought_back(here: Here, tmp_path: Path) -> None:
    here("sweep", *QUICK, "--patience", "0,1")
    code, out, err = here("rm", "--sweep", "1")
    assert (code, err) == (0, "")
    assert out == (
        "Deleted sweep 1 with its runs. For a minute, this brings it back: "
        "lrscope rm --undo --sweep 1\n"
    )
    with closing(Store(tmp_path)) as store:
        assert (store.sweeps(), store.runs(9)) == ([], [])
    assert here("rm", "--sweep", "1")[2] == "lrscope: There is no sweep 1.\n"
    assert here("rm", "--undo", "--sweep", "1")[1] == "Brought back sweep 1.\n"
    with closing(Store(tmp_path)) as store:
        assert len(store.cells(1)) == 2
    for wrong in ([], ["1", "--sweep", "1"]):
        assert "Name the runs to delete, or a sweep" in here("rm", *wrong)[2]


def test_a_sweep_that_was_stopped_goes_on(here: Here, tmp_path: Path) -> None:
    here("sweep", *QUICK, "--patience", "0,1")
    with closing(Store(tmp_path)) as store:
        store.resume_sweep(1)
        store.ask_sweep(1, "stop")
    code, out, _ = here("sweep", "--resume", "1")
    assert code == 0
    assert "Sweep 1 finished." in out
    assert here("sweep", "--resume", "9")[2] == "lrscope: There is no sweep 9.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lr", "0.1,,0.2"], "Learning rate '0.1,,0.2' has an empty value"),
        (["--lr", ""], "Learning rate has no values: name at least one."),
        (["--lr", "0.1,0.10"], "Learning rate has 0.1 twice: name each value once."),
        (["--factor", "0.1,1.5"], "Factor must be a number above 0 and below 1."),
        (["--schedule", "StepLR", "--patience", "1,2"], "patience does not belong to the schedule"),
        (["--seeds", "2", "--seed", "1,2"], "Name the seeds, or say how many there are"),
        (["--seeds", "0"], "lrscope: --seeds must be at least 1, not 0.\n"),
        (["--seeds", "500"], "lrscope: --seeds must be at most 100, not 500.\n"),
        (["--workers", "two"], "lrscope: --workers must be a whole number, not two.\n"),
        (["--gpus", "1"], "--gpus is for a Ray cluster"),
        (["--data", "x", "--dataset", "mnist"], "Give --data or --dataset, not both."),
        (["--resume", "x"], "'x' is not a sweep: give its number, such as 3."),
        (["--resume", "1", "--lr", "0.1"], "--resume goes on with a sweep as it is"),
        (["--seed", ",".join(map(str, range(3000)))], "The grid has 3,000 cells"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_sweep_is_refused_in_a_sentence(
    here: Here, arguments: list[str], says: str
) -> None:
    code, _, err = here("sweep", *arguments)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_a_setting_that_only_some_schedules_have_is_empty_for_the_others(here: Here) -> None:
    code, out, err = here("sweep", *QUICK, "--schedule", "StepLR,none", "--gamma", "0.1,0.5")
    assert (code, err) == (0, "")
    assert "Sweep 1: 3 runs" in out


def test_a_script_without_its_cluster_leaves_a_sweep_to_go_on_with(
    tmp_path: Path,
) -> None:
    given: dict[str, Any] = {"lr": [0.1, 0.01], "home": tmp_path}
    with pytest.raises(PlaceError, match="gpus is for a Ray cluster"):
        watch.sweep(**given, gpus=0.5)
    assert not (tmp_path / "lrscope.sqlite").exists()
    with pytest.raises(PlaceError, match="Ray") as raised:  # of which there may be none here
        watch.sweep(**given, ray="127.0.0.1:9")
    with closing(Store(tmp_path)) as store:
        (sweep,) = store.sweeps()
        assert (sweep.status, sweep.reason) == ("interrupted", str(raised.value))


def test_a_script_is_refused_in_a_sentence(tmp_path: Path) -> None:
    many = {"lr": range(3000), "patience": range(3000)}
    wrong: list[dict[str, Any]] = [{"workers": 0}, {"seeds": 1.5}, many]
    wrong += [{"lr": itertools.count(1)}, {"lr": np.array([0.1, np.nan])}, {"lr": [object()]}]
    wrong += [{"lr": np.array([0.1, 0.1])}, {"lr": np.eye(2)}, {"lr": {"a": 1}}]
    for given in wrong:
        with pytest.raises(ConfigError):
            watch.sweep(**{"lr": [0.1, 0.01], **given}, home=tmp_path)
    with closing(Store(tmp_path)) as store:
        assert store.sweeps() == []
