"""What an open page learns of the run on show, poll by poll."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import ids
from app.lab.live import IDLE_MS, LATE_MS, LIVE_MS, MID_EPOCH_MS, interval, news
from app.lab.received import Cursor
from app.lab.verdicts import Verdicts
from app.lab.whole import view_of
from app.server import create_app
from tests.charts.test_series import CONFIG, FLAT
from tests.lab.test_readout import STARTED, run
from tests.small import metrics
from trainer.config.run import RunConfig
from trainer.engine.events import Ended, EpochEnded, Progress
from trainer.schedule.epoch import Epoch
from trainer.schedule.schedule import Schedule
from trainer.schedule.trace import Trace
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.worker import Worker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def training(store: Store) -> int:
    """A run of which nothing is recorded yet but that it began."""
    number = store.add(CONFIG, claimed=True)
    store.record(number, STARTED)
    return number


def record(store: Store, number: int, row: Epoch) -> None:
    assert row.decision is not None
    store.record(
        number,
        EpochEnded(row.epoch, row.lr, row.lr_last, row.metrics, row.seconds, row.decision),
    )


def opened(store: Store, number: int | None) -> Cursor:
    """The cursor of a page that shows this run from now on."""
    return Cursor(**view_of(store, number, store.newest_started())["cursor"])


def after(cursor: Cursor, answer: dict[str, Any]) -> Cursor:
    """The cursor of a page that has shown an answer."""
    drawn = answer["drawn"] or {}
    moved = {key: value for key, value in drawn.items() if key in Cursor.model_fields}
    seen: dict[str, Any] = {
        key: answer[key]["token"] for key in ("ahead", "verdict") if key in answer
    }
    return cursor.model_copy(update={**moved, **seen, "token": answer["token"]})


def test_every_epoch_is_sent_once_however_seldom_a_page_asks(store: Store, training: int) -> None:
    cursor, sent = opened(store, training), []
    for row, asks in zip(FLAT, (True, False, True, True), strict=True):
        record(store, training, row)
        if asks:
            answer = news(store, cursor)
            sent.append([epoch for epoch, *_ in answer["drawn"]["log"]])
            cursor = after(cursor, answer)
    assert sent == [[1], [2, 3], [4]]
    assert news(store, cursor)["drawn"] is None


def test_the_same_question_has_the_same_answer_until_the_page_has_shown_it(
    store: Store, training: int
) -> None:
    cursor = opened(store, training)
    record(store, training, FLAT[0])
    first, again = news(store, cursor), news(store, cursor)
    assert first["drawn"] == again["drawn"] is not None


def test_the_state_is_sent_when_it_changes_and_not_again(store: Store, training: int) -> None:
    cursor = opened(store, training)
    record(store, training, FLAT[0])
    answer = news(store, cursor)
    cursor = after(cursor, answer)
    record(store, training, FLAT[1])
    answer = news(store, cursor)
    assert "status" not in answer["readout"]
    assert answer["readout"][ids.schedule("value")] == "1 of 1 bad epoch"
    cursor = after(cursor, answer)
    store.record(training, Ended("stopped"))
    answer = news(store, cursor)
    assert answer["readout"]["status"] == ["stopped", "stopped"]
    assert answer["wait"] == IDLE_MS
    answer = news(store, after(cursor, answer))
    assert set(answer["readout"]) == {
        "percent", "now", ids.PROGRESS_LEFT, ids.PROGRESS_RIGHT
    }  # fmt: skip


def test_a_page_follows_a_run_that_began_since_it_was_opened(store: Store, training: int) -> None:
    store.record(training, Ended("finished"))
    cursor = opened(store, training)
    begun = store.add(CONFIG, claimed=True)
    answer = news(store, cursor)
    assert answer["follow"] == str(begun)
    assert [choice["value"] for choice in answer["runs"]] == [str(begun), str(training)]


def test_a_page_stays_with_a_run_that_trains_when_another_begins(
    store: Store, training: int
) -> None:
    """Its buttons would change the other one, under the hand that is about to press them."""
    cursor = opened(store, training)
    begun = store.add(CONFIG, claimed=True)
    answer = news(store, cursor)
    assert answer["runs"][0]["value"] == str(begun)
    assert "follow" not in answer
    later = cursor.model_copy(update={"begun": answer["begun"]})
    store.record(training, Ended("finished"))
    assert "follow" not in news(store, later)


def test_an_older_run_that_was_chosen_stays_on_show(store: Store, training: int) -> None:
    store.add(CONFIG, claimed=True)
    cursor = opened(store, training)
    assert "runs" not in news(store, cursor)
    begun = store.add(CONFIG, claimed=True)
    answer = news(store, cursor)
    assert answer["runs"][0]["value"] == str(begun)
    assert "follow" not in answer


def test_a_run_that_ends_leaves_the_page_where_it_is(store: Store, training: int) -> None:
    """Whichever of two ends: the other one still trains, and is not new."""
    second = store.add(CONFIG, claimed=True)
    cursors = [opened(store, number) for number in (training, second)]
    for over in (second, training):
        store.record(over, Ended("stopped"))
        assert not any("runs" in news(store, cursor) for cursor in cursors)


def test_a_run_that_began_while_a_page_was_opening_is_followed(store: Store, training: int) -> None:
    begun = store.newest_started()
    store.record(training, Ended("finished"))
    second = store.add(CONFIG, claimed=True)
    cursor = Cursor(**view_of(store, training, begun)["cursor"])
    assert news(store, cursor)["follow"] == str(second)


def test_a_run_that_waited_is_followed_when_it_begins(store: Store, training: int) -> None:
    waiting = store.add(CONFIG)
    cursor = opened(store, training)
    assert "runs" not in news(store, cursor)
    store.record(training, Ended("stopped"))
    assert news(store, cursor)["follow"] == str(waiting)


def test_before_any_run_nothing_is_drawn(store: Store) -> None:
    answer = news(store, opened(store, None))
    assert (answer["drawn"], answer["wait"]) == (None, IDLE_MS)


def test_a_page_whose_run_is_gone_says_what_an_empty_page_says(
    store: Store, training: int, tmp_path: Path
) -> None:
    cursor = opened(store, training)
    with closing(Store(tmp_path / "another")) as another:
        answer = news(another, cursor)
    assert answer["readout"]["status"] == ["ready", "ready"]


def test_what_is_no_cursor_is_refused(store: Store, tmp_path: Path) -> None:
    client = create_app(store, Worker(store, tmp_path)).server.test_client()
    assert client.post("/live", data="null").status_code == 400
    cursor = opened(store, None).model_dump_json()
    assert client.post("/live", data=cursor).status_code == 200


def test_a_long_epoch_is_polled_at_its_expected_end_and_seldom_before_it() -> None:
    def after(batch: int, seconds: float) -> int:
        return interval(run(batch=batch), 2 * [replace(FLAT[0], seconds=seconds)])

    assert after(0, 60.0) <= MID_EPOCH_MS
    # 17 batches an epoch: half a second is left, and a little is added
    assert after(16, 8.5) == 500 + LATE_MS
    assert after(8, 3.4) == (1800 + LATE_MS) // 2
    assert after(1, 0.05) == LIVE_MS


def test_a_first_epoch_that_also_warmed_up_does_not_say_when_to_look_again() -> None:
    assert interval(run(batch=0), [replace(FLAT[0], seconds=0.7)]) == LIVE_MS


def test_a_first_epoch_is_polled_by_the_pace_of_its_batches() -> None:
    # 2 s for 8 of 17 batches: 2.25 s are left, in three looks
    begun = run(epoch=0, batch=8, began=1000.0, ended=1002.0)
    assert interval(begun, []) == round((2250 + LATE_MS) / 3)
    assert interval(run(epoch=0, began=1000.0, ended=1002.0), []) == LIVE_MS
    assert interval(run(started=None), []) == LIVE_MS


def test_what_is_trained_again_with_other_numbers_is_drawn_again(
    store: Store, training: int
) -> None:
    for row in FLAT[:3]:
        record(store, training, row)
    cursor = opened(store, training)
    record(store, training, FLAT[1])
    assert news(store, cursor)["drawn"] is None
    record(store, training, replace(FLAT[2], metrics={"train_loss": 9.0, "val_loss": 9.0}))
    assert news(store, cursor)["redraw"]
    assert "redraw" not in news(store, opened(store, training))


def test_while_epochs_are_trained_again_the_texts_are_of_the_last_one_done(
    store: Store, training: int
) -> None:
    for row in FLAT[:3]:
        record(store, training, row)
    store.record(training, Progress(2, 1, 17))
    view = view_of(store, training, store.newest_started())
    assert view["readout"][ids.PROGRESS_LEFT].startswith("epoch 1 of")
    assert view["readout"][ids.card("train", "value")] == "0.500"
    assert len(view["log"]) == 3


def test_a_pace_set_elsewhere_is_told_also_while_the_run_is_paused(
    store: Store, training: int
) -> None:
    store.ask(training, "pause")
    cursor = opened(store, training)
    store.set_pace(training, 1.0)
    answer = news(store, cursor)
    assert answer["readout"]["pace"] == "1"
    assert "pace" not in news(store, after(cursor, answer))["readout"]
    store.set_pace(training, None)
    assert news(store, after(cursor, answer))["readout"]["pace"] == "max"


def test_the_best_of_a_fork_is_the_best_of_all_its_epochs(store: Store, training: int) -> None:
    good, worse = (replace(FLAT[0], metrics=metrics(0.1, loss, 0.9)) for loss in (0.25, 0.5))
    record(store, training, good)
    record(store, training, replace(worse, epoch=2))
    fork = store.add(CONFIG, parent=(training, 2), claimed=True)
    store.record(fork, STARTED)
    cursor = opened(store, fork)
    record(store, fork, replace(worse, epoch=3))
    small = ids.card("val", "small")
    answer = news(store, cursor)
    told = (1, 0.25, "val"), "best 0.250 at 1"
    assert (answer["drawn"]["best"], answer["readout"][small]) == told
    view = view_of(store, fork, fork)
    assert (view["best"], view["readout"][small]) == told
    course = Verdicts(store)._course(known(store, fork))
    assert course.best is not None
    assert course.best.epoch == 1
    record(store, fork, replace(good, epoch=4, metrics=metrics(0.1, 0.125, 0.9)))
    assert (
        news(store, cursor)["drawn"]["best"]
        == view_of(store, fork, fork)["best"]
        == (4, 0.125, "val")
    )


def known(store: Store, number: int) -> Run:
    row = store.run(number)
    assert row is not None
    return row


def test_why_nothing_can_be_recorded_is_said_on_every_page(store: Store, training: int) -> None:
    for number in (None, training):
        cursor = opened(store, number)
        answer = news(store, cursor, lambda _: "The disk is full.")
        assert answer["readout"][ids.NOTICE] == "The disk is full."
        assert news(store, after(cursor, answer))["readout"][ids.NOTICE] == ""


def test_a_page_without_a_worker_says_so(store: Store, tmp_path: Path) -> None:
    idle = Worker(store, tmp_path)
    client = create_app(store, idle).server.test_client()
    answer = client.post("/live", data=opened(store, None).model_dump_json()).get_json()
    assert answer["readout"][ids.NOTICE] == idle.trouble()
    assert "worker is not running" in answer["readout"][ids.NOTICE]


def batch_points(answer: dict[str, Any]) -> list[float]:
    """Where the points of the batches' loss are that an answer adds."""
    traces = (answer["drawn"] or {"traces": []})["traces"]
    return [x for key, xs, _ in traces if key == "batches" for x in xs]


