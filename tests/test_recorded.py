"""Rearranged code computes what it computed before, bit by bit."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.recorded import FOLDER, agrees, machine_here, recorded
from trainer.config import forks
from trainer.config.table import changed, to_config
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Event, Forked, Intervened, Progress
from trainer.engine.loop import train
from trainer.execute import execute
from trainer.schedule.decisions import Decision
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import Intervention
from trainer.store import lineage
from trainer.store.store import Store

NOWHERE = Path("no-such-folder")
RUNS, HOME = recorded("runs"), recorded("home-1")
HERE = RUNS["machine"] == HOME["machine"] == machine_here()
SECOND, THIRD, FOURTH = recorded("home-2"), recorded("home-3"), recorded("home-4")


def decision(made: Decision | None) -> dict[str, Any] | None:
    """A decision without its sentence, whose words may be bettered."""
    if made is None:
        return None
    fields = made.model_dump()
    del fields["sentence"]
    return fields


def epoch(row: Epoch) -> dict[str, Any]:
    return {
        "epoch": row.epoch,
        "lr": row.lr,
        "lr_last": row.lr_last,
        "metrics": row.metrics,
        "decision": decision(row.decision),
    }


def record(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """What of these events is compared."""
    for event in events:
        match event:
            case EpochEnded():
                yield epoch(event)
            case Forked():
                yield {"forked": event.epoch, "decision": decision(event.decision)}
            case Intervened():
                yield {
                    "intervened": [event.epoch, event.batch, event.name, event.value],
                    "lr_before": event.lr_before,
                    "lr_after": event.lr_after,
                }
            case Ended():
                yield {
                    "ended": event.status,
                    "test_loss": event.test_loss,
                    "test_accuracy": event.test_accuracy,
                }


def events_of(case: dict[str, Any]) -> Iterator[Event]:
    """The events of a recorded training, cut in two where it was resumed or forked."""
    config, start = to_config(case["settings"]), None
    made = [Intervention(*made) for made in case["interventions"]]
    moment = case["resume"] or (case["fork"] and [case["fork"]["epoch"], 0])
    control = Control(made)
    for event in train(config, NOWHERE, control):
        yield event
        done = isinstance(event, EpochEnded) and [event.epoch, 0]
        inside = isinstance(event, Progress) and [event.epoch - 1, event.batch]
        if moment and moment in (done, inside):
            start = control.capture()
            break
    if start:
        if case["fork"]:
            config, made = changed(config, case["fork"]["settings"]), []
        yield from train(config, NOWHERE, Control(made), start)


@pytest.mark.parametrize("case", RUNS["runs"], ids=lambda case: case["name"])
def test_a_training_has_the_numbers_that_it_had(case, monkeypatch):
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)
    found = list(record(events_of(case)))
    assert agrees(found, case["events"], HERE)


@pytest.fixture(params=["home-1"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(FOLDER / request.param, tmp_path / "home")
    with closing(Store(tmp_path / "home")) as store:
        yield store


of_version_2 = pytest.mark.parametrize("store", ["home-2"], indirect=True)
of_version_3 = pytest.mark.parametrize("store", ["home-3"], indirect=True)
of_version_4 = pytest.mark.parametrize("store", ["home-4"], indirect=True)


@pytest.mark.parametrize("run", HOME["runs"])
def test_a_home_of_the_first_edition_opens_with_every_number_in_place(store, run):
    then = HOME["runs"][run]
    imported = store.run(int(run)).source == "imported"
    is_in_place(store, int(run), then, measured(then["rows"]) if imported else then["rows"])


@of_version_2
@pytest.mark.parametrize("run", SECOND["runs"])
def test_a_home_of_version_2_opens_with_every_number_in_place(store, run):
    then = SECOND["runs"][run]
    is_in_place(store, int(run), then, then["rows"])


@of_version_3
@pytest.mark.parametrize("run", THIRD["runs"])
def test_a_home_of_version_3_opens_with_every_number_and_note_in_place(store, run):
    is_noted(store, int(run), THIRD["runs"][run])


@of_version_4
@pytest.mark.parametrize("run", FOURTH["runs"])
def test_a_home_of_version_4_opens_with_every_number_and_where_each_run_trained(store, run):
    then, row = FOURTH["runs"][run], store.run(int(run))
    is_noted(store, int(run), then)
    assert row.elapsed == then["elapsed"]
    assert (row.controls and list(row.controls)) == then["controls"]
    assert (row.elsewhere and asdict(row.elsewhere)) == then["elsewhere"]
    assert {id: list(known) for id, known in store.spools().items()} == FOURTH["spools"]


def is_noted(store: Store, run: int, then: dict[str, Any]) -> None:
    """Assert that a run is read as it was recorded, with its notes and traces."""
    row = store.run(run)
    is_in_place(store, run, then, then["rows"])
    noted = (row.name, list(row.tags), row.note, row.starred, row.archived)
    assert noted == tuple(then[name] for name in ("name", "tags", "note", "starred", "archived"))
    traces = store.traces(run).items()
    assert {str(n): [list(t.losses), list(t.lrs)] for n, t in traces} == then["traces"]


def is_in_place(store: Store, run: int, then: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Assert that a run is read as it was recorded, with these rows."""
    row = store.run(run)
    assert (row.status, row.epoch, row.epochs) == (then["status"], then["epoch"], then["epochs"])
    assert (row.parent, row.parent_epoch) == (then["parent"], then["parent_epoch"])
    assert (row.pace, row.test_accuracy) == (then["pace"], then["test_accuracy"])
    assert [epoch(row) for row in lineage.lineage(store, run)] == rows
    changes = [
        [c.epoch, c.batch, c.name, c.value, c.lr_before, c.lr_after]
        for c in store.interventions(run)
    ]
    assert changes == then["changes"]


