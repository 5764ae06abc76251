"""`lrscope export`: every form, to the terminal and to files, never over others."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.charts.theme import COLOURS
from app.formats import FORMATS
from tests.cli.conftest import Here
from tests.exported import Runs
from tests.small import small
from trainer.export import configs, tables, tensorboard
from trainer.store.store import Store


def files(folder: Path) -> set[str]:
    """Every file below a folder, hidden ones too."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_one_run_as_text_goes_to_the_terminal(here: Here, runs: Runs, store: Store) -> None:
    for form, wanted in (
        ("csv", tables.csv(store, [3])),
        ("jsonl", tables.jsonl(store, [3])),
        ("config", configs.config(store, 3)),
    ):
        assert here("export", "3", "--format", form, home=runs.home) == (0, wanted, "")


def test_a_table_has_several_runs_each_once_in_their_order(
    here: Here, runs: Runs, tmp_path: Path
) -> None:
    out = tmp_path / "runs.jsonl"
    code, said, _ = here(
        "export", "3", "1", "3", "--format", "jsonl", "--out", str(out), home=runs.home
    )
    assert (code, said) == (0, f"Wrote {out}.\n")
    numbers = [json.loads(line)["run"] for line in out.read_text().splitlines()]
    assert list(dict.fromkeys(numbers)) == [3, 1]
    assert len(numbers) == 2 * (6 + 1)


def test_runs_that_need_a_file_each_are_a_folder(
    here: Here, runs: Runs, store: Store, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"
    arguments = ["export", "1", "2", "--out", str(out), "--format"]
    assert here(*arguments, "config", home=runs.home)[0] == 0
    assert here(*arguments, "tensorboard", home=runs.home)[0] == 0
    assert files(out) == {
        "run-1.toml", "run-2.toml",
        "run-1/events.out.tfevents.lrscope", "run-2/events.out.tfevents.lrscope",
    }  # fmt: skip
    assert (out / "run-2.toml").read_text() == configs.config(store, 2)
    found = (out / "run-1/events.out.tfevents.lrscope").read_bytes()
    assert found == tensorboard.events(store, 1)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_written_and_overwrites_only_when_told_to(
    here: Here, runs: Runs, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out"
    arguments = ["export", "1", "--format", form, "--out", str(out)]
    assert here(*arguments, home=runs.home)[0] == 0
    (name,) = files(tmp_path)
    written = (tmp_path / name).read_bytes()
    (tmp_path / name).write_text("mine")
    code, said, error = here(*arguments, home=runs.home)
    assert (code, said) == (2, "")
    assert error == (
        f"lrscope: {tmp_path / name} is there already: name another, or overwrite it (--force).\n"
    )
    assert (tmp_path / name).read_text() == "mine"
    assert here(*arguments, "--force", home=runs.home)[0] == 0
    assert (tmp_path / name).read_bytes() == written
    assert files(tmp_path) == {name}


def test_one_file_that_is_there_keeps_all_from_being_written(
    here: Here, runs: Runs, tmp_path: Path
) -> None:
    (tmp_path / "run-2.toml").write_text("mine")
    arguments = ["export", "1", "2", "--format", "config", "--out", str(tmp_path)]
    assert here(*arguments, home=runs.home)[0] == 2
    assert files(tmp_path) == {"run-2.toml"}


def test_a_run_that_cannot_have_the_form_keeps_all_from_being_written(
    here: Here, runs: Runs, tmp_path: Path
) -> None:
    arguments = ["export", "1", "4", "--format", "config", "--out", str(tmp_path)]
    code, _, error = here(*arguments, home=runs.home)
    assert (code, error) == (
        2,
        "lrscope: Run 4 was imported: it has no config to train with.\n",
    )
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1", "--format", "tensorboard"], "Name the folder to write to: --out PATH."),
        (["1", "2", "--format", "config"], "Name the folder to write to: --out PATH."),
        (["1", "--format", "xml"], "There is no format 'xml': take one of script, notebook, "),
        (["1"], "Missing option '--format': take one of script, notebook, config, csv, "),
        (["--format", "csv"], "Missing argument 'RUN...'"),
        (["1", "77", "--format", "csv"], "There is no run 77. The nearest is run 5."),
        (["1", "--format", "csv", "--out", "."], " is a folder: name a file in it."),
        (["1", "2", "--format", "config", "--out", "curve.csv"], "curve.csv is a file: "),
    ],
)
def test_what_cannot_be_is_one_sentence(
    here: Here, runs: Runs, monkeypatch: Any, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(runs.home)
    before = files(runs.home)
    code, _, error = here("export", *arguments, home=runs.home)
    assert (code, len(error.splitlines())) == (2, 1)
    assert said in error
    assert files(runs.home) == before


def test_a_run_without_epochs_is_an_empty_table(here: Here, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.add(small())
    code, said, _ = here("export", "1", "--format", "csv")
    assert (code, said.splitlines()[1:]) == (0, [])
    assert said.startswith("run,epoch,lr,")


def test_a_picture_has_the_size_and_the_theme_that_were_asked_for(here: Here, runs: Runs) -> None:
    arguments = ["export", "1", "3", "--format", "svg"]
    code, told, _ = here(*arguments, home=runs.home)
    assert (code, 'width="1200" height="800"' in told, COLOURS["light"]["panel"] in told) == (
        0, True, True,
    )  # fmt: skip
    code, told, _ = here(*arguments, "--size", "640x480", "--theme", "dark", home=runs.home)
    assert (code, 'width="640" height="480"' in told, COLOURS["dark"]["panel"] in told) == (
        0, True, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["svg", "--size", "big"], "'big' is not a size: give width and height in pixels, such as"),
        (["svg", "--size", "10x800"], "'10x800' is not a size: "),
        (["png", "--size", "90000x90000"], "'90000x90000' is not a size: "),
        (["svg", "--theme", "blue"], "There is no theme 'blue': take light or dark."),
        (["csv", "--size", "640x480"], "--size is for svg and png, not for csv."),
        (["script", "--theme", "dark"], "--theme is for svg and png, not for script."),
    ],
)
def test_a_look_that_cannot_be_is_one_sentence(
    here: Here, runs: Runs, arguments: list[str], said: str
) -> None:
    code, told, error = here("export", "1", "--format", *arguments, home=runs.home)
    assert (code, told, len(error.splitlines())) == (2, "", 1)
    assert said in error
