"""A server that trains run after run does not grow, and trains each run that was started once."""

import json
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from threading import Barrier
from typing import Any
from unittest import mock

import pytest

from app import ids
from app.lab.whole import view_of
from tests.bench.server import HOST, answers, command, finish, started
from tests.bench.turns import until
from tests.conftest import LONG
from tests.page import served
from tests.test_form import shown
from trainer.config.run import RunConfig
from trainer.engine.events import EpochEnded, Event, Started
from trainer.store.store import Store

RUNS = 2_000 if LONG else 45
SETTLED = RUNS // 3  # runs after which nothing grows any more
STARTS = 8
SHORT = RunConfig(model="mlp", epochs=1, batch_size=1077, device="cpu")
PROC = Path("/proc")


def held(process: int) -> dict[str, int]:
    """What a process holds: threads, open files, and kilobytes of memory."""
    status = (PROC / str(process) / "status").read_text()
    numbers = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return {
        "threads": int(numbers["Threads"]),
        "files": len(list((PROC / str(process) / "fd").iterdir())),
        "memory": int(numbers["VmRSS"].split()[0]),
    }


@pytest.mark.skipif(not PROC.exists(), reason="what a process holds is read from /proc")
def test_a_server_holds_no_more_after_many_runs_than_after_some(record_property) -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        closing(Store(Path(home))) as store,
        started(command(Path(home)), "--port") as (process, port),
    ):
        until(lambda: answers(process, port))
        took, some = [], {}
        with closing(HTTPConnection(HOST, port)) as connection:
            for number in range(1, RUNS + 1):
                run = store.add(SHORT)
                finish(store, run)
                cursor = view_of(store, run, run)["cursor"]
                began = time.perf_counter()
                connection.request("POST", "/live", json.dumps({**cursor, "epoch": 0}))
                answer = json.loads(connection.getresponse().read())
                took.append(time.perf_counter() - began)
                assert answer["drawn"]["epoch"] == 1
                if number == SETTLED:
                    some = held(process.pid)
        many = held(process.pid)
    assert many["threads"] <= some["threads"]
    assert many["files"] <= some["files"] + 2  # the poll's own connections
    assert many["memory"] <= 1.1 * some["memory"]
    record_property("runs", RUNS)
    record_property(
        f"held after {SETTLED} and {RUNS} runs",
        ", ".join(
            f"{what} {some[what]:,} and {many[what]:,}{' kB' if what == 'memory' else ''}"
            for what in some
        ),
    )
    third = len(took) // 3
    record_property(
        "a poll, first and last third",
        f"{1e3 * median(took[:third]):.1f} and {1e3 * median(took[-third:]):.1f} ms",
    )


def test_runs_started_at_once_in_two_servers_are_each_trained_once(tmp_path) -> None:
    recorded: Counter[tuple[int, str]] = Counter()
    record = Store.record

    def counting(store: Store, run: int, event: Event, *more: Any) -> None:
        record(store, run, event, *more)
        if isinstance(event, Started):
            recorded[run, "started"] += 1
        if isinstance(event, EpochEnded):
            recorded[run, f"epoch {event.epoch}"] += 1

    with mock.patch.object(Store, "record", counting), ExitStack() as stack:
        labs = [stack.enter_context(served(tmp_path, tmp_path)) for _ in range(2)]
        store, together = labs[0].store, Barrier(STARTS)
        with ThreadPoolExecutor(STARTS) as tabs:
            urls = [labs[tab % 2].url for tab in range(STARTS)]
            started = list(tabs.map(partial(press_start, together), urls))
        assert sorted(started) == list(range(1, STARTS + 1))
        until(lambda: all(run.over for run in store.runs(2 * STARTS)), every=0.02)
        assert [run.status for run in store.runs(2 * STARTS)] == ["finished"] * STARTS
    once = ["started", *(f"epoch {epoch}" for epoch in range(1, SHORT.epochs + 1))]
    assert recorded == {(run, what): 1 for run in started for what in once}


def press_start(together: Barrier, url: str) -> int:
    """Press Start on a page, at the same moment as the others; the run that the page then shows."""
    fields, values = shown(SHORT)
    place = url.removeprefix("http://").strip("/")
    with closing(HTTPConnection(place)) as connection:
        connection.request("GET", "/_dash-dependencies")
        callback = next(
            known
            for known in json.loads(connection.getresponse().read())
            if known["inputs"] == [{"id": ids.START, "property": "n_clicks"}]
            and ids.FORK_OF in known["output"]
        )
        outputs = [one.rpartition(".") for one in callback["output"].strip(".").split("...")]
        states = {"value": values, "id": fields}
        asked = {
            "output": callback["output"],
            "outputs": [{"id": name, "property": prop} for name, _, prop in outputs],
            "inputs": [{**callback["inputs"][0], "value": 1}],
            "changedPropIds": [f"{ids.START}.n_clicks"],
            "state": [
                [
                    {"id": field, "property": s["property"], "value": value}
                    for field, value in zip(fields, states[s["property"]], strict=True)
                ]
                if s["id"].startswith("{")
                else {**s, "value": "max" if s["id"] == ids.PACE else None}
                for s in callback["state"]
            ],
        }
        together.wait()
        connection.request(
            "POST",
            "/_dash-update-component",
            json.dumps(asked),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return int(json.loads(body)["response"][ids.RUN]["value"])
