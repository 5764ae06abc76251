"""What a page learns of the runs that it draws behind the displayed one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import address
from app.lab.others import LIVE_MS, Laid, Wanted, news
from app.run_columns import RunColumns
from app.server import create_app
from tests.compare.runs import recorded
from tests.lab.test_readout import STARTED
from tests.small import metrics
from trainer.config.table import to_config
from trainer.engine.events import EpochEnded
from trainer.schedule.schedule import Schedule
from trainer.store.store import Store
from trainer.worker import Worker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "home")
    yield store
    store.close()


def wanted(*runs: int, tokens: dict[str, int] | None = None) -> Wanted:
    held = tokens or {}
    return Wanted(
        runs=[
            Laid(run=str(run), place=place, token=held.get(str(run)))
            for place, run in enumerate(runs)
        ]
    )


def test_several_runs_take_one_query_for_the_runs_and_one_for_their_epochs(store: Store) -> None:
    for seed in range(4):
        recorded(store, seed=seed, epochs=2)
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    answer = news(RunColumns(store), wanted(1, 2, 3, 4))
    store.connection.set_trace_callback(None)
    assert [run["run"] for run in answer["runs"]] == ["1", "2", "3", "4"]
    losses = [row.metrics["val_loss"] for row in store.epochs(3)]
    assert answer["runs"][2]["traces"][0]["y"] == losses
    assert len(asked) == 2


def test_what_a_page_has_is_not_sent_nor_read_again_and_it_does_not_ask_again(
    store: Store,
) -> None:
    recorded(store, epochs=2)
    columns = RunColumns(store)
    answer = news(columns, wanted(1))
    held = {run["run"]: run["token"] for run in answer["runs"]}
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    assert news(columns, wanted(1, tokens=held)) == {"runs": [], "refused": {}, "wait": None}
    store.connection.set_trace_callback(None)
    assert len(asked) == 1
    store.rename(1, "the first")
    assert news(columns, wanted(1, tokens=held))["runs"][0]["name"] == "the first"


def test_a_run_that_trains_is_sent_again_when_it_has_another_epoch(store: Store) -> None:
    config = to_config({"model": "mlp", "epochs": 9})
    run = store.add(config, claimed=True)
    store.record(run, STARTED)
    columns = RunColumns(store)
    held: dict[str, int] = {}
    schedule = Schedule(config, batches=1)
    for epoch in range(1, 4):
        schedule.step_batch()
        store.record(
            run,
            EpochEnded(epoch, 0.1, 0.1, metrics(1.0, 1 / epoch, 0.5), 0.1, schedule.advance(1.0)),
        )
        answer = news(columns, wanted(run, tokens=held))
        assert answer["wait"] == LIVE_MS
        assert answer["runs"][0]["traces"][0]["x"] == list(range(1, epoch + 1))
        held = {str(run): answer["runs"][0]["token"]}
        assert news(columns, wanted(run, tokens=held))["runs"] == []


def test_a_fork_has_the_epochs_that_it_shares(store: Store) -> None:
    recorded(store, epochs=4)
    fork = store.add(to_config({"lr": 0.02, "epochs": 6, "model": "mlp"}), parent=(1, 3))
    answer = news(RunColumns(store), wanted(fork))
    assert answer["runs"][0]["traces"][0]["x"] == [1, 2, 3]


def test_a_run_that_cannot_be_drawn_is_told_and_costs_no_other_one(store: Store) -> None:
    recorded(store, epochs=2)
    recorded(store, epochs=2)
    with store._database.transaction() as connection:
        connection.execute("UPDATE epochs SET metrics = 'x' WHERE run = 2 AND epoch = 1")
    answer = news(RunColumns(store), wanted(1, 2, 99))
    assert [run["run"] for run in answer["runs"]] == ["1"]
    assert answer["refused"].keys() == {"2", "99"}
    assert answer["refused"]["2"].startswith("Run 2 cannot be read: epoch 1")
    assert answer["refused"]["99"] == "There is no run 99."
    store.delete([1])
    assert news(RunColumns(store), wanted(1))["refused"] == {"1": "There is no run 1."}


@pytest.mark.parametrize(
    ("text", "others", "refused"),
    [
        ("3,4", (3, 4), []),
        (" 4 ,, 4,3", (4, 3), []),
        ("", (), []),
        ("x,3,-1", (3,), ["There is no run 'x'.", "There is no run '-1'."]),
        (
            ",".join(map(str, range(1, 61))),
            tuple(range(1, 51)),
            ["At most 50 runs can be chosen: the others are left out."],
        ),
    ],
)
def test_the_address_names_the_runs_behind(
    text: str, others: tuple[int, ...], refused: list[str]
) -> None:
    found = address.read(f"?run=5&with={text}&lr=0.02")
    assert (found.run, found.others, found.refused) == (5, others, refused)
    assert found.config.lr == 0.02


def test_what_the_page_cannot_have_sent_is_refused(store: Store, tmp_path: Path) -> None:
    client = create_app(store, Worker(store, tmp_path)).server.test_client()
    for body in (
        "null", '{"runs": [{"run": "x", "place": 0}]}', '{"runs": [{"run": "1", "place": 8}]}'
    ):  # fmt: skip
        assert client.post("/live/others", data=body).status_code == 400
    answer = client.post("/live/others", data=wanted(1).model_dump_json())
    assert answer.get_json()["refused"] == {"1": "There is no run 1."}
