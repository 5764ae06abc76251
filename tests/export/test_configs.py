"""A config leaves as a file and as a command, and comes back the same."""

import json
import shlex
import tempfile
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given

from app.cli.main import cli
from app.cli.options import given as options_given
from tests import exported
from tests.exported import Runs
from tests.input.test_trainable import configs as any_config
from tests.small import small
from trainer.config.forks import changed_config
from trainer.config.run import RunConfig
from trainer.config.table import from_config, to_config
from trainer.export import configs
from trainer.export.error import ExportError
from trainer.store.store import Store

store = exported.store

COMMANDS: dict[str, Any] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]


def typed(command: str) -> tuple[str, list[str], dict[str, Any]]:
    """What a command is, its arguments, and the settings that it gives, as it is read."""
    program, name, *arguments = shlex.split(command)
    assert program == "lrscope"
    with COMMANDS[name].make_context(name, arguments) as context:
        own = {"config", "json_lines", "home", "datasets", "snapshot_budget", "run", "epoch"}
        named = {k: v for k, v in context.params.items() if k not in own}
        places = [str(context.params[k]) for k in ("run", "epoch") if k in context.params]
    return name, places, options_given(named)


@given(any_config())
def test_a_file_gives_the_config_that_it_was_written_from(config: RunConfig | None) -> None:
    if config is None:
        return
    text = configs.toml(config)
    with tempfile.TemporaryDirectory() as folder:
        for file, content in (
            (Path(folder) / "run.toml", text),
            (Path(folder) / "run.json", json.dumps(tomllib.loads(text))),
        ):
            file.write_text(content, encoding="utf-8")
            assert to_config(configs.read(file)) == config


@given(any_config())
def test_a_command_gives_the_config_and_names_nothing_else(config: RunConfig | None) -> None:
    if config is None:
        return
    name, places, named = typed(configs.train_command(config))
    assert (name, places) == ("train", [])
    assert to_config(named) == config
    values = from_config(config)
    default = from_config(
        to_config({"schedule": values["schedule"], "optimizer": values["optimizer"]})
    )
    chosen = {"schedule": "ReduceLROnPlateau", "optimizer": "Adam"}
    assert named.keys() == {k for k in values if values[k] != {**default, **chosen}[k]}


def test_the_defaults_need_no_option() -> None:
    assert configs.train_command(RunConfig()) == "lrscope train"


def test_a_forks_command_names_what_differs_from_its_parent(store: Store, runs: Runs) -> None:
    name, places, named = typed(configs.command(store, runs.fork))
    assert (name, places) == ("fork", ["1", "3"])
    assert named == {"schedule": "CosineAnnealingLR", "t-max": "5", "epochs": "5"}
    parent, fork = store.run(runs.parent), store.run(runs.fork)
    assert changed_config(parent.recipe, parent.epochs, named) == fork.config
    assert typed(configs.command(store, runs.grandchild))[2] == {"epochs": "6"}


def test_a_file_says_what_it_leaves_out(store: Store, runs: Runs) -> None:
    text = configs.config(store, runs.fork)
    assert text.startswith("# Run 2: lrscope fork 1 3 --schedule ")
    assert "\n# It continues from epoch 3 of run 1, which this file does not: " in text
    assert tomllib.loads(text)["t-max"] == 5


def test_an_imported_run_has_no_config(store: Store, runs: Runs) -> None:
    with pytest.raises(
        ExportError, match=r"^Run 4 was imported: it has no config to train with\.$"
    ):
        configs.config(store, runs.imported)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.toml", b"lr = ", "is no TOML"),
        ("a.json", b"{", "is no JSON"),
        ("a.json", b"[1]", "must have settings by name"),
        ("a.json", b"[" * 100_000, "is no JSON"),
        ("a.toml", b"\xff\xfe", "is no TOML"),
        ("a.toml", b"[schedule]\npatience = 3", "'schedule' must be a number, a text"),
        ("a.json", b'{"milestones": [[1]]}', "'milestones' must be a number, a text"),
        ("a.toml", b"lr = 1900-01-01", "'lr' must be a number, a text"),
        ("a.toml", b"#" * 1_000_001, "is too large for a config file"),
        ("none.toml", None, r"cannot be read \(No such file or directory\)"),
    ],
)
def test_what_is_no_config_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ExportError, match=sentence) as error:
        configs.read(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))
    assert "\n" not in str(error.value)


def test_a_file_may_name_settings_as_in_python(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("schedule = 'CosineAnnealingLR'\nT_max = 7\nbatch_size = 32\n")
    config = to_config(configs.read(tmp_path / "a.toml"))
    assert (config.schedule.T_max, config.batch_size) == (7, 32)


def test_changes_by_hand_are_told_of(tmp_path: Path) -> None:
    from trainer.engine.events import Intervened

    with closing(Store(tmp_path)) as store:
        run = store.add(small(), claimed=True)
        store.record(run, Intervened(1, 0, "scale", 0.5, 0.01, 0.005, "LR halved."))
        assert "# What was changed by hand as it trained is not in this file.\n" in configs.config(
            store, run
        )
