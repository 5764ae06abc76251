"""Every setting through every door: the page, the terminal, the address, Python and stored configs,
and imports. Each takes a value or refuses it in the same sentence, which names the setting and what
is permitted; no other error comes out of any of them.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import urlencode

import pytest
import typer
from dash import Dash
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app import address, form, ids, own
from app.cli import training
from app.cli.main import cli
from app.lab import setup
from app.server import create_app
from tests.input.values import (
    WRITTEN,
    given_to,
    settings_with_anything,
    settings_with_text,
)
from trainer.config import versions
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.table import (
    ConfigError,
    Setting,
    chosen,
    from_config,
    setting_of,
    to_config,
    to_recipe,
)
from trainer.curves.csv import Curve, CurveError, read
from trainer.curves.importing import import_curve
from trainer.store.store import Store
from trainer.worker import Worker

T = TypeVar("T")
# An example opens a form, a command or a file.
FEWER = settings(max_examples=settings.default.max_examples // 4)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("home"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def app(store: Store) -> Dash:
    return create_app(store, Worker(store, Path("no-such-folder")))


@pytest.fixture(scope="module", autouse=True)
def _data_that_is_not_looked_at() -> Iterator[None]:
    """What lies under a path is not a setting's matter."""
    with (
        mock.patch.object(own, "check"),
        mock.patch.object(training, "refuse_unfit"),
    ):
        yield


def outcome(open_door: Callable[[], T]) -> T | str:
    """What a door gives, or the sentence with which it refuses."""
    try:
        return open_door()
    except (ConfigError, CurveError) as refusal:
        return str(refusal)


def named(setting: Setting, sentence: str) -> bool:
    """Whether a sentence names the setting and what it may be."""
    refusal = f"{setting.label} must be {setting.permitted}."
    if sentence in (refusal, *(f"{refusal} The nearest is {each}." for each in setting.choices)):
        return True
    # A rule between two settings has its own words, beside either.
    rule = "than the run of", "above the learning rate", "a momentum above 0"
    return sentence.endswith(".") and any(words in sentence for words in rule)


# Python and stored configs


@given(settings_with_anything)
def test_any_value_is_taken_or_refused_by_its_name_and_range(drawn):
    setting, value = drawn
    found = outcome(lambda: to_config(given_to(setting, value)))
    if isinstance(found, str):
        assert named(setting, found)
    else:
        assert to_config(from_config(found)) == found
        assert form.from_query(form.to_query(found)) == found


@given(settings_with_anything)
def test_a_stored_config_is_read_or_said_to_be_wrong_by_name_and_range(drawn):
    setting, value = drawn
    fields = RunConfig().model_dump(mode="json")
    if setting.owner:
        fields[setting.group] = {"name": setting.owner, setting.name: value}
    elif setting.group == "run" and setting.name not in ("schedule", "optimizer"):
        fields[setting.name] = value
    else:
        fields[setting.name] = {"name": value}
    try:
        text = json.dumps(fields)
    except (TypeError, ValueError):
        return  # it is not JSON
    try:
        config = versions.read(RunConfig, text, versions.VERSION)
    except ValueError as error:
        said = str(error)
    else:
        said = ""
        assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert not said or named(setting, f"{said}.")


# The address


@given(settings_with_text)
def test_the_address_takes_what_python_takes(drawn):
    setting, text = drawn
    values = given_to(setting, text)
    query = f"?{urlencode(values)}"
    assert outcome(lambda: form.from_query(query)) == outcome(lambda: to_config(values))


