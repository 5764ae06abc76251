"""A bound that came later refuses what is asked for, and never what was recorded before it."""

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter

from app import form
from app.lab.whole import view_of
from tests.recorded import recorded
from tests.small import NOWHERE, load
from trainer.config.fields import Settings
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.config.table import ConfigError, changed, to_config
from trainer.engine import datasets
from trainer.engine.events import Ended
from trainer.engine.loop import train
from trainer.replay.replay import replay
from trainer.store.run import Run
from trainer.store.store import Store

BOUNDS: dict[str, dict[str, float]] = recorded("bounds")
TINY = 3e-9
TOO_SMALL = [("LinearLR", "start_factor"), ("ConstantLR", "factor")]


@pytest.fixture(params=TOO_SMALL, ids=lambda pair: pair[0])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A store with such a run as the earlier edition wrote it, and the key of its setting."""
    schedule, name = request.param
    with closing(Store(tmp_path)) as store:
        run = store.add(to_config({"schedule": schedule, "epochs": 2, "model": "mlp"}))
        with closing(sqlite3.connect(store.path)) as connection, connection:
            query = "SELECT config FROM runs WHERE id = ?"
            config = json.loads(connection.execute(query, (run,)).fetchone()[0])
            config["schedule"][name] = TINY
            update = "UPDATE runs SET config = ? WHERE id = ?"
            connection.execute(update, (json.dumps(config), run))
        yield store, name.replace("_", "-")


def config_of(store: Store) -> RunConfig:
    (row,) = store.runs(10)
    assert isinstance(row, Run), row
    assert row.config is not None
    return row.config


def test_a_stored_run_with_too_small_a_factor_is_read_shown_replayed_and_trained(
    stored: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = stored
    config = config_of(store)
    assert view_of(store, 1, 0)["readout"]["status"][0] == "queued"
    assert replay([1.0, 0.9], config)[0].lr == pytest.approx(config.lr * TINY)
    monkeypatch.setattr(datasets, "load", load)
    assert isinstance(list(train(config, NOWHERE))[-1], Ended)


def test_other_settings_of_it_can_be_changed_and_this_one_only_to_what_is_permitted(
    stored: tuple[Store, str],
) -> None:
    store, key = stored
    config = config_of(store)
    assert changed(config, {"total-iters": 3}).schedule != config.schedule
    # The what-if's form sends every box, whether or not it was typed into.
    assert changed(config, {"schedule": config.schedule.name, key: "3e-9"}) == config
    with pytest.raises(ConfigError, match=r"actor must be a number from 1e-08 to 1\.$"):
        changed(config, {key: "4e-9"})
    assert changed(config, {key: "1e-8"}) != config


def test_it_is_refused_where_it_is_asked_for(stored: tuple[Store, str]) -> None:
    store, _ = stored
    with pytest.raises(ConfigError, match=r"actor must be a number from 1e-08 to 1\.$"):
        form.from_query(form.to_query(config_of(store)))


def test_a_small_factor_of_another_schedule_is_not_one_that_the_run_has() -> None:
    plateau = to_config({"factor": TINY})
    with pytest.raises(ConfigError, match="Factor must be a number from 1e-08"):
        changed(plateau, {"schedule": "ConstantLR", "factor": TINY})


@pytest.mark.parametrize("setting", BOUNDS)
def test_no_bound_of_what_is_read_is_narrower_than_in_the_first_edition(setting: str) -> None:
    owner, name = setting.split(".")
    classes: dict[str, type[Settings]] = {**SCHEDULES, **OPTIMIZERS, "Run": RunConfig}
    field = classes[owner].model_fields[name]
    kind_of: Any = Annotated[field.annotation, *field.metadata]
    read = TypeAdapter(kind_of)
    whole = field.annotation is int
    for kind, bound in BOUNDS[setting].items():
        inside = {"gt": math.inf, "lt": -math.inf}.get(kind, bound)
        value = bound if inside == bound else math.nextafter(bound, inside)
        assert read.validate_python(int(value) if whole else value) == value