def measured(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an imported run without the metrics that its file did not have: version 1 gave
    each run all three.
    """
    known = {k for row in rows for k, v in row["metrics"].items() if v is not None}
    return [row | {"metrics": {k: row["metrics"][k] for k in known}} for row in rows]


def trained(store: Store, run: int) -> list[dict[str, Any]]:
    for _ in execute(store, run, NOWHERE):
        pass
    return [epoch(row) for row in lineage.lineage(store, run)]


@pytest.mark.parametrize("run", [3, 8])
def test_a_run_of_the_first_edition_is_resumed_bit_by_bit(store, run):
    store.resume(run, claimed=True)
    assert agrees(trained(store, run), HOME["going on"][f"resume {run}"], HERE)


@of_version_2
def test_a_run_of_version_2_is_resumed_within_an_epoch_bit_by_bit(store):
    store.resume(3, claimed=True)
    exactly = SECOND["machine"] == machine_here()
    assert agrees(trained(store, 3), SECOND["going on"]["resume 3"], exactly)


@of_version_3
def test_a_run_of_version_3_is_resumed_within_an_epoch_bit_by_bit(store):
    store.resume(3, claimed=True)
    exactly = THIRD["machine"] == machine_here()
    assert agrees(trained(store, 3), THIRD["going on"]["resume 3"], exactly)


@of_version_4
def test_a_run_of_version_4_is_resumed_within_an_epoch_bit_by_bit(store):
    store.resume(3, claimed=True)
    exactly = FOURTH["machine"] == machine_here()
    assert agrees(trained(store, 3), FOURTH["going on"]["resume 3"], exactly)


@of_version_4
def test_a_fork_of_version_4_is_forked_bit_by_bit(store):
    row = store.run(2)
    config = forks.changed_config(row.config, row.epochs, {"patience": 2})
    child = store.add(config, parent=(lineage.owner(store, 2, 4), 4), claimed=True)
    exactly = FOURTH["machine"] == machine_here()
    assert agrees(trained(store, child), FOURTH["going on"]['fork 2 4 {"patience": 2}'], exactly)


def test_a_queued_run_of_the_first_edition_trains(store):
    assert store.claim(7) == 7
    assert agrees(trained(store, 7), HOME["going on"]["train 7"], HERE)


@pytest.mark.parametrize(
    ("parent", "epoch", "values", "name"),
    [
        (1, 3, {"factor": 0.9}, 'fork 1 3 {"factor": 0.9}'),
        (1, 5, {"schedule": "none"}, 'fork 1 5 {"schedule": "none"}'),
        (2, 4, {"eta-min": 0.001}, 'fork 2 4 {"eta-min": 0.001}'),
    ],
)
def test_a_run_of_the_first_edition_is_forked_bit_by_bit(store, parent, epoch, values, name):
    row = store.run(parent)
    config = forks.changed_config(row.config, row.epochs, values)
    owner = lineage.owner(store, parent, epoch)
    child = store.add(config, parent=(owner, epoch), claimed=True)
    assert agrees(trained(store, child), HOME["going on"][name], HERE)


def test_a_difference_in_the_last_bit_would_be_seen():
    then = RUNS["runs"][0]["events"]
    other = [{**then[0], "lr": then[0]["lr"] * (1 + 2**-52)}, *then[1:]]
    assert agrees(then, then, exactly=True)
    assert not agrees(other, then, exactly=True)
    assert agrees(other, then, exactly=False)
