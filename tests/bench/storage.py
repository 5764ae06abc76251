"""The store, and what a page is sent of it."""

import json
import math
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from dash import Dash

from app.lab.trouble import Trouble
from app.lab.whole import view_of
from app.server import create_app
from tests.bench.table import Figure, Plan, Report, Row, Target, longer, p95
from tests.bench.turns import seconds
from trainer.config.run import RunConfig
from trainer.engine.events import EpochEnded, Started
from trainer.replay.replay import replay
from trainer.store.store import Store
from trainer.worker import Worker

RUNS = 10_000
EPOCHS_EACH = 20
RECORDS = 200  # a round
LENGTHS = (10, 1_000, 10_000)


def store(plan: Plan) -> Report:
    """Milliseconds for one epoch's record in a full store, and in an empty one."""
    full, empty = (recording_times(runs, plan.rounds) for runs in (RUNS, 1))
    return Report(
        "The store",
        f"{RECORDS} epochs a round, 95 % of them recorded within what is shown; {RUNS:,} runs of "
        f"{EPOCHS_EACH} epochs are in the store already, or one.",
        [
            Row(
                "an epoch's record, p95",
                Figure("LRScope", "ms", full),
                Figure("one run in it", "ms", empty),
                target=Target("at most", 1.0),
            )
        ],
    )


def recording_times(runs: int, rounds: int) -> tuple[float, ...]:
    """The p95 of recording an epoch, in milliseconds, a round each."""
    with tempfile.TemporaryDirectory() as home, closing(Store(Path(home))) as store:
        fill(store, runs)
        times = []
        for _ in range(rounds + 1):
            run = store.add(RunConfig(epochs=RECORDS), claimed=True)
            took = [
                1e3 * seconds(partial(store.record, run, epoch)) for epoch in epochs(noisy(RECORDS))
            ]
            times.append(p95(tuple(took)))
    return tuple(times[1:])


def fill(store: Store, runs: int) -> None:
    """Copy one run so often."""
    first = long_run(store, noisy(EPOCHS_EACH))
    with closing(sqlite3.connect(store.path)) as connection, connection:
        columns = {
            table: ", ".join(
                row[1]
                for row in connection.execute(f"PRAGMA table_info({table})")
                if row[1] not in ("id", "run")
            )
            for table in ("runs", "epochs", "best")
        }
        numbers = [(first, number) for number in range(first + 1, first + runs)]
        connection.executemany(
            f"INSERT INTO runs (id, {columns['runs']}) "
            f"SELECT ?2, {columns['runs']} FROM runs WHERE id = ?1",
            numbers,
        )
        for table in ("epochs", "best"):
            connection.executemany(
                f"INSERT INTO {table} (run, {columns[table]}) "
                f"SELECT ?2, {columns[table]} FROM {table} WHERE run = ?1",
                numbers,
            )
        connection.execute("UPDATE runs SET status = 'stopped'")


def noisy(count: int) -> list[float]:
    """Losses that fall, then stay: the LR is cut until no cut has an effect."""
    noise = random.Random(0)
    return [2 * math.exp(-e / 50) + 0.05 + 0.005 * noise.random() for e in range(count)]


def falling(count: int) -> list[float]:
    """Losses of which each is a new best."""
    return [2 * 0.9995**e for e in range(count)]


def epochs(losses: list[float]) -> Iterator[EpochEnded]:
    """Epochs with these losses, and what the plateau rule decides on each."""
    for step, loss in zip(replay(losses, RunConfig(epochs=len(losses))), losses, strict=True):
        yield EpochEnded(
            epoch=step.epoch,
            lr=step.lr,
            lr_last=step.lr_last,
            metrics={"train_loss": loss * 0.9, "val_loss": loss, "val_accuracy": 1 - loss / 4},
            seconds=0.1,
            decision=step.decision,
        )


def long_run(store: Store, losses: list[float]) -> int:
    """A run that trains and has these epochs behind it; its number."""
    run = store.add(RunConfig(epochs=len(losses)), claimed=True)
    store.record(run, Started("cpu", 1, 17, 1077, 360, 360, 10, 9098))
    for epoch in epochs(losses):
        store.record(run, epoch)
    return run


def update(plan: Plan) -> Report:  # noqa: ARG001 - bytes are the same in every round
    """Bytes of the answer that brings a page one epoch."""
    sizes = update_sizes(LENGTHS)
    first = Figure(f"at epoch {LENGTHS[0]}", "bytes", (sizes[0],))
    largest = Target("at most", 1024)
    rows = [Row(f"one update at epoch {LENGTHS[0]}", first, target=largest)]
    for length, size in zip(LENGTHS[1:], sizes[1:], strict=True):
        figure = Figure("LRScope", "bytes", (size,))
        rows.append(Row(f"one update at epoch {length:,}", figure, target=largest))
        rows.append(longer(f"one update at epoch {length:,}", figure, first, 1.1, "as large"))
    return Report(
        "One live update", "The body of the answer to a poll with one new epoch, a new best.", rows
    )


def update_sizes(lengths: tuple[int, ...]) -> list[float]:
    """Bytes of the update at each of these epochs."""
    sizes = []
    with tempfile.TemporaryDirectory() as home, closing(Store(Path(home))) as store:
        worker = Worker(store, Path(home))
        client = create_app(store, worker).server.test_client()
        for length in lengths:
            run = long_run(store, falling(length))
            view = view_of(store, run, run, Trouble(store, worker).of)
            cursor = {**view["cursor"], "epoch": length - 1, "last": None}
            # An open page has the verdict, which is sent again only where it changes.
            cursor["verdict"] = client.post("/live", json=cursor).json["verdict"]["token"]
            sizes.append(float(len(client.post("/live", json=cursor).data)))
    return sizes


def answer(
    app: Dash, output: str, trigger: str, value: Any, state: dict[str, Any] | None = None
) -> bytes:
    """The body with which the page's server answers a callback, named by its data output."""
    key, callback = next(
        (key, known)
        for key, known in app.callback_map.items()
        if f"{output}.data" in key and known.get("callback") and known["inputs"][0]["id"] == trigger
    )
    outputs = [
        {"id": part.rpartition(".")[0], "property": part.rpartition(".")[2]}
        for part in key.strip(".").split("...")
    ]
    body = {
        "output": key,
        "outputs": outputs if key.startswith("..") else outputs[0],
        "inputs": [
            {**given, "value": value if given["id"] == trigger else None}
            for given in callback["inputs"]
        ],
        "changedPropIds": [f"{trigger}.{callback['inputs'][0]['property']}"],
        "state": [{**s, "value": (state or {})[s["id"]]} for s in callback["state"]],
    }
    response = app.server.test_client().post(
        "/_dash-update-component", data=json.dumps(body), content_type="application/json"
    )
    assert response.status_code == 200, response.status
    data: bytes = response.data
    return data
