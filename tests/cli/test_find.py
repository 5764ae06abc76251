"""A learning rate is looked for in the terminal."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.small import NOWHERE, load
from trainer.engine import datasets
from trainer.store.store import Store
from trainer.sweep import batches
from trainer.sweep.find.finding import answer
from trainer.sweep.find.sentences import sentences

QUICK = ("--model", "mlp", "--batch-size", "8", "--device", "cpu", "--epochs", "5", "--probe", "2")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(batches, "batches", lambda _: 3)
    monkeypatch.setenv("LRSCOPE_DATASETS", str(NOWHERE))


@pytest.mark.parametrize(
    ("way", "cells", "trained"),
    [("lr", 4 * 2, 4 * 2 * 3), ("run", 4 + 3, 4 * 2 + 3 * 3)],
)
def test_what_was_found_is_told_in_the_words_of_its_record(
    here: Here, tmp_path: Path, way: str, cells: int, trained: int
) -> None:
    code, out, err = here("find", way, *QUICK, "--lowest", "0.001", "--highest", "0.03")
    assert (code, err) == (0, "")
    with closing(Store(tmp_path)) as store:
        (sweep,) = store.sweeps()
        assert sweep.status == "finished"
        assert len(store.cells(sweep.id)) == cells
        assert store.epochs_of(sweep.id).trained == trained
        told = sentences(sweep.kind, answer(store, sweep))
    assert told
    for sentence in told:
        assert sentence in " ".join(out.split())


def test_a_check_is_a_grid_of_two_lrs_on_other_seeds(here: Here, tmp_path: Path) -> None:
    code, out, _ = here("find", "run", *QUICK, "--check", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    found, check = [line for line in lines if "sweep" in line]
    assert code == 0
    assert found["kind"] == "find"
    assert found["sentences"][0].startswith("Of 7 runs on this seed and split")
    with closing(Store(tmp_path)) as store:
        cells = store.cells(check["sweep"])
        lrs = {run.recipe.lr for run in cells}
        assert found["answer"]["best"]["lr"] in lrs
        assert len(lrs) == 2
        assert len(cells) == 6
        assert {run.config.seed for run in cells if run.config} == {1, 2, 3}


def test_a_range_test_trains_no_run(here: Here, tmp_path: Path) -> None:
    code, out, _ = here("find", "range", "--model", "mlp", "--batch-size", "8", "--batches", "20")
    assert code == 0
    assert "it trains no run" in out
    with closing(Store(tmp_path)) as store:
        assert store.cells(1) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lr", "--keep", "2"], "--keep is not for lrscope find lr: leave it out."),
        (["--probe", "many"], "Epochs each must be a whole number from 1 to 1,000."),
        (["--within", "5"], "As good is a part, not a percentage: for 5 % give 0.05."),
        (["--lr", "0.1"], "--lr is not for lrscope find, since it tries those from --lowest"),
        (["run", "--patience=3"], "--patience is not for lrscope find, since it trains with rules"),
        (["--lowest", "1"], "Highest LR must be above the lowest."),
        (["run", "--epochs", "2"], "Epochs must be more than the 2 of each probe."),
        (["range", "--workers", "2"], "A range test trains in one process"),
        (["range", "--check"], "A range test has no answer to check"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_a_sentence(
    here: Here, arguments: list[str], says: str
) -> None:
    code, _, err = here("find", *arguments)
    assert code == 2
    assert says in err
