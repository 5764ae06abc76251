"""A schedule that torch's class cannot run is refused at every door, before anything starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import form, ids
from app.lab import preview as preview_panel
from tests.faults.terminal import lrscope
from tests.replay.test_difference import config
from trainer.config import forks, schedules
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, changed, to_config
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.engine.loop import train
from trainer.replay.comparison import compare
from trainer.replay.difference import Past
from trainer.replay.replay import cut_map, preview, replay
from trainer.schedule import interventions
from trainer.schedule.epoch import Epoch
from trainer.schedule.past import Stretch
from trainer.store import lineage
from trainer.store.store import Store

# 1077 images of digits in one batch: ten epochs have ten steps.
ONE_STEP = {"schedule": "OneCycleLR", "epochs": 10, "batch-size": 1077, "pct-start": 0.1}
REASON = (
    "Rising share 0.1 of 10 steps is a rise of one step, where torch's OneCycleLR divides by zero: "
    "choose another share, or other epochs."
)
AT: dict[tuple[str, str | None], str] = {("schedule.pct_start", "OneCycleLR"): REASON}
SPEC = schedules.OneCycleLR(pct_start=0.1)


def refused(door: Any) -> Mapping[tuple[str, str | None], str]:
    with pytest.raises(ConfigError) as refusal:
        door()
    return refusal.value.problems


def test_it_is_refused_in_the_form_beside_its_setting():
    assert refused(lambda: to_config(ONE_STEP)) == AT
    assert refused(lambda: to_config({**ONE_STEP, "epochs": 12, "warmup": 2})) == AT
    (shown,) = form.problems(ConfigError(AT))
    assert shown == {"id": ids.field("pct-start", "OneCycleLR", "run"), "sentence": REASON}
    assert to_config({**ONE_STEP, "epochs": 11}).batches == 1


def test_a_script_is_refused_at_the_call():
    run = RunConfig(schedule=SPEC, epochs=10, batch_size=1077)
    assert refused(lambda: train(run)) == AT
    assert refused(lambda: train(lr=-1)) == {
        ("lr", None): "Learning rate must be a number above 0 and at most 100."
    }
    losses, imported = [1.0] * 10, Recipe(schedule=SPEC, epochs=10)
    assert refused(lambda: replay(losses, imported)) == AT
    assert refused(lambda: replay(losses, schedule="OneCycleLR", pct_start=0.1)) == AT
    assert refused(lambda: preview(imported)) == AT
    assert refused(lambda: preview_panel.view_of(run)) == AT


def test_in_a_what_if_it_is_refused_and_in_a_cut_map_it_is_a_gap():
    run = Recipe(schedule=schedules.StepLR(), epochs=10)
    rows = [Epoch(s.epoch, s.lr, s.lr_last, {"val_loss": 1.0}, 0.0, s.decision)
            for s in replay([1.0] * 10, run)]  # fmt: skip
    other = changed(run, {"schedule": "OneCycleLR"})
    assert refused(lambda: compare(run, rows, changed(other, {"pct-start": 0.1}), 1)) == AT
    past = Past([Stretch(run)], rows, 1)
    cells = cut_map(past, [1.0] * 10, other, ("pct-start", [0.1, 0.2]), ("div-factor", [25.0]))
    assert [first is None for first in cells.first[0]] == [True, False]
    assert [cuts is None for cuts in cells.cuts[0]] == [True, False]


def test_a_curve_is_not_imported_with_it(tmp_path: Path):
    file = tmp_path / "ten.csv"
    file.write_text("loss\n" + "1.0\n" * 10)
    store = Store(tmp_path / "home")
    values = {"schedule": "OneCycleLR", "pct-start": "0.1"}
    assert refused(lambda: import_curve(store, read(file), values)) == AT
    assert store.newest() is None
    import_curve(store, read(file), {})
    store.close()
    for arguments in (
        ("import", str(file), "--schedule", "OneCycleLR", "--pct-start", "0.1"),
        ("replay", "1", "--schedule", "OneCycleLR", "--pct-start", "0.1"),
        ("train", "--schedule", "OneCycleLR", "--epochs", "10", "--batch-size", "1077",
         "--pct-start", "0.1"),
    ):  # fmt: skip
        done = lrscope(*arguments, home=tmp_path / "home")
        assert (done.returncode, done.stderr.strip()) == (2, f"lrscope: {REASON}")


@pytest.mark.parametrize(
    ("own", "parent", "epoch", "length"),
    [
        (SPEC, schedules.StepLR(), 5, 7),  # it starts fresh
        (SPEC, schedules.OneCycleLR(), 5, 8),  # its parent's goes on
        (SPEC, schedules.StepLR(), 0, 12),
    ],
)
def test_the_length_of_a_forks_schedule_is_known_before_it_starts(
    tmp_path, own, parent, epoch, length
):
    store = Store(tmp_path)
    first = store.add(config(parent, epochs=8))
    child = config(own, epochs=12)
    assert lineage.length(store, child, first, epoch) == length
    store.close()


def test_a_fork_is_refused_whose_schedule_would_have_it():
    parent = config(schedules.StepLR(), epochs=12, batch_size=1077)
    child = config(SPEC, epochs=12, batch_size=1077)
    forks.check(parent, child, 3, length=9)
    assert refused(lambda: forks.check(parent, child, 2, length=10)) == AT


def test_epochs_that_a_cycle_cannot_take_are_not_added_by_hand():
    halved = schedules.CyclicLR(step_size_up=1, mode="triangular2")
    run = Recipe(schedule=halved, epochs=2000, warmup=10)
    assert interventions.refusal("epochs", 57, 2000, run) is None
    sentence = interventions.refusal("epochs", 58, 2000, run)
    assert sentence is not None
    assert sentence.startswith("Way up must be at least 2 for 2,048 epochs")
    assert interventions.refusal("epochs", 1, 9, Recipe(schedule=SPEC, epochs=9)) is None


def test_a_stored_run_with_it_can_still_be_read(tmp_path):
    store = Store(tmp_path)
    run = store.add(RunConfig(schedule=SPEC, epochs=10, batch_size=1077))
    row = store.run(run)
    assert row is not None
    assert row.recipe.schedule == SPEC
    store.close()
