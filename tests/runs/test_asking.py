"""What the table of runs is answered."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.runs.asking import BLOCK
from app.runs.cells import HIGH, rows, scaled
from app.server import create_app
from tests.runs.many import fill
from tests.small import small
from tests.store.test_store import ended, training
from trainer.config.recipe import Recipe
from trainer.engine.events import Intervened
from trainer.store.store import Store
from trainer.worker import Worker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.fixture
def client(store: Store, tmp_path: Path) -> FlaskClient:
    client: FlaskClient = create_app(store, Worker(store, tmp_path)).server.test_client()
    return client


def asked(client: FlaskClient, path: str, **body: Any) -> Any:
    answer = client.post(path, data=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_block_has_its_rows_and_the_number_of_all(client, store):
    fill(store, BLOCK + 5, 2)
    first = asked(client, "/runs/rows", query={}, start=0)
    rest = asked(client, "/runs/rows", query={}, start=BLOCK)
    ids = [row["id"] for row in [*first["rows"], *rest["rows"]]]
    assert ids == list(range(BLOCK + 5, 0, -1))
    assert (first["count"], first["order"]) == (rest["count"], rest["order"])


def test_reads_are_as_many_for_a_block_as_for_a_row(store):
    fill(store, BLOCK, 3)
    counts = []
    for runs in ([1], list(range(1, BLOCK + 1))):
        statements: list[str] = []
        store.connection.set_trace_callback(statements.append)
        assert len(rows(store, runs)) == len(runs)
        store.connection.set_trace_callback(None)
        # SQLite also traces the subqueries that it runs for the rows of one statement.
        counts.append(len([s for s in statements if not s.startswith("--")]))
    assert counts[0] == counts[1] <= 5


def test_news_are_the_rows_that_changed_and_nothing_of_an_unchanged_store(client, store):
    fill(store, 3, 2)
    run = training(store)
    block = asked(client, "/runs/rows", query={}, start=0)
    shown = {str(row["id"]): row["version"] for row in block["rows"]}
    told = asked(client, "/runs/news", query={}, version=None, rows=shown)
    assert told["rows"] == []
    again = asked(client, "/runs/news", query={}, version=told["version"], rows=shown)
    assert "rows" not in again
    store.record(run, ended(1, 0.5))
    told = asked(client, "/runs/news", query={}, version=told["version"], rows=shown)
    assert [row["id"] for row in told["rows"]] == [run]
    assert told["order"] == block["order"]


def test_a_change_is_made_or_refused_in_the_words_of_the_store(client, store):
    fill(store, 2, 2)
    run = training(store)
    assert asked(client, "/runs/change", what="star", runs=[1, 2], value=True) == {"refused": None}
    assert asked(client, "/runs/change", what="tag", runs=[1], value="a,b")["refused"] is None
    assert asked(client, "/runs/change", what="archive", runs=[2], value=True)["refused"] is None
    assert store.run(1).starred
    assert {"a", "b"} <= set(store.run(1).tags)
    assert store.run(2).archived
    refused = asked(client, "/runs/change", what="delete", runs=[1, run])
    assert refused == {"refused": f"Run {run} has not ended: stop it before you delete it."}
    assert asked(client, "/runs/change", what="rename", runs=[99], value="x") == {
        "refused": "There is no run 99."
    }


def test_runs_are_run_again_with_other_seeds_or_with_and_without_the_schedule(client, store):
    for config in (small(), small(seed=1, schedule={"name": "StepLR"}), small(seed=1)):
        store.add(config)
    assert asked(client, "/runs/change", what="seeds", runs=[1, 2, 3], value="2")["refused"] is None
    assert [store.run(run).config.seed for run in range(4, 8)] == [2, 3, 0, 2]
    assert asked(client, "/runs/change", what="without", runs=[2])["refused"] is None
    constant = [store.run(run).config for run in (8, 9, 10)]
    assert [config.seed for config in constant] == [0, 1, 2]
    assert {config.schedule.name for config in constant} == {"none"}
    assert all(store.run(run).status == "queued" for run in range(4, 11))
    assert store.run(11) is None


def test_what_cannot_be_repeated_is_refused_and_nothing_is_queued(client, store):
    fill(store, 1, 2)
    imported = store.add_imported(Recipe(), "x.csv", store.epochs(1))
    fork = store.add(small(), parent=(1, 2))
    for runs, value, refusal in (
        ([1, imported], "2", f"Run {imported} was imported: it cannot be trained here."),
        (
            [1, fork],
            "2",
            f"Run {fork} is a fork: its first epochs are those of run 1, "
            "whatever its seed; run that one again.",
        ),
        ([1], "none", "The number of seeds must be from 1 to 50."),
    ):
        told = asked(client, "/runs/change", what="seeds", runs=runs, value=value)
        assert told == {"refused": refusal}
    assert store.run(fork + 1) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/runs/rows", {"query": {"sort": [["1; DROP TABLE runs", True]]}, "start": 0}),
        ("/runs/rows", {"query": {"filters": [{"column": "x", "operator": "less"}]}, "start": 0}),
        ("/runs/rows", {"query": {"filters": [{"column": "lr", "operator": "is"}]}, "start": 0}),
        ("/runs/rows", {"query": {}, "start": -1}),
        ("/runs/rows", {"query": {"text": "x" * 1000}, "start": 0}),
        ("/runs/news", {"query": {}, "version": 1, "rows": {"a": 1}}),
        ("/runs/news", {"query": {}, "version": 1, "rows": {str(n): 1 for n in range(1000)}}),
        ("/runs/change", {"what": "drop", "runs": [1]}),
        ("/runs/change", {"what": "star", "runs": ["1); DELETE"]}),
        ("/runs/change", {"what": "star", "runs": []}),
        ("/runs/change", []),
    ],
)
def test_what_the_page_does_not_send_is_refused(client, path, body):
    answer = client.post(path, data=json.dumps(body))
    assert (answer.status_code, answer.text.count("\n")) == (400, 1)


def test_a_curve_is_scaled_between_its_ends_by_its_logarithm():
    assert scaled([100.0, 10.0, None, 1.0]) == [HIGH, HIGH // 2, None, 0]
    assert scaled([-1.0, 0.0, 1.0]) == [0, HIGH // 2, HIGH]
    assert scaled([0.3, 0.3]) == [HIGH // 2, HIGH // 2]
    assert scaled([None, None]) == [None, None]


def test_epochs_that_were_added_by_hand_are_planned(store):
    run = training(store)
    planned = store.run(run).epochs
    store.record(run, Intervened(1, 0, "epochs", 10, 0.1, 0.1, ""))
    assert rows(store, [run])[0]["epochs"] == str(planned + 10)
