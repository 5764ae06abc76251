"""A curve from elsewhere becomes a run like any other, and nothing is made up about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import ids
from app.lab.readout import after_epoch, state
from trainer.config.recipe import Recipe
from trainer.config.schedules import ReduceLROnPlateau
from trainer.config.table import ConfigError
from trainer.curves.csv import Curve, read
from trainer.curves.importing import import_curve
from trainer.replay.replay import replay
from trainer.store.store import Store

LOSSES = (1.0, 0.8, None, 0.9, 0.85, 0.7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def curve(lr: tuple[float, ...] | None = None, **metrics: tuple[float | None, ...]) -> Curve:
    return Curve("mine.csv", tuple(range(10, 16)), metrics or {"val_loss": LOSSES}, lr)


def test_without_an_lr_the_run_is_what_its_schedule_makes_of_the_curve(store):
    number = import_curve(store, curve(), {"patience": 1, "lr": 0.5})
    run = store.run(number)
    assert (run.status, run.source, run.origin) == ("finished", "imported", "mine.csv")
    assert (run.epoch, run.batches) == (6, 1)
    assert run.recipe.schedule == ReduceLROnPlateau(patience=1)
    rows = store.epochs(number)
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5, 6]
    assert tuple(row.metrics["val_loss"] for row in rows) == LOSSES
    assert [row.decision for row in rows] == [s.decision for s in replay(LOSSES, run.recipe)]
    assert [row.lr for row in rows] == [0.5, 0.5, 0.5, 0.5, 0.05, 0.05]


def test_an_lr_of_the_file_is_what_happened(store):
    lrs = (0.1, 0.1, 0.1, 0.01, 0.009, 0.02)
    rows = store.epochs(import_curve(store, curve(lrs), {}))
    assert tuple(row.lr for row in rows) == lrs
    kinds = [row.decision.kind for row in rows]
    assert kinds == ["kept", "kept", "cut", "lowered", "raised", "kept"]
    assert rows[2].decision.sentence == "Recorded: LR cut from 0.1 to 0.01."


def test_what_the_file_has_is_watched(store):
    run = store.run(import_curve(store, curve(train_loss=LOSSES), {}))
    assert run.recipe.monitor == "train_loss"
    both = curve(val_loss=LOSSES, val_accuracy=(0.5,) * 6)
    assert store.run(import_curve(store, both, {})).recipe.monitor == "val_loss"
    assert store.run(import_curve(store, both, {"monitor": "val_accuracy"})).recipe.mode == "max"


def test_an_imported_run_claims_no_data_no_network_and_only_the_files_metrics(store):
    number = import_curve(store, curve(train_loss=LOSSES, val_f1=(0.5,) * 6), {})
    run = store.run(number)
    assert run.config is None
    assert type(run.recipe) is Recipe
    assert {name for row in store.epochs(number) for name in row.metrics} == {
        "train_loss",
        "val_f1",
    }


def test_a_metric_of_any_name_can_be_watched(store):
    run = store.run(
        import_curve(store, curve(val_f1=(0.1, 0.2, 0.2, 0.1, 0.3, 0.3)), {"patience": 0})
    )
    assert (run.recipe.monitor, run.recipe.mode) == ("val_f1", "max")
    kinds = [row.decision.kind for row in store.epochs(run.id)]
    assert kinds == ["improved", "improved", "cut", "cut", "improved", "cut"]
    assert store.best(run.id, "val_f1").epoch == 5


def test_a_monitor_that_the_file_does_not_have_is_refused(store):
    with pytest.raises(ConfigError, match=r"Monitor must be a metric of mine\.csv: val_loss"):
        import_curve(store, curve(), {"monitor": "val_los"})
    assert store.runs(9) == []


def test_a_value_out_of_its_bounds_is_refused_and_nothing_is_stored(store):
    with pytest.raises(ConfigError, match="Factor must be a number above 0 and below 1"):
        import_curve(store, curve(), {"factor": 2})
    assert store.runs(9) == []


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        ((1, 2, 3), None),
        ((0, 1, 2), "mine.csv counts its epochs from 0; here they count from 1."),
        (
            (1, 5, 6),
            "mine.csv numbers its 3 values 1 to 6, with gaps; here they are epochs 1 to 3, since a "
            "schedule takes one step for each value, whatever its number.",
        ),
    ],
)
def test_the_run_says_that_its_epochs_are_numbered_otherwise_than_in_the_file(store, epochs, said):
    run = import_curve(store, Curve("mine.csv", epochs, {"val_loss": (3, 2, 1)}), {})
    assert [row.epoch for row in store.epochs(run)] == [1, 2, 3]
    assert store.run(run).warning == said
    shown = after_epoch(store.run(run), store.epochs(run), None)
    assert shown[ids.schedule("sentence")].endswith(f"more bad epochs. {said}" if said else "s.")


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("epoch,val_loss,lr\n1,2,0.1\n2,1,0.01\n", "column val_loss"),
        ("epoch,mine - validation/loss,lr\n1,2,0.1\n2,1,0.01\n", "column mine - validation/loss"),
        ("1,2\n2,1\n", None),
    ],
)
def test_the_run_says_what_in_the_file_its_curve_is(store, tmp_path, text, chosen):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    run = store.run(import_curve(store, read(path), {}))
    assert run.warning == (chosen and f"Curve: val_loss, {chosen}.")
    shown = after_epoch(run, store.epochs(run.id), None)
    assert (chosen or "") in shown[ids.schedule("sentence")]


def test_a_recorded_lr_is_shown_as_recorded_and_as_no_rules_decision(store):
    run = store.run(import_curve(store, curve((0.1, 0.1, 0.1, 0.01, 0.009, 0.02)), {}))
    rows = store.epochs(run.id)
    assert [row.decision.plateau for row in rows] == [None] * 6
    assert state(run, rows)[ids.schedule("heading")] == "The learning rate as recorded"
    shown = after_epoch(run, rows, None)
    assert shown[ids.schedule("sentence")].startswith(
        "The learning rates are those of mine.csv; no rule is known."
    )
    assert (shown[ids.schedule("value")], shown["meter"]) == ("", [0, 0])
