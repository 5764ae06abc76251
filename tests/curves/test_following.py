"""A curve that another program is writing is a live run; at its end it is what an import of the
whole file is, however its lines came.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.tensorboard import SummaryWriter

from tests.curves.test_exports import LIGHTNING
from trainer.config.table import ConfigError
from trainer.curves import following
from trainer.curves.csv import CurveError, read
from trainer.curves.following import Following
from trainer.curves.importing import import_curve
from trainer.engine.events import Ended, EpochEnded, Failed, Warned
from trainer.schedule.epoch import Epoch
from trainer.store.store import Store

HEAD = "epoch,train_loss,val_loss\n"
LOSSES = [0.9, 0.7, 0.75, 0.72, 0.71, 0.73, 0.74, 0.75, 0.6, 0.61, 0.62]
LINES = [f"{epoch},{1 / epoch},{loss}\n" for epoch, loss in enumerate(LOSSES, 1)]
PATIENCE = {"patience": 1}
Follow = Callable[..., Following]


@pytest.fixture(autouse=True)
def never_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "QUIET_SECONDS", 1e9)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "home")) as store:
        yield store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "losses.csv"
    path.write_text(HEAD)
    return path


@pytest.fixture
def follow(store: Store, file: Path) -> Follow:
    def begin(path: Path = file, values: dict[str, Any] = PATIENCE, **more: Any) -> Following:
        return Following(store, path, values, **more)

    return begin


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def epochs(found: Following) -> list[int]:
    """The epochs that a look finds, by number."""
    return [event.epoch for event in found.look() if isinstance(event, EpochEnded)]


def imported(path: Path, values: dict[str, Any] = PATIENCE) -> list[Epoch]:
    """The epochs of the same file, once it is imported as a whole."""
    with closing(Store(path.parent / "imported")) as store:
        return store.epochs(import_curve(store, read(path), values))


def test_each_line_is_an_epoch_of_a_live_run_as_soon_as_it_is_there(store, file, follow):
    found = follow()
    assert epochs(found) == []
    for number, line in enumerate(LINES, 1):
        add(file, line)
        assert epochs(found) == [number]
        run = store.run(found.run)
        assert (run.status, run.source, run.epoch) == ("training", "imported", number)
        assert run.epochs > number
    assert list(found.look("finished"))[-1] == Ended("finished")
    run = store.run(found.run)
    assert (run.status, run.epochs, run.warning) == (
        "finished",
        11,
        "Curve: val_loss, column val_loss.",
    )
    assert store.epochs(run.id) == imported(file)


def test_half_a_line_is_no_number(file, follow):
    found = follow()
    add(file, "1,0.5,0.1")
    assert epochs(found) == []
    add(file, "25\n")
    (event,) = [event for event in found.look() if isinstance(event, EpochEnded)]
    assert event.metrics["val_loss"] == 0.125


@settings(max_examples=settings.default.max_examples // 10)  # an example makes two stores
@given(
    text=st.sampled_from([HEAD + "".join(LINES), LIGHTNING]),
    data=st.data(),
)
def test_however_the_lines_come_the_run_is_that_of_the_whole_file(tmp_path_factory, text, data):
    folder = tmp_path_factory.mktemp("home")
    path = folder / "losses.csv"
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    path.touch()
    with closing(Store(folder)) as store:
        found = Following(store, path, PATIENCE)
        for part in parts:
            add(path, part)
            list(found.look())
        list(found.look("finished"))
        assert store.epochs(found.run) == imported(path)


def test_lightning_lines_are_an_epoch_once_they_have_what_the_one_before_had(file, follow):
    file.unlink()
    file.touch()
    found = follow(values={})
    seen = []
    for line in LIGHTNING.splitlines(keepends=True):
        add(file, line)
        seen.append(epochs(found))
    # Where the next LR is another, the epoch before it is told again, with its cut.
    assert [numbers for numbers in seen if numbers] == [[1], [2], [2, 3]]


def test_a_file_that_is_written_anew_with_another_column_adds_only_what_is_new(file, follow):
    add(file, LINES[0] + LINES[1])
    found = follow()
    assert epochs(found) == [1, 2]
    text = file.read_text().splitlines()
    file.write_text(
        "".join(f"{line},{more}\n" for line, more in zip(text, ["val_f1", "", ""], strict=True))
    )
    assert epochs(found) == []
    add(file, "3,0.3,0.75,0.5\n")
    (event,) = [event for event in found.look() if isinstance(event, EpochEnded)]
    assert (event.epoch, event.metrics["val_f1"]) == (3, 0.5)


@pytest.mark.parametrize("replaces", [False, True])
def test_another_training_in_the_same_file_is_another_run(store, file, follow, replaces):
    add(file, "".join(LINES[:3]))
    found = follow()
    assert epochs(found) == [1, 2, 3]
    first = found.run
    if replaces:
        other = file.with_name("other")
        other.write_text(HEAD + "1,1,0.5\n2,1,0.4\n")
        other.replace(file)
    else:
        file.write_text(HEAD)
        assert epochs(found) == []
        add(file, "1,1,0.5\n2,1,0.4\n")
    assert Ended("finished") in list(found.look())
    assert found.run != first
    assert epochs(found) == [1, 2]
    assert [store.run(n).status for n in (first, found.run)] == ["finished", "training"]
    assert [len(store.epochs(n)) for n in (first, found.run)] == [3, 2]


def test_a_run_that_was_interrupted_goes_on_with_the_same_file(store, file, follow):
    add(file, "".join(LINES[:5]))
    found = follow()
    list(found.look())
    assert list(found.look("interrupted")) == [Ended("interrupted")]
    add(file, "".join(LINES[5:]))
    again = follow()
    assert (again.run, again.goes_on) == (found.run, True)
    list(again.look())
    list(again.look("finished"))
    assert store.epochs(found.run) == imported(file)
    assert follow().run != found.run  # it has finished


def test_a_run_does_not_go_on_with_another_rule_or_another_curve(file, follow):
    add(file, "".join(LINES[:5]))
    found = follow()
    list(found.look())
    list(found.look("stopped"))
    other = follow(values={"patience": 2})
    assert other.run != found.run
    file.write_text(HEAD + LINES[1])
    assert follow().run not in (found.run, other.run)


def test_a_recorded_lr_is_kept_and_its_cut_is_told_once_it_shows(store, tmp_path, follow):
    path = tmp_path / "lr.csv"
    path.write_text("epoch,val_loss,lr\n1,3,0.1\n")
    found = follow(path)
    for line in ("2,2,0.1\n", "3,2,0.1\n", "4,1,0.01\n"):
        list(found.look())
        add(path, line)
    list(found.look())
    assert [row.decision.kind for row in store.epochs(found.run)] == ["kept", "kept", "cut", "kept"]
    assert store.run(found.run).recipe.lr == 0.1
    assert store.epochs(found.run) == imported(path)


def test_percent_that_show_late_are_percent_from_the_start(store, tmp_path, follow):
    path = tmp_path / "accuracy.csv"
    path.write_text("epoch,val_accuracy\n1,0.5\n")
    found = follow(path)
    assert epochs(found) == [1]
    add(path, "2,60\n")
    list(found.look())
    assert epochs(found) == [1, 2]
    assert store.epochs(found.run) == imported(path)


def test_a_file_without_a_curve_yet_is_waited_for_in_words(store, tmp_path, follow):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,lr-Adam,step,train_loss_step\n,0.05,0,\n0,,3,5.8\n")
    found = follow(path)
    (warned,) = found.look()
    assert isinstance(warned, Warned)
    assert "metrics.csv has no single column" in (warned.sentence or "")
    assert list(found.look()) == []
    path.write_text(LIGHTNING)
    assert epochs(found) == [1, 2, 2, 3]
    assert store.run(found.run).warning.startswith("Curve: val_loss, column val_loss.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,0.1,many\n", "line 3: val_loss is 'many', not a number"),
        ("1,0.1,0.2\n", "line 3: 1 comes after 1"),
        ("2,0.1\n", "line 3 has 2 fields where the first line has 3"),
    ],
)
def test_what_is_wrong_ends_the_run_with_one_sentence(store, file, follow, line, said):
    add(file, LINES[0])
    found = follow()
    list(found.look())
    add(file, line)
    *_, last = found.look()
    assert isinstance(last, Failed)
    assert said in last.reason
    run = store.run(found.run)
    assert (run.status, run.reason, run.epochs) == ("failed", last.reason, 1)


def test_a_file_that_vanishes_ends_the_run_once_it_stays_away(file, follow, monkeypatch):
    add(file, LINES[0])
    found = follow()
    list(found.look())
    text = file.read_text()
    file.unlink()
    assert list(found.look()) == []
    file.write_text(text + LINES[1])
    assert epochs(found) == [2]
    file.unlink()
    monkeypatch.setattr(following, "GONE_SECONDS", 0.0)
    (last,) = found.look()
    assert last == Failed("losses.csv is no longer there: follow it again once it is.")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "cannot be read"),  # noqa: ARG005
        (lambda path: path.write_bytes(b"epoch,loss\n1,\0\n"), "is not a text file"),
        (lambda path: path.write_text("epoch,loss\n1,x\n"), "not a number"),
    ],
)
def test_what_cannot_be_followed_makes_no_run(store, tmp_path, follow, make, said):
    make(tmp_path / "new.csv")
    with pytest.raises(CurveError, match=said):
        follow(tmp_path / "new.csv")
    assert store.runs(9) == []


def test_a_schedule_that_needs_the_number_of_epochs_is_refused(store, file, follow):
    add(file, LINES[0])
    with pytest.raises(ConfigError, match="OneCycleLR needs the number of epochs"):
        follow(values={"schedule": "OneCycleLR"})
    with pytest.raises(ConfigError, match="Monitor must be a metric of losses"):
        follow(values={"monitor": "val_f1"})
    assert store.runs(9) == []


def test_the_steps_of_an_event_folder_are_epochs_and_new_files_are_read_on(store, tmp_path, follow):
    folder = tmp_path / "events"
    folder.mkdir()
    found = follow(folder)
    (warned,) = found.look()
    assert warned == Warned("events has no scalars yet.")
    for first in (0, 3):  # a training that is resumed writes another file, and some steps again
        with SummaryWriter(str(folder), filename_suffix=f".{first}") as writer:
            for step in range(max(first - 1, 0), first + 3):
                writer.add_scalar("Loss/train", 1 / (step + 1), step)
                writer.add_scalar("Loss/val", LOSSES[step], step)
                writer.add_scalar("lr", 0.1, step)
                writer.flush()
                list(found.look())
    list(found.look("finished"))
    rows = store.epochs(found.run)
    assert [row.metrics["val_loss"] for row in rows] == pytest.approx(LOSSES[:6])
    assert [row.metrics["train_loss"] for row in rows] == pytest.approx(
        [1 / n for n in range(1, 7)]
    )
    assert [row.lr for row in rows] == pytest.approx([0.1] * 6)
    warning = store.run(found.run).warning
    assert warning == (
        "Curve: val_loss, tag Loss/val. events counts its epochs from 0; here they count from 1."
    )


def test_a_record_that_is_still_being_written_is_waited_for(store, tmp_path, follow):
    with SummaryWriter(str(tmp_path / "whole")) as writer:
        for step in range(3):
            writer.add_scalar("val_loss", LOSSES[step], step)
    (whole,) = (tmp_path / "whole").iterdir()
    data = whole.read_bytes()
    path = tmp_path / whole.name
    path.touch()
    found = follow(path)
    for end in range(0, len(data) + 1, 7):
        path.write_bytes(data[:end])
        list(found.look())
    path.write_bytes(data)
    list(found.look("finished"))
    assert len(store.epochs(found.run)) == 3


def test_a_command_to_stop_is_obeyed_and_others_are_refused(store, file, follow):
    add(file, LINES[0])
    found = follow()
    list(found.look())
    assert "cannot be changed from here" in store.run(found.run).disobeys("pause")
    store.ask(found.run, "stop")
    events = list(found.events(threading.Event(), threading.Event()))
    assert events[-1] == Ended("stopped")
    assert store.run(found.run).status == "stopped"
