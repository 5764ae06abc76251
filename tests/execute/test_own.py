"""A run of one's own data and network: snapshots, resume, forks; and what has changed since."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.execute.runs import at, forked, rows, train, trained
from tests.own.made import NET, digits_folder, network, picture
from trainer.config.run import RunConfig
from trainer.engine.events import Ended, Event, Failed, Reading, Started, Warned
from trainer.store.store import Store


def config(folder: Path, text: str = NET, **settings) -> RunConfig:
    own = {"dataset": str(digits_folder(folder / "digits")), "model": network(folder, text)}
    return RunConfig(**{"epochs": 3, "batch_size": 10, "device": "cpu", **own, **settings})


def stop_at(store: Store, run: int, moment: Callable[[Event], bool]) -> list[Event]:
    def stop(event: Event) -> None:
        if moment(event):
            store.stop(run)

    return train(store, run, stop)


@pytest.mark.parametrize("moment", [(1,), (2, 2)], ids=str)
def test_what_was_stopped_goes_on_exactly_also_with_dropout(store, tmp_path, moment):
    own = config(tmp_path)
    whole = trained(store, own)
    run = store.add(own, claimed=True)
    stop_at(store, run, at(*moment))
    assert store.run(run).status == "stopped"
    store.resume(run, claimed=True)
    events = train(store, run)
    assert rows(store, run) == rows(store, whole)
    assert store.run(run).test_accuracy == store.run(whole).test_accuracy
    assert not [event for event in events if isinstance(event, Warned)]


@pytest.mark.usefixtures("none_left_out")
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_fork_without_a_change_repeats_its_parent(store, tmp_path, epoch):
    own = config(tmp_path)
    parent = trained(store, own)
    run, _ = forked(store, parent, epoch, own)
    assert rows(store, run) == rows(store, parent)


def test_a_fork_whose_snapshot_is_gone_is_trained_there_with_the_same_numbers(store, tmp_path):
    own = config(tmp_path)
    parent = trained(store, own, budget_mb=0)
    run, _ = forked(store, parent, 2, own)
    assert rows(store, run) == rows(store, parent)


def test_what_it_trains_with_is_recorded(store, tmp_path):
    run = store.add(config(tmp_path), claimed=True)
    events = train(store, run)
    assert events[0] == Reading(0, 48)
    started = store.run(run).started
    assert started == next(event for event in events if isinstance(event, Started))
    assert (started.train, started.val, started.test, started.classes) == (40, 4, 4, 4)
    assert started.data
    assert started.network
    assert started.notes


def stopped(store: Store, own: RunConfig) -> int:
    run = store.add(own, claimed=True)
    stop_at(store, run, at(1))
    return run


def warnings(events: list[Event]) -> list[str | None]:
    return [event.sentence for event in events if isinstance(event, Warned)]


def test_code_that_has_changed_is_said(store, tmp_path):
    own = config(tmp_path)
    run = stopped(store, own)
    network(tmp_path, f"# another\n{NET}")
    store.resume(run, claimed=True)
    said = f"The code in {tmp_path / 'model.py'} has changed since its first epochs."
    assert warnings(train(store, run)) == [said]
    assert store.run(run).warning == said
    network(tmp_path, f"# a third\n{NET}")
    _, events = forked(store, run, 1, own)
    assert warnings(events) == [said]


def test_data_that_has_changed_is_said(store, tmp_path):
    run = stopped(store, config(tmp_path))
    picture(tmp_path / "digits" / "digit 1" / "later.png")
    store.resume(run, claimed=True)
    said = f"The data in {tmp_path / 'digits'} has changed since its first epochs."
    assert warnings(train(store, run)) == [said]


def test_code_with_other_weights_ends_the_run_and_keeps_its_snapshots(store, tmp_path):
    own = config(tmp_path)
    whole = trained(store, own)
    run = stopped(store, own)
    network(tmp_path, NET.replace("channels, 4, 3, padding=1", "channels, 4, 5, padding=2"))
    store.resume(run, claimed=True)
    assert isinstance(train(store, run)[-1], Failed)
    assert store.run(run).reason == (
        f"Net in {tmp_path / 'model.py'} has other weights than those of epoch 1: put back the "
        "file as it was then, or start another run."
    )
    network(tmp_path)
    store.resume(run, claimed=True)
    assert train(store, run)[-1].status == "finished"
    assert rows(store, run) == rows(store, whole)


def test_a_network_that_breaks_ends_its_run_alone(store, tmp_path, caplog):
    for text in ("def Net(:", "raise SystemExit", NET.replace("x.view", "x.vew")):
        run = trained(store, config(tmp_path, text))
        assert store.run(run).status == "failed"
        assert store.run(run).reason.startswith(str(tmp_path / "model.py"))
        assert "Traceback" not in caplog.text
    assert isinstance(train(store, store.add(config(tmp_path), claimed=True))[-1], Ended)


def test_a_broken_image_ends_the_run_by_its_path(store, tmp_path):
    own = config(tmp_path)
    broken = tmp_path / "digits" / "digit 2" / "3.png"
    broken.write_bytes(broken.read_bytes()[:60])
    run = trained(store, own)
    assert store.run(run).reason.startswith(f"{broken} cannot be read as an image (")


def test_a_run_can_be_stopped_while_its_images_are_read(store, tmp_path):
    run = store.add(config(tmp_path), claimed=True)
    events = stop_at(store, run, lambda event: isinstance(event, Reading))
    assert events[-1] == Ended("stopped")
    assert store.run(run).epoch == 0
