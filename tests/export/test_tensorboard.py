"""An event file is read by TensorBoard's own code: scalars by epoch, and hyperparameters."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import metadata

from tests import exported
from tests.exported import Runs
from trainer.config.table import from_config
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.export import tensorboard
from trainer.store.lineage import lineage
from trainer.store.store import Store

store = exported.store


def write(store: Store, run: int, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "events.out.tfevents.lrscope").write_bytes(tensorboard.events(store, run))


def loaded(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def hparams(found: EventAccumulator, tag: str) -> bytes:
    content: bytes = found.SummaryMetadata(tag).plugin_data.content
    return content


@pytest.mark.parametrize("name", ["parent", "grandchild", "imported", "diverged"])
def test_every_metric_of_every_epoch_is_a_scalar(
    store: Store, runs: Runs, tmp_path: Path, name: str
) -> None:
    run = getattr(runs, name)
    write(store, run, tmp_path)
    found, rows = loaded(tmp_path), lineage(store, run)
    tags = {"lr"} | {tag for row in rows for tag in row.metrics}
    assert tags <= set(found.Tags()["scalars"]) <= tags | {"lr_last", "test_accuracy"}
    for tag in tags:
        values = found.Scalars(tag)
        assert [value.step for value in values] == [row.epoch for row in rows]
        for value, row in zip(values, rows, strict=True):
            wanted = {"lr": row.lr, **row.metrics}[tag]
            np.testing.assert_equal(value.value, np.float32(math.nan if wanted is None else wanted))


def test_the_test_accuracy_stands_at_the_last_epoch(
    store: Store, runs: Runs, tmp_path: Path
) -> None:
    write(store, runs.parent, tmp_path)
    (value,) = loaded(tmp_path).Scalars("test_accuracy")
    assert value.step == 6
    assert value.value == np.float32(store.run(runs.parent).test_accuracy)


@pytest.mark.parametrize(("name", "status"), [("parent", 1), ("diverged", 2)])
def test_the_settings_are_the_hyperparameters(
    store: Store, runs: Runs, tmp_path: Path, name: str, status: int
) -> None:
    run = getattr(runs, name)
    write(store, run, tmp_path)
    found = loaded(tmp_path)
    start = metadata.parse_session_start_info_plugin_data(
        hparams(found, metadata.SESSION_START_INFO_TAG)
    )
    told: dict[str, Any] = {
        key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()
    }
    assert told == from_config(store.run(run).recipe)
    end = metadata.parse_session_end_info_plugin_data(hparams(found, metadata.SESSION_END_INFO_TAG))
    assert end.status == status


def test_tensorboard_lists_the_runs_of_a_folder(store: Store, runs: Runs, tmp_path: Path) -> None:
    for run in (runs.parent, runs.fork):
        write(store, run, tmp_path / f"run-{run}")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(tmp_path))
    listed = provider.list_scalars(RequestContext(), experiment_id="", plugin_name="scalars")
    assert {run: set(tags) for run, tags in listed.items()} == {
        "run-1": {"lr", "train_loss", "val_loss", "val_accuracy", "test_accuracy"},
        "run-2": {"lr", "train_loss", "val_loss", "val_accuracy", "test_accuracy"},
    }
    names = {row.run_name for row in provider.list_runs(RequestContext(), experiment_id="")}
    assert names == {"run-1", "run-2"}


def test_an_event_file_can_be_imported(store: Store, runs: Runs, tmp_path: Path) -> None:
    write(store, runs.parent, tmp_path / "run")
    curve, rows = read(tmp_path / "run"), lineage(store, runs.parent)
    with closing(Store(tmp_path)) as other:
        imported = other.epochs(import_curve(other, curve, {}))
    assert [found.metrics["val_loss"] for found in imported] == [
        float(np.float32(row.metrics["val_loss"] or math.nan)) for row in rows
    ]