def test_the_loss_of_the_batches_is_sent_as_it_trains_each_point_once(
    store: Store, training: int
) -> None:
    cursor, sent = opened(store, training), []
    for batch in (5, 9, 9, 17):
        store.record(training, Progress(1, batch, 17, Trace(tuple([1.0] * batch))))
        answer = news(store, cursor)
        sent.append(len(batch_points(answer)))
        cursor = after(cursor, answer)
    assert sent == [5, 4, 0, 8]
    decision = FLAT[0].decision
    assert decision is not None
    whole = Trace(tuple([1.0] * 17))
    store.record(training, EpochEnded(1, 0.1, 0.1, FLAT[0].metrics, 1.0, decision, whole))
    answer = news(store, cursor)
    assert batch_points(answer) == []
    assert answer["drawn"]["epoch"] == 1


def test_a_trace_that_starts_again_after_a_resume_is_drawn_anew(
    store: Store, training: int
) -> None:
    store.record(training, Progress(1, 12, 17, Trace(tuple([1.0] * 12))))
    cursor = opened(store, training)
    assert cursor.traced == (1, 12)
    store.record(training, Progress(1, 3, 17, Trace((2.0, 2.0, 2.0))))
    assert news(store, cursor)["redraw"]
    assert "redraw" not in news(store, opened(store, training))


