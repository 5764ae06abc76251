"""A name is shown as text, whatever is in it, and cut where it is too long to be read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import run_names
from app.cli.terminal import Terminal, print_comparison
from app.lab.progress import progress
from tests.input.names import ACTING, NAMES, imported
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError
from trainer.config.text import plain
from trainer.curves.csv import Curve, CurveError, read
from trainer.engine.events import Failed, Warned
from trainer.replay.comparison import compare
from trainer.store.store import Store


@given(st.text(st.characters() | st.sampled_from(sorted(ACTING))))
def test_no_text_acts_on_what_is_around_it(text):
    shown = plain(text)
    assert len(shown) == len(text)
    assert not ACTING & set(shown)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert plain(shown) == shown
    assert len(plain(text, 5)) <= 5


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_run_of_any_name_is_stored_and_titled_without_what_acts(tmp_path, name):
    store = Store(tmp_path / "home")
    run: Any = store.run(imported(store, tmp_path, name))
    store.close()
    texts = [run.origin, run_names.name(run), str(progress(run)["progress-left"])]
    for text in (*texts, run.recipe.monitor):
        assert not ACTING & set(text)
        assert len(text) <= 200
    assert len(run_names.name(run)) < 80


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_terminal_prints_any_name_as_it_is_or_without_what_acts(tmp_path, name, capsys):
    store = Store(tmp_path / "home")
    run = imported(store, tmp_path, name)
    rows, recipe = store.epochs(run), store.run(run).recipe
    store.close()
    print_comparison(run, compare(recipe, rows, recipe, 1))
    with pytest.raises(ConfigError) as refusal:
        compare(recipe, rows, Recipe(epochs=3), 1)
    terminal = Terminal(RunConfig(), 3)
    terminal.show(1, Warned(f"{name} warns"))
    terminal.show(1, Failed(f"{name} fails"))
    said = capsys.readouterr().out
    for text in (said, str(refusal.value)):
        assert not (ACTING - {"\n"}) & set(text)
    whole = "".join(said.split("\n"))
    assert f"{plain(name)} warns" in whole
    assert f"{plain(name)} fails" in whole


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_an_error_about_a_file_of_any_name_is_one_line_that_can_be_read(tmp_path, name):
    path = tmp_path / "any"
    path.write_text("epoch,loss\n1,2\n")
    for tag in (None, name):
        with pytest.raises(CurveError) as refused:
            read(path, tag, name)
        assert not ACTING & set(str(refused.value))
        assert len(str(refused.value)) < 600


def test_a_curve_keeps_its_metric_under_a_name_without_what_acts(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("my\u202emse\x1b[1m\n2\n1\n")
    curve = read(path, "my\u202emse\x1b[1m")
    assert curve == Curve("mine.csv", (1, 2), {"my\ufffdmse\ufffd[1m": (2, 1)})
