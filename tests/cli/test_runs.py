"""`lrscope runs`, `show`, `compare`, `rename` and `rm`: what was recorded, on the terminal."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.charts.series import sentences
from app.cli.events import folded
from tests.charts.test_series import rows
from tests.cli.conftest import Here
from tests.exported import Runs
from tests.lab.test_events_on_page import CUT, FOLDED, LOSSES
from tests.small import small
from trainer.engine.events import Intervened
from trainer.export import configs
from trainer.store import deletion
from trainer.store.lineage import lineage
from trainer.store.store import Store


def listed(text: str) -> list[str]:
    """The numbers of the runs in a table."""
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_the_runs_are_listed_newest_first_a_row_each_in_a_pipe(here: Here, runs: Runs) -> None:
    code, said, error = here("runs", home=runs.home)
    assert (code, error) == (0, "")
    assert listed(said) == ["5", "4", "3", "2", "1"]
    assert "\x1b" not in said
    assert "…" not in said
    row = said.splitlines()[-1]
    for word in ("plateau ÷2, patience 0", "finished", "digits", "mlp", "Adam", "0.01"):
        assert word in row


def test_json_has_a_record_for_each_run(here: Here, runs: Runs, store: Store) -> None:
    records = [json.loads(line) for line in here("runs", "--json", home=runs.home)[1].splitlines()]
    assert [record["run"] for record in records] == [5, 4, 3, 2, 1]
    fork = records[2]
    losses = [row.metrics["val_loss"] for row in lineage(store, 3)]
    assert fork["best"] == min(loss for loss in losses if loss is not None)
    assert losses[fork["best_epoch"] - 1] == fork["best"]
    assert fork["last"] == losses[-1]
    assert fork["test_accuracy"] == store.run(3).test_accuracy
    assert (fork["parent"], fork["parent_epoch"]) == (2, 4)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--status", "diverged"], ["5"]),
        (["--schedule", "CosineAnnealingLR"], ["3", "2"]),
        (["--data", "digits", "--limit", "2"], ["5", "3"]),
        (["--limit", "0"], ["5", "4", "3", "2", "1"]),
        (["sgd"], ["5"]),
        (["FORK", "#3"], ["3"]),
        (["imported"], ["4"]),
        (["curve.csv"], ["4"]),
    ],
)
def test_runs_are_filtered(here: Here, runs: Runs, arguments: list[str], found: list[str]) -> None:
    assert listed(here("runs", *arguments, home=runs.home)[1]) == found


def test_archived_runs_are_listed_when_they_are_asked_for(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        for archived in (False, True, False):
            store.archive(store.add(small()), archived)
    assert listed(here("runs", home=tmp_path)[1]) == ["3", "1"]
    said = here("runs", "--archived", home=tmp_path)[1]
    assert listed(said) == ["3", "2", "1"]
    assert ["queued, archived" in line for line in said.splitlines()[1:]] == [False, True, False]
    assert listed(here("runs", "--archived", "archived", home=tmp_path)[1]) == ["2"]
    records = here("runs", "--archived", "--json", home=tmp_path)[1].splitlines()
    assert [json.loads(record)["archived"] for record in records] == [False, True, False]


def test_the_command_that_trains_a_run_again_is_one_line_on_a_narrow_terminal(
    here: Here, runs: Runs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = here("show", str(runs.parent), home=runs.home)[1]
    assert configs.command(store, runs.parent) in said.splitlines()
    assert max(map(len, said.splitlines()[:4])) <= 40


def test_no_run_that_is_asked_for_is_a_sentence(here: Here, runs: Runs) -> None:
    assert here("runs", "no", "such", home=runs.home) == (0, "No run is like that.\n", "")
    assert here("runs", "no", "--json", home=runs.home) == (0, "", "")


def test_tags_are_found_and_what_was_put_away_is_not_listed(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        tagged, archived, deleted = (store.add(small(), claimed=n < 2) for n in range(3))
        store.tag(tagged, ["for the article"])
        store.star(tagged, True)
        store.archive(archived, True)
        store.stop(deleted)
        store.delete([deleted])
    (record,) = map(json.loads, here("runs", "article", "--json")[1].splitlines())
    assert (record["run"], record["tags"], record["starred"]) == (1, ["for the article"], True)
    assert listed(here("runs")[1]) == ["1"]
    assert here("show", "2")[0] == 0
    assert here("show", "3")[2] == "lrscope: There is no run 3. The nearest is run 2.\n"


def test_a_run_that_cannot_be_read_is_listed_with_its_reason(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.add(small())
        store.add(small())
        store.connection.execute("UPDATE runs SET config = '{' WHERE id = 2")
    table, reason = here("runs")[1].rsplit("\n", 2)[0:2]
    assert listed(table) == ["1"]
    assert reason == "Run 2 cannot be read: there is no valid JSON in its config."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "--status", "finishd"], "There is no status 'finishd': the nearest is finished."),
        (["runs", "--schedule", "StepLr"], "the nearest is StepLR."),
        (["runs", "--data", "x"], "take one of digits, mnist, "),
        (["runs", "--schedule", "plateau"], "the nearest is ReduceLROnPlateau."),
        (["train", "--schedule", "steplr"], "PolynomialLR, ConstantLR. The nearest is StepLR."),
        (["train", "--model", "resnet"], "The nearest is resnet18."),
        (["export", "1", "--format", "cvs"], "There is no format 'cvs': the nearest is csv."),
        (["runs", "--limit", "x"], "'x' is not a number of runs"),
        (["runs", "--statu", "x"], "There is no option --statu. The nearest is --status."),
        (["train", "--pacience", "3"], "There is no option --pacience. The nearest is --patience."),
        (["runns"], "No such command 'runns'. Did you mean 'runs'?"),
        (["show", "17"], "There is no run 17. The nearest is run 5."),
        (["fork", "17", "1"], "There is no run 17. The nearest is run 5."),
        (["resume", "17"], "There is no run 17. The nearest is run 5."),
        (["control", "17", "pause"], "There is no run 17. The nearest is run 5."),
        (["replay", "17"], "There is no run 17. The nearest is run 5."),
        (["rename", "0", "x"], "There is no run 0. The nearest is run 1."),
        (["show", "best"], "'best' is not a run: give its number"),
        (["compare", "3"], "Name at least two runs"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_nearest(
    here: Here, runs: Runs, arguments: list[str], said: str
) -> None:
    code, printed, error = here(*arguments, home=runs.home)
    assert (code, printed, len(error.splitlines())) == (2, "", 1)
    assert said in error


def test_a_run_is_shown_with_what_came_of_it(here: Here, runs: Runs, store: Store) -> None:
    code, said, error = here("show", "2", home=runs.home)
    assert (code, error) == (0, "")
    lines = said.splitlines()
    assert lines[0] == "Run 2: fork of #1 after 3"
    assert "It continues from epoch 3 of run 1." in lines
    assert f"test accuracy: {store.run(2).test_accuracy:.2%}" in lines
    assert any(line.startswith("lrscope fork 1 3 --schedule CosineAnn") for line in lines)
    assert "settings that are not the default: schedule CosineAnnealingLR, " in said
    assert "\nLR, epochs 1 to 5\n" in said
    assert "█" in said
    (summary,) = here("show", "2", "--json", home=runs.home)[1].splitlines()
    record = json.loads(summary)
    assert (record["run"], record["settings"]["t-max"], record["reason"]) == (2, 5, None)


def test_the_reason_for_which_a_run_ended_is_shown(here: Here, runs: Runs, store: Store) -> None:
    assert str(store.run(5).reason) in here("show", "5", home=runs.home)[1]


def test_an_imported_run_is_shown(here: Here, runs: Runs) -> None:
    code, said, _ = here("show", "4", home=runs.home)
    assert (code, said.splitlines()[0]) == (0, "Run 4: curve.csv")
    assert "lrscope train" not in said


def test_the_events_share_lines_as_in_the_page() -> None:
    said = folded(sentences(rows(LOSSES, CUT)), best=26)
    assert [(event.epochs, event.words) for event in reversed(said)] == FOLDED


def test_a_comparison_has_only_what_differs(here: Here, runs: Runs) -> None:
    code, said, error = here("compare", "1", "3", home=runs.home)
    assert (code, error) == (0, "")
    named = {line[:14].strip(): line[14:].split() for line in said.splitlines()}
    assert named["schedule"] == ["ReduceLROnPlateau", "CosineAnnealingLR"]
    assert named["patience"] == ["0", "-"]
    assert named["t-max"] == ["-", "5"]
    assert named["epoch"] == ["6", "6"]
    assert not {"model", "lr", "seed", "epochs"} & named.keys()
    told = json.loads(here("compare", "1", "3", "--json", home=runs.home)[1])
    assert [run["run"] for run in told["runs"]] == [1, 3]
    assert told["settings"]["patience"] == [0, None]
    assert "lr" not in told["settings"]


def test_numbers_have_as_many_digits_as_a_person_reads_or_as_it_takes_to_tell_them_apart(
    here: Here, tmp_path: Path
) -> None:
    single = 0.019999999552965164  # 0.02 in single precision, as Keras has it
    with closing(Store(tmp_path)) as store:
        for lr in (single, 0.02, 0.03):
            store.add(small(lr=lr))
    assert "lr 0.02, " in here("show", "1")[1]
    assert json.loads(here("show", "1", "--json")[1])["settings"]["lr"] == single

    def compared(*runs: str) -> list[str]:
        lines = here("compare", *runs)[1].splitlines()
        return next(line.split()[1:] for line in lines if line.startswith("lr "))

    assert compared("1", "3") == ["0.02", "0.03"]
    assert compared("1", "2") == ["0.0199999996", "0.02"]


def test_a_comparison_counts_epochs_that_were_added_by_hand(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        for _ in range(2):
            store.add(small(epochs=30))
        store.record(2, Intervened(1, 0, "epochs", 10, 0.1, 0.1, ""))
    told = json.loads(here("compare", "1", "2", "--json")[1])
    assert told["settings"] == {"epochs": [30, 40]}
    assert [run["epochs"] for run in told["runs"]] == [30, 40]


def test_a_run_is_renamed_and_gets_its_first_name_back(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.add(small())
    assert here("rename", "1", "the  best\none")[1] == "Run 1 is called the best one.\n"
    assert "the best one" in here("runs")[1]
    assert here("rename", "1", "")[1] == "Run 1 is called plateau ÷10, patience 5.\n"


def test_a_name_cannot_act_on_the_terminal(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.add(small())
    here("rename", "1", "[bold]a\x1b[31m[/]")
    for command in (["runs"], ["show", "1"], ["runs", "--json"]):
        said: Any = here(*command)[1]
        assert "\x1b" not in said
        assert "[bold]a" in said


def test_a_run_is_deleted_and_brought_back(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(tmp_path)) as store:
        first, second = store.add(small()), store.add(small())
        for run in (first, second):
            store.stop(run)
    code, said, _ = here("rm", "1", "2", "1")
    assert (code, said) == (
        0, "Deleted 1 2. For a minute, this brings back: lrscope rm --undo 1 2\n"
    )  # fmt: skip
    assert here("runs", "--json")[1] == ""
    assert here("rm", "--undo", "1")[1] == "Brought back 1.\n"
    code, _, error = here("rm", "--undo", "1")
    assert (code, "Run 1 was not deleted." in error) == (2, True)
    assert [json.loads(line)["run"] for line in here("runs", "--json")[1].splitlines()] == [1]
    monkeypatch.setattr(deletion, "UNDO_SECONDS", -1)
    with closing(Store(tmp_path)) as store:
        assert store.purge() == [2]
    code, _, error = here("rm", "--undo", "2")
    assert (code, "Run 2 was deleted more than a minute ago and is gone." in error) == (2, True)


def test_a_run_that_waits_is_not_deleted(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.add(small())
    code, _, error = here("rm", "1")
    assert (code, "Run 1 is queued: stop it before you delete it." in error) == (2, True)