def test_a_verdict_asked_for_before_the_run_has_started_knows_its_classes_later(
    store: Store,
) -> None:
    run, verdicts = store.add(RunConfig(lr=0.001, epochs=5), claimed=True), Verdicts(store)
    queued = store.run(run)
    assert queued is not None
    assert verdicts.of(queued)["statements"] == []
    store.record(run, STARTED)
    schedule = Schedule(RunConfig(lr=0.001, epochs=5), 17)
    for epoch in range(1, 6):
        decision = schedule.advance(2.31)
        store.record(run, EpochEnded(epoch, 1e-3, 1e-3, metrics(2.31, 2.31, 0.1), 1.0, decision))
    store.record(run, Ended("finished"))
    row = store.run(run)
    assert row is not None
    found = verdicts.of(row)
    assert found["learned"] is False
    assert "guessing among 10 classes" in found["statements"][0][1]


def test_a_damaged_trace_hides_nothing_else_of_its_run(store: Store, training: int) -> None:
    store.record(training, Progress(1, 3, 17, Trace((2.0, 2.0, 2.0))))
    record(store, training, FLAT[0])
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE traces SET trace = 'nonsense'")
    view = view_of(store, training, 0)
    assert view["readout"]["status"] == ["training", "training"]
    assert len(view["log"]) == 1
    record(store, training, FLAT[1])
    assert news(store, Cursor(**view["cursor"]))["drawn"]["epoch"] == 2


def test_a_run_that_waits_says_for_what(store: Store, training: int) -> None:
    waits = store.add(CONFIG)

    def said() -> Any:
        readout = news(store, opened(store, waits))["readout"]
        assert view_of(store, waits, 0)["readout"][ids.PROGRESS_LEFT] == readout[ids.PROGRESS_LEFT]
        return readout[ids.PROGRESS_LEFT]

    assert said() == f"Waiting for run #{training}."
    store.ask(training, "pause")
    assert said() == f"Waiting for run #{training}, which is paused."
    store.record(training, Ended("stopped"))
    assert said() == "Waiting for its turn."
    sweep = store.add_sweep("grid", CONFIG, {}, [CONFIG], claimed=True)
    assert said() == f"Waiting for sweep #{sweep}."
    (cell,) = store.cells(sweep)  # its sweep waits for nothing
    assert view_of(store, cell.id, 0)["readout"][ids.PROGRESS_LEFT] == "Waiting for its turn."