@settings(max_examples=settings.default.max_examples // 10)  # an example draws the whole form
@given(
    st.dictionaries(st.sampled_from([*"abc", "lr", "schedule", "epochs"]) | st.text(), st.text())
    | st.text()
)
def test_any_address_opens_the_page_with_what_is_wrong_in_few_words(query):
    text = query if isinstance(query, str) else urlencode(query)
    asked_for = address.read(f"?{text}")
    drawn = setup.layout(asked_for.config, " ".join(asked_for.refused))
    words = json.dumps(drawn.to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert len(words) < 60_000


# The page


def asked(app: Dash, setting: Setting, text: Any) -> dict[str, Any]:
    """What the page's server answers when a box of the form says this."""
    values = given_to(setting, setting.default)
    config = to_config({key: value for key, value in values.items() if key != setting.key})
    own = {s.key: s for s in chosen(values)}
    typed = {key: own[key].text(value) for key, value in from_config(config).items()}
    typed[setting.key] = text
    fields = [ids.field(s.key, s.owner) for s in own.values()]
    output = next(key for key in app.callback_map if key.startswith(f"..{ids.PROBLEMS}.data"))
    answer = app.server.test_client().post(
        "/_dash-update-component",
        json={
            "output": output,
            "outputs": [
                {"id": part.rpartition(".")[0], "property": part.rpartition(".")[2]}
                for part in output.strip(".").split("...")
            ],
            "inputs": [[{"id": f, "property": "value", "value": typed[f["key"]]} for f in fields]],
            "state": [
                [{"id": f, "property": "id", "value": f} for f in fields],
                {"id": ids.PRESET, "property": "value", "value": None},
                {"id": ids.FORK_OF, "property": "data", "value": None},
            ],
            "changedPropIds": [],
        },
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()["response"]
    return found


@FEWER
@given(settings_with_text)
def test_the_page_takes_what_python_takes_and_shows_the_refusal_beside_the_box(app, drawn):
    setting, text = drawn
    expected = outcome(lambda: to_config(given_to(setting, text)))
    answer = asked(app, setting, text)
    problems, disabled = answer[ids.PROBLEMS]["data"], answer[ids.START]["disabled"]
    if isinstance(expected, str):
        assert disabled
        assert [problem["sentence"] for problem in problems] == [expected]
        assert problems[0]["id"]["type"] == "run-field"
    else:
        assert (problems, disabled) == ([], False)
        assert form.from_query(answer[ids.QUERY]["data"]) == expected


# The terminal

COMMAND = typer.main.get_command(cli)


def typed(store: Store, arguments: list[str]) -> RunConfig | str:
    """The config of the run that `lrscope train` would train, or the line that it prints."""
    configs: list[RunConfig] = []
    lines: list[str] = []

    def follow(store: Store, run: int, *_: Any) -> None:
        row = store.run(run)
        assert row is not None
        assert row.config is not None
        configs.append(row.config)

    with (
        mock.patch.object(training, "_follow", follow),
        mock.patch("builtins.print", lambda line, **_: lines.append(line)),
    ):
        code = COMMAND.main(["train", "--home", str(store.home), *arguments], standalone_mode=False)
    if code == 2:
        (line,) = lines
        assert len(line.splitlines()) == 1
        return line.removeprefix("lrscope: ")
    (config,) = configs
    return config


@FEWER
@given(settings_with_text)
@example((setting_of("optimizer"), "--"))
def test_the_terminal_takes_what_python_takes(store, drawn):
    setting, text = drawn
    assume("\0" not in text)  # no argument of a process contains one
    values = given_to(setting, text)
    arguments = [part for key, value in values.items() for part in (f"--{key}", value)]
    found = typed(store, arguments)
    if text.startswith("--"):  # read as the next option, so the value is missing
        assert isinstance(found, str)
        assert found.startswith(f"--{setting.key} needs a value")
    else:
        assert found == outcome(lambda: to_config(values))


# Imports


@FEWER
@given(settings_with_text)
def test_an_import_takes_what_python_takes_of_a_recipe(store, drawn):
    setting, text = drawn
    curve = Curve("mine.csv", tuple(range(1, 31)), {"val_loss": (1.0,) * 30})
    values = given_to(setting, text)
    expected = outcome(lambda: to_recipe({"epochs": 30, **values}))
    if isinstance(expected, Recipe) and expected.monitor != "val_loss":
        expected = "Monitor must be a metric of mine.csv: val_loss."
    run = outcome(lambda: import_curve(store, curve, values))
    assert (run if isinstance(run, str) else store.run(run).recipe) == expected


NUMBERS = st.floats().map(repr) | st.integers().map(str)
CELLS = NUMBERS | st.sampled_from(WRITTEN) | st.text(max_size=9)


@FEWER
@given(
    st.lists(st.tuples(NUMBERS | CELLS, NUMBERS | CELLS, NUMBERS), min_size=2, max_size=6),
    st.sampled_from(["loss,lr,acc", "epoch,loss,train_loss", "epoch,loss,lr"]),
)
def test_the_numbers_of_a_file_become_a_run_or_are_refused_with_their_line(
    store, tmp_path_factory, rows, header
):
    path = tmp_path_factory.getbasetemp() / "curve.csv"
    text = "\n".join([header, *(",".join(row) for row in rows)])
    path.write_bytes(text.encode())
    run = outcome(lambda: import_curve(store, read(path), {}))
    if isinstance(run, str):
        assert run.startswith(("curve.csv ", setting_of("lr").label))
        assert run.endswith(".")
        assert len(run.splitlines()) == 1
    else:
        assert len(store.epochs(run)) >= 2
